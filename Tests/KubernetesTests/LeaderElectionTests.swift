import Foundation
import Synchronization
import Testing

@testable import Kubernetes

/// A lease as a server keeps it: replaced only by who knows its present version.
private final class LeaseServer: Sendable {
  private let lease = Mutex<Lease?>(nil)
  private let version = Mutex(0)

  var current: Lease? { lease.withLock { $0 } }

  func put(_ new: Lease) throws(ClusterError) -> Lease {
    let version = version.withLock { version in
      version += 1
      return version
    }
    let taken = lease.withLock { lease -> Lease? in
      guard (lease?.metadata.resourceVersion ?? "") == new.metadata.resourceVersion else { return nil }
      var stored = new
      stored.metadata.resourceVersion = String(version)
      lease = stored
      return stored
    }
    guard let taken else { throw ClusterError(.conflict, operation: "update", message: "changed") }
    return taken
  }
}

@Suite("Leader election")
struct LeaderElectionTests {
  private func election(_ identity: String, duration: Int = 15) -> LeaderElection {
    LeaderElection(identity: identity, namespace: "ops", name: "marlise", duration: duration)
  }

  @Test("the first creates the lease, renews it, and acts for three fifths of it after a renewal")
  func first() throws {
    let server = LeaseServer()
    var one = election("one")
    #expect(one.next(at: 0, clock: .now) == .read)
    one.note(read: nil, at: 0)
    guard case .create(let lease) = one.next(at: 0, clock: .now) else { return #expect(Bool(false)) }
    #expect(lease.metadata.name == "marlise" && lease.spec.holderIdentity == "one")
    #expect(!one.mayAct(at: 0))
    one.note(written: try server.put(lease), began: 0)
    #expect(one.mayAct(at: 8.99) && !one.mayAct(at: 9.01))
    #expect(one.next(at: 1, clock: .now) == .rest(1.5))
    guard case .update(let renewal) = one.next(at: 2.5, clock: .now) else { return #expect(Bool(false)) }
    one.note(written: try server.put(renewal), began: 2.5)
    #expect(one.mayAct(at: 11.4))
    #expect(server.current?.spec.leaseTransitions == 0)
  }

  @Test("a lease that is released is taken at once, one that is only silent after 85 hundredths of its time")
  func succession() throws {
    let server = LeaseServer()
    var one = election("one")
    var two = election("two", duration: 60)
    one.note(read: nil, at: 0)
    guard case .create(let lease) = one.next(at: 0, clock: .now) else { return #expect(Bool(false)) }
    one.note(written: try server.put(lease), began: 0)
    two.note(read: server.current, at: 100)
    // The holder's word counts: 15 s, not our 60.
    two.note(read: server.current, at: 112.5)
    #expect(two.next(at: 112.5, clock: .now) == .rest(0.25))
    two.note(read: server.current, at: 112.75)
    guard case .update(let claim) = two.next(at: 112.75, clock: .now) else { return #expect(Bool(false)) }
    #expect(claim.spec.holderIdentity == "two" && claim.spec.leaseTransitions == 1)
    let released = try #require(one.release(at: .now))
    let free = try server.put(released)
    two.note(read: free, at: 113.6)
    guard case .update(let again) = two.next(at: 113.6, clock: .now) else { return #expect(Bool(false)) }
    two.note(written: try server.put(again), began: 113.6)
    #expect(two.mayAct(at: 114))
    #expect(two.release(at: .now) != nil && election("three").release(at: .now) == nil)
  }

  @Test(
    "recorded refusals of a lease: that another was faster is how elections go, all else is told once; nobody acts",
    arguments: [
      ("lease/create-409", false), ("lease/update-conflict-409", false), ("lease/create-403", true),
      ("lease/create-invalid-422", true), ("lease/create-bad-time-400", true), ("lease/create-seconds-renewtime", true),
      ("errors/429-lease", true),
    ])
  func refusals(name: String, isTold: Bool) throws {
    let missing = HTTPResponse(try Fixture.load("lease/get-404"))
    let refusal = HTTPResponse(try Fixture.load(name))
    let transport = ScriptedTransport { request, _ in .success(request.method == .get ? missing : refusal) }
    let told = Mutex<[LeaderElector.Change]>([])
    let clock = FakePacing()
    let elector = LeaderElector(
      election("one"),
      client: APIClient(connection: .test(), transport: transport, pacing: clock.pacing, readAttempts: 1),
      pacing: clock.pacing
    ) { change in told.withLock { $0.append(change) } }
    for _ in 0..<12 { clock.advance(elector.perform()) }
    #expect(!elector.mayAct)
    #expect(transport.requests.contains { $0.method == .post })
    let failures = told.withLock { $0 }
    #expect(failures.count == (isTold ? 1 : 0), "\(failures)")
  }

  @Test("the right to write the lease is proven before anything begins, and changes nothing")
  func proof() throws {
    let missing = HTTPResponse(try Fixture.load("lease/get-404"))
    let forbidden = HTTPResponse(try Fixture.load("lease/create-403"))
    let transport = ScriptedTransport { request, _ in .success(request.method == .get ? missing : forbidden) }
    let clock = FakePacing()
    let elector = LeaderElector(
      election("one"),
      client: APIClient(connection: .test(), transport: transport, pacing: clock.pacing, readAttempts: 1),
      pacing: clock.pacing)
    let error = #expect(throws: ClusterError.self) { try elector.start() }
    #expect(error?.description.contains("resources: [leases], verbs: [create]") == true)
    #expect(transport.requests.filter { $0.method != .get }.allSatisfy { $0.target.hasSuffix("dryRun=All") })
  }

  /// Three instances that come, stall, lose answers and die, each with a clock of its own that began elsewhere.
  @Test("no two act at once, whatever happens to their requests, and somebody acts again soon", arguments: 0..<60)
  func exclusive(seed: UInt64) throws {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 12345
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    let server = LeaseServer()
    let duration = 15.0
    var instances = (0..<3).map { election("instance-\($0)") }
    let offsets = instances.map { _ in uniform() * 1e6 }
    /// An answer on its way: when it comes, and what it is; nil for one that is lost.
    struct Flight {
      var arrives: Double
      var began: Double
      var kind: Int  // 0 read, 1 written, 2 conflict, 3 lost
      var lease: Lease?
    }
    var flights: [Flight?] = Array(repeating: nil, count: 3)
    var stalledUntil = [0.0, 0.0, 0.0]
    var lastActed = 0.0
    var longestGap = 0.0
    var actor: Int?
    /// Until when the last write of who acted may land.
    var landsUntil = 0.0
    var changes = 0
    for tick in 0..<60_000 {
      let time = Double(tick) * 0.02
      for index in instances.indices where time >= stalledUntil[index] {
        let local = time + offsets[index]
        if let flight = flights[index], flight.arrives <= time {
          flights[index] = nil
          switch flight.kind {
          case 0: instances[index].note(read: flight.lease, at: local)
          case 1: flight.lease.map { instances[index].note(written: $0, began: flight.began) }
          case 2: instances[index].noteConflict()
          default: instances[index].noteFailure()
          }
        }
        if flights[index] == nil {
          let travel = 0.01 + uniform() * uniform() * 3
          let isLost = uniform() < 0.1
          switch instances[index].next(at: local, clock: Timestamp(seconds: time)) {
          case .rest: break
          case .read:
            flights[index] = Flight(arrives: time + travel, began: local, kind: isLost ? 3 : 0, lease: server.current)
          case .create(let lease), .update(let lease):
            // A lost answer may be that of a request that was taken.
            let made = isLost && uniform() < 0.5 ? nil : Result { () throws(ClusterError) in try server.put(lease) }
            switch made {
            case .success(let lease)?:
              flights[index] = Flight(arrives: time + travel, began: local, kind: isLost ? 3 : 1, lease: lease)
            case .failure?: flights[index] = Flight(arrives: time + travel, began: local, kind: isLost ? 3 : 2)
            case nil: flights[index] = Flight(arrives: time + travel, began: local, kind: 3)
            }
          }
        }
        if instances[index].mayAct(at: local) {
          if actor != index {
            #expect(time > landsUntil, "instance \(index) acts while a write of \(actor ?? -1) may land")
            changes += 1
          }
          actor = index
          landsUntil = time + 0.2 * duration
          longestGap = max(longestGap, time - lastActed)
          lastActed = time
        }
        if uniform() < 0.0005 { stalledUntil[index] = time + uniform() * 30 }
      }
    }
    #expect(changes > 3)
    #expect(longestGap < 90)
  }
}
