import Autoscaling
import Backend
import Control
import Foundation
import HTTPServer
import PodSimulation
import Synchronization

/// Wants what keeps 60 % of the limit in use.
struct Proportional: ScalingPolicy {
  mutating func reset() {}
  mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    for pod in 0..<group.count where group.samples[pod].isPresent {
      wishes[pod] = Int((group.samples[pod].usage / 0.6).rounded()) + 20
    }
  }
}

/// Lets others go first for two milliseconds at most.
private func giveWay() { _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(2)) }

/// Simulated pods whose seconds pass as fast as the loop asks for them.
final class QuickCluster: ControlledCluster {
  let places: [Place]
  let cluster: PodCluster
  private let load: EpisodeLoad
  private let isWanted: () -> Bool

  init(pods: Int, isWanted: @escaping () -> Bool) throws {
    var parameters = PodParameters()
    parameters.limit = 300
    cluster = try PodCluster(PodClusterConfiguration(pods: Array(repeating: parameters, count: pods), seed: 7))
    places = (0..<pods).map { Place(PodDescription(name: "web-\($0)"), original: 300, owner: "Deployment/web") }
    load = EpisodeLoad(pods: pods, clusters: 1, seconds: 600)
    cluster.reset(episode: 0)
    load.draw(try Workload(WorkloadSettings("bursty", mean: 15, minimum: 1)), for: cluster)
    for pod in places.indices { cluster.setLimit(300, ofPod: pod, cluster: 0) }
    self.isWanted = isWanted
  }

  var now: Double { Double(cluster.time) }

  func awaitRound(interval: Double) throws -> Bool {
    if isWanted() { return false }
    giveWay()
    cluster.advance(rates: load[cluster.time % load.seconds])
    return true
  }

  func sample(into samples: UnsafeMutableBufferPointer<PodSample>) throws {
    for pod in samples.indices { samples[pod] = cluster.sample(pod: pod, cluster: 0) }
  }

  func resize(_ places: [Int], to limits: (Int) -> Millicores) throws {
    for pod in places { cluster.resize(limits(pod), ofPod: pod, cluster: 0) }
  }
}

final class QuickDriver: SessionDriver {
  let loop: ControlLoop<QuickCluster, Proportional>
  private var settings: SessionSettings
  private var lowered: Set<String> = []
  let facts = ClusterFacts(kind: "simulated")
  let election: ElectionFacts?
  let counts = ResizeCounts()
  let owesLimits = false
  let released: @Sendable () -> Void

  init(
    _ session: Session, pods: Int, election: ElectionFacts? = nil, released: @escaping @Sendable () -> Void
  ) throws {
    self.election = election
    settings = session.snapshot.settings
    self.released = released
    let cluster = try QuickCluster(pods: pods, isWanted: { session.isWanted })
    loop = try ControlLoop(
      cluster: cluster,
      settings: DecisionSettings(
        pool: ResourcePool(capacity: settings.capacity),
        shield: SafetyShield(minimum: settings.minimum, maximum: settings.maximum)), interval: 1, applies: settings.acts
    ) { _ in Proportional() }
    loop.adjust = { [unowned self] place, _ in
      settings.pods[place.description.name]?.adjust(&place)
      if lowered.contains("") || lowered.contains(place.description.name) {
        place.description.bounds = settings.minimum...settings.minimum
        place.isApplied = true
      } else if !lowered.isEmpty, !settings.acts {
        place.isApplied = false
      }
    }
  }

  var group: PodGroup { loop.group }
  func note(_ place: Int) -> String { "" }
  func lowerOnce(_ pod: String?) { lowered.insert(pod ?? "") }

  func perform() throws -> (round: ControlRound, seconds: Double)? {
    guard try loop.cluster.awaitRound(interval: 1) else { return nil }
    loop.applies = !lowered.isEmpty || settings.acts
    defer { lowered = [] }
    return (try loop.perform(), 0.0001)
  }

