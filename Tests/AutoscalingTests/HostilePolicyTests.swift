import RandomStreams
import Testing

@testable import Autoscaling

/// A cluster that is as unpleasant as the policy: resizes come late or never, samples are stale, lie and stay away, pods come
/// and go, somebody else resizes, priorities are nonsense.
private struct HostileCluster {
  var random: RandomStream
  /// In force, and what was sent and acts later.
  var limits: [Millicores]
  var pending: [(limit: Millicores, at: Double)?]
  var present: [Bool]
  var sampleTimes: [Double]
  let actsAtOnce: Bool

  init(seed: UInt64, count: Int, limit: Millicores) {
    random = RandomStream(seed: seed, purpose: "hostile cluster")
    limits = Array(repeating: limit, count: count)
    pending = Array(repeating: nil, count: count)
    present = Array(repeating: true, count: count)
    sampleTimes = Array(repeating: 0, count: count)
    actsAtOnce = seed % 2 == 0
  }

  mutating func pass(to now: Double) {
    for pod in limits.indices {
      if let coming = pending[pod], coming.at <= now {
        limits[pod] = coming.limit
        pending[pod] = nil
      }
      // Metrics that stay away: one sample in eight is not renewed.
      if random.below(8) != 0 { sampleTimes[pod] = now }
    }
  }

  mutating func sample(_ pod: Int) -> PodSample {
    guard present[pod] else { return .absent(at: sampleTimes[pod]) }
    let usage: Double =
      switch random.below(16) {
      case 0: 1e18
      case 1: -5
      case 2: .nan
      case 3: .infinity
      default: random.uniform() * 500
      }
    return PodSample(time: sampleTimes[pod], limit: limits[pod], request: limits[pod], usage: usage)
  }
}

@Suite("Hostile policies")
struct HostilePolicyTests {
  private static let kinds: [ActionSpace.Kind] = [
    .increments, .factors(count: 5), .factors(count: 11), .delta, .instant,
  ]

  private static func action(_ random: inout RandomStream) -> Float {
    switch random.below(8) {
    case 0: .nan
    case 1: .infinity
    case 2: -.infinity
    case 3: -1e30
    case 4: 3e38
    default: (random.uniform() as Float) * 12 - 4
    }
  }

  /// 20 clusters of 50 pods and 10,000 rounds each: ten million decisions.
  @Test("ten million decisions: bounds, steps, pool, granules, one at a time and the budget hold", arguments: 0..<20)
  func invariants(seed: UInt64) {
    var random = RandomStream(seed: seed, purpose: "hostile policy")
    let count = 50
    let capacity = count * 50 + random.below(20_000)
    let step: Millicores? = seed % 3 == 0 ? nil : 10 * (1 + random.below(20))
    let budget = 1 + random.below(count)
    var settings = DecisionSettings(
      pool: ResourcePool(capacity: capacity), action: ActionSpace(kind: Self.kinds[random.below(Self.kinds.count)]),
      shield: SafetyShield(
        stepMaximum: step, deadband: random.below(30), sampleAgeMaximum: 3, restoreAfter: 6, settlementTimeout: 12))
    settings.shield.waitsForCuts = true
    let pods = (0..<count).map { pod -> PodDescription in
      let low = 50
      let high = 50 + 10 * random.below(100)
      let priority = [1, 0.5, 0, -3, .nan, .infinity][random.below(6)]
      return PodDescription(name: "p\(pod)", priority: priority, bounds: low...high)
    }
    let group = PodGroup(pods: pods, settings: settings)
    var cluster = HostileCluster(seed: seed, count: count, limit: 50)
    var samples = Array(repeating: PodSample.absent(at: 0), count: count)
    var actions = Array(repeating: Float(0), count: count)
    var order: [Int] = []
    var violations: [String] = []
    func check(_ holds: Bool, _ what: @autoclosure () -> String) {
      if !holds, violations.count < 5 { violations.append(what()) }
    }
    for round in 0..<10_000 {
      let now = Double(round)
      cluster.pass(to: now)
      for pod in 0..<count {
        samples[pod] = cluster.sample(pod)
        actions[pod] = Self.action(&random)
      }
      samples.withUnsafeBufferPointer { group.observe($0, at: now) }
      actions.withUnsafeBufferPointer { actions in
        if let start = actions.baseAddress { group.decide(actions: start, stride: 1) }
      }
      group.dispatch(atMost: budget, into: &order) { _ in true }
      check(order.count <= budget, "round \(round): \(order.count) resizes, the budget is \(budget)")
      for pod in order {
        let resize = group.resizes[pod]
        check(pods[pod].bounds.contains(resize.limit), "round \(round): \(resize.limit)m outside \(pods[pod].bounds)")
        check(resize.limit % 10 == 0, "round \(round): \(resize.limit)m is no granule")
        check(cluster.pending[pod] == nil || now - group.lastSent(pod) > 12, "round \(round): two resizes at once")
        if let step {
          // An allocation may lie up to a granule above its limit.
          check(abs(resize.limit - resize.from) < step + 10, "round \(round): a step of \(resize.limit - resize.from)m")
        }
        check(
          group.ageOfSample(pod, at: now) <= 3 || resize.reasons.contains(.restore), "round \(round): acted blindly")
        // Some are lost on the way, some refused at once; with `actsAtOnce` none is late.
        switch random.below(10) {
        case 0: group.noteRefused(pod)
        case 1:
          group.noteSent(pod, at: now)
          group.noteRejected(pod)
        case 2: group.noteSent(pod, at: now)
        default:
          group.noteSent(pod, at: now)
          let delay = cluster.actsAtOnce ? 0 : 0.5 + 8 * random.uniform()
          cluster.pending[pod] = (resize.limit, now + delay)
        }
      }
      let isSent = Set(order)
      for pod in 0..<count where group.resizes[pod].isNeeded && !isSent.contains(pod) {
        group.noteRefused(pod, because: .budget)
      }
      if round % 50 == 0 {
        // What may be in force at any moment from now on: the larger of the present and the coming limit.
        var sum = 0
        for pod in 0..<count { sum += max(cluster.limits[pod], cluster.pending[pod]?.limit ?? 0) }
        check(sum <= capacity, "round \(round): \(sum)m of a pool of \(capacity)m")
      }
    }
    #expect(violations == [])
  }

