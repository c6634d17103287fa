import Autoscaling
import Kubernetes
import Testing

@testable import Control

@Suite("Shares of a pool that spans nodes")
struct PoolSharesTests {
  @Test("what is wanted is granted where it fits, and what is left goes out in proportion")
  func fits() {
    let shares = PoolShares(capacity: 1000).shares([
      NodeShare(held: 0, wanted: 300, floor: 100), NodeShare(held: 0, wanted: 100, floor: 50),
    ])
    #expect(shares == [750, 250])
  }

  @Test("where it does not fit, nobody gets less than its pods need at least, and the rest is shared out fairly")
  func short() {
    let shares = PoolShares(capacity: 1000).shares([
      NodeShare(held: 0, wanted: 5000, floor: 100), NodeShare(held: 0, wanted: 200, floor: 100),
    ])
    #expect(shares == [800, 200])
  }

  @Test("a raise waits until the agent whose share was cut says that it holds no more")
  func waits() {
    let pool = PoolShares(capacity: 1000)
    let busy = NodeShare(share: 800, bound: 800, held: 800, wanted: 100, floor: 100)
    let needy = NodeShare(share: 200, bound: 200, held: 200, wanted: 900, floor: 100)
    #expect(pool.shares([busy, needy]) == [100, nil])
    var cut = busy
    cut.share = 100
    cut.bound = 100
    cut.held = 500
    #expect(pool.shares([cut, needy]) == [nil, 500])
    cut.held = 100
    #expect(pool.shares([cut, needy]) == [nil, 900])
  }

  @Test("small changes are not worth a write")
  func hysteresis() {
    let node = NodeShare(share: 1000, bound: 1000, held: 900, wanted: 940, floor: 100)
    let other = NodeShare(share: 1000, bound: 1000, held: 900, wanted: 960, floor: 100)
    #expect(PoolShares(capacity: 2000).shares([node, other]) == [nil, nil])
  }

  @Test("annotations that are no numbers count as nothing, absurd ones as very much")
  func annotations() {
    #expect(NodeShare([NodeShare.shareKey: "x", NodeShare.heldKey: "-5"]) == NodeShare(held: 0, wanted: 0, floor: 0))
    #expect(NodeShare([NodeShare.heldKey: "9999999999999999"]).held == 1 << 40)
    var lease = ["other": "stays"]
    let node = NodeShare(share: 7, bound: 6, held: 5, wanted: 4, floor: 3)
    node.write(to: &lease)
    #expect(NodeShare(lease) == node && lease["other"] == "stays")
  }

  /// Agents and the keeper over leases that change only for who knows their version; reads, writes and answers take their time,
  /// some are lost, and agents use all of their share at once.
  @Test("whatever is late or lost, the pods of all nodes never hold more than the pool", arguments: 0..<60)
  func invariant(seed: UInt64) {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 99
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    struct Stored {
      var version = 0
      var lease: Lease
    }
    let count = 2 + Int(uniform() * 5)
    let capacity = 1000 * count
    let pool = PoolShares(capacity: capacity)
    let start = 400
    let holders = (0..<count).map { _ in ShareHolder(pool: "p") }
    var held = Array(repeating: start, count: count)
    var stored = (0..<count).map { index in
      Stored(
        lease: Lease(
          metadata: ObjectMetadata(name: "\(index)", namespace: "n"),
          spec: Lease.Spec(
            holderIdentity: "agent", leaseDurationSeconds: 15, acquireTime: nil, renewTime: nil, leaseTransitions: 0)))
    }
    for holder in holders { holder.begin(capacity: capacity, held: start, floor: 100) }
    var wanted = Array(repeating: start, count: count)
    /// What the keeper read last, and what an agent has on its way.
    var view: [Stored]?
    var flights: [(at: Int, made: Lease?)?] = Array(repeating: nil, count: count)
    var known = stored
    var largest = 0
    for tick in 0..<4000 {
      for index in 0..<count {
        if uniform() < 0.01 { wanted[index] = Int(uniform() * 3000) }
        // The pods: up to what may be used, now.
        let mayUse = capacity - holders[index].withheld
        held[index] = max(min(wanted[index], mayUse), min(held[index], 100))
        holders[index].tell(held: held[index], wanted: wanted[index], floor: 100)
        if let flight = flights[index] {
          guard flight.at <= tick else { continue }
          flights[index] = nil
          if let made = flight.made {
            holders[index].take(made, isOurs: true)
            known[index].lease = made
          } else {
            // Refused or lost: look again.
            known[index] = stored[index]
            holders[index].take(known[index].lease, isOurs: false)
          }
        } else if uniform() < 0.2 {
          var lease = known[index].lease
          holders[index].prepare(&lease)
          let isTaken = known[index].version == stored[index].version && uniform() < 0.9
          if isTaken {
            stored[index].version += 1
            stored[index].lease = lease
            known[index].version = stored[index].version
          }
          let isAnswered = isTaken && uniform() < 0.9
          flights[index] = (tick + Int(uniform() * 20), isAnswered ? lease : nil)
        }
      }
      if view == nil, uniform() < 0.3 { view = stored }
      if let seen = view, uniform() < 0.2 {
        view = nil
        let nodes = seen.map { NodeShare($0.lease.metadata.annotations) }
        guard nodes.allSatisfy({ $0.held > 0 }) else { continue }
        let new = pool.shares(nodes)
        var isSafe = true
        for isCut in [true, false] where isSafe {
          for index in 0..<count {
            guard let share = new[index], (share < nodes[index].share ?? 0) == isCut else { continue }
            if stored[index].version == seen[index].version, uniform() < 0.95 {
              var node = nodes[index]
              node.share = share
              node.write(to: &stored[index].lease.metadata.annotations)
              stored[index].version += 1
            } else if isCut {
              isSafe = false
            }
          }
        }
      }
      let sum = held.reduce(0, +)
      #expect(sum <= capacity, "tick \(tick)")
      largest = max(largest, sum)
    }
    #expect(largest > capacity * 8 / 10)
  }
}