  func change(to new: SessionSettings) throws {
    struct Missing: Error, CustomStringConvertible { var description: String }
    if new.checkpoint == "missing.h5" { throw Missing(description: "missing.h5 cannot be read") }
    try loop.change(
      to: DecisionSettings(
        pool: ResourcePool(capacity: new.capacity), shield: SafetyShield(minimum: new.minimum, maximum: new.maximum)))
    settings = new
  }

  func release() -> (restored: Int, failed: [String: String]) {
    try? loop.cluster.resize(Array(loop.cluster.places.indices)) { _ in 300 }
    released()
    return (loop.cluster.places.count, [:])
  }
}

/// A running service over simulated pods, asked without a socket.
final class Bench: Sendable {
  let session: Session
  let service: BackendService
  /// What the service did.
  final class Notes: Sendable {
    let releases = Mutex(0)
    let audit = Mutex<[BackendService.AuditEntry]>([])
  }

  let notes: Notes
  private let ended = DispatchSemaphore(value: 0)

  init(
    pods: Int = 3, isRunning: Bool = false, mode: SessionSettings.Mode = .apply, rules: AccessRules = AccessRules(),
    election: ElectionFacts? = nil
  ) throws {
    let facts = ServiceFacts(
      version: "test",
      algorithms: [
        .init(name: "first", summary: "one", family: "dqn"), .init(name: "second", summary: "two", family: "dqn"),
        .init(name: "third", summary: "three", family: "ppo"), .init(name: "fourth", summary: "four", family: "ddpg"),
      ], defaultAlgorithm: "first", demandsToken: rules.token != nil)
    let settings = SessionSettings(
      isRunning: isRunning, mode: mode, capacity: 1000, interval: 1, minimum: 50, maximum: 1000)
    session = Session(facts, settings: settings, facts: ClusterFacts(kind: "simulated")) { _ in }
    let notes = Notes()
    self.notes = notes
    service = BackendService(session, rules: rules) { entry in notes.audit.withLock { $0.append(entry) } }
    let session = session
    let ended = ended
    Thread.detachNewThread {
      let driver = try? QuickDriver(
        session, pods: pods, election: election, released: { notes.releases.withLock { $0 += 1 } })
      if let driver { _ = session.run(driver) }
      ended.signal()
    }
    _ = wait { !self.session.snapshot.pods.isEmpty }
  }

  func stop() {
    session.stop()
    ended.wait()
  }

  /// Waits until something holds; false after ten seconds.
  func wait(_ condition: () -> Bool) -> Bool {
    for _ in 0..<5000 {
      if condition() { return true }
      giveWay()
    }
    return false
  }

  struct Answer {
    var status: Int
    var headers: [String: String]
    var text: String
    var json: NSDictionary? { (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? NSDictionary }
    var message: String? { json?["message"] as? String ?? (json?["error"] as? NSDictionary)?["message"] as? String }
  }

  func send(
    _ method: String, _ target: String, _ body: String = "", headers: [String: String] = [:],
    peer: String = "127.0.0.1:5"
  ) -> Answer {
    var all = headers
    if !body.isEmpty, all["content-type"] == nil { all["content-type"] = "application/json" }
    if all["host"] == nil { all["host"] = "127.0.0.1:8000" }
    let request = ServerRequest(method, target, headers: all, body: Array(body.utf8), peer: peer)
    let response: ServerResponse
    switch service.answer(request) {
    case .now(let now): response = now
    case .later(let pending):
      let arrived = DispatchSemaphore(value: 0)
      let slot = Mutex<ServerResponse?>(nil)
      pending.then { answer in
        slot.withLock { $0 = answer }
        arrived.signal()
      }
      _ = arrived.wait(timeout: .now() + 20)
      response = slot.withLock { $0 } ?? ServerResponse(599)
    }
    var text = ""
    if case .bytes(let bytes) = response.body { text = String(decoding: bytes, as: UTF8.self) }
    return Answer(
      status: response.status,
      headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }, text: text)
  }
}