  @Test("with pods that come, go and are resized by others, the pool is never made worse", arguments: 0..<20)
  func foreigners(seed: UInt64) {
    var random = RandomStream(seed: seed, purpose: "hostile foreigners")
    let count = 2 + random.below(12)
    let capacity = count * 60 + random.below(3000)
    var settings = DecisionSettings(
      pool: ResourcePool(capacity: capacity), action: ActionSpace(kind: Self.kinds[random.below(Self.kinds.count)]),
      shield: SafetyShield(stepMaximum: random.below(2) == 0 ? nil : 50))
    settings.shield.waitsForCuts = true
    let group = PodGroup(pods: (0..<count).map { PodDescription(name: "p\($0)") }, settings: settings)
    var cluster = HostileCluster(seed: seed * 2, count: count, limit: 50)
    var samples = Array(repeating: PodSample.absent(at: 0), count: count)
    var violations: [String] = []
    for round in 0..<4000 {
      let now = Double(round)
      cluster.sampleTimes = Array(repeating: now, count: count)
      if random.below(20) == 0 {
        let pod = random.below(count)
        cluster.present[pod].toggle()
        if cluster.present[pod] { cluster.limits[pod] = 50 }
      }
      if random.below(20) == 0 { cluster.limits[random.below(count)] = 10 * (5 + random.below(200)) }
      for pod in 0..<count { samples[pod] = cluster.sample(pod) }
      let before = cluster.held
      samples.withUnsafeBufferPointer { group.observe($0, at: now) }
      let actions = (0..<count).map { _ in Self.action(&random) }
      actions.withUnsafeBufferPointer { actions in
        if let start = actions.baseAddress { group.decide(actions: start, stride: 1) }
      }
      for pod in 0..<count where group.resizes[pod].isNeeded {
        cluster.limits[pod] = group.resizes[pod].limit
        group.noteSent(pod, at: now)
      }
      if cluster.held > max(capacity, before) { violations.append("round \(round): \(before)m to \(cluster.held)m") }
    }
    #expect(violations.prefix(5) == [])
  }
}

extension HostileCluster {
  /// What the pods that are there hold together.
  fileprivate var held: Millicores { limits.indices.reduce(0) { $0 + (present[$1] ? limits[$1] : 0) } }
}
