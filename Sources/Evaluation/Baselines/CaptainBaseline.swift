import Autoscaling

/// Keeps the share of CFS periods that end throttled near `target`. Raises at once when it is far above; lowers to the largest
/// usage of the last 5 s plus a margin, when that saves a tenth; takes a cut back twice over when it throttles.
///
///     r = throttled ÷ ended periods of the last second;   m ← max(0, m + r − target),   m₀ = 3
///     r > 3 · target, after a cut   ⇒  limit + 2 · (limit before the cut − limit)
///     r > 3 · target                ⇒  limit · (1 + r − 3 · target)
///     otherwise, with p = max of the last 50 periods' usage + m · their standard deviation:
///     p ≤ 0.9 · limit               ⇒  max(p, 0.5 · limit)
///
/// Never below 10m. Where a sample does not tell single periods, its mean stands for each of ten.
///
/// - Source: Wang et al., "Autothrottle: A Practical Bi-Level Approach to Resource Management for SLO-Targeted
///   Microservices", NSDI 2024, algorithms 1 and 2; the grid is that of its targets, and goes on to where it
///   throttles most of the time.
public struct CaptainBaseline: ScalingPolicy {
  static let entry: Baseline = {
    var entry = Baseline(
      "captain", "throttled share of CFS periods held near target, every second",
      parameters: [.init("target", 0.1, in: 0...1, sweep: [0, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5])]
    ) { CaptainBaseline(target: $0[0]) }
    entry.needsPeriods = true
    return entry
  }()

  /// The throttled share that is aimed at.
  public let target: Double
  private var pods: [Pod] = []
  /// `[pods × history]`, millicores, each pod's a ring.
  private var usage: [Float] = []

  private static let history = 50
  private static let periodsPerSecond = 10
  private static let tolerance = 3.0
  private static let firstMargin = 3.0
  private static let worthwhile = 0.9
  private static let largestCut = 0.5
  private static let floor = 10.0

  private struct Pod {
    var margin = firstMargin
    var lastTime = -Double.infinity
    /// The allocation before the cut that was asked for last; nil when something else was.
    var beforeCut: Double?
    var count = 0
    var next = 0
  }

  public init(target: Double = 0.1) {
    self.target = target
  }

  public mutating func reset() { pods.removeAll(keepingCapacity: true) }

  public mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    if pods.count != group.count {
      pods = Array(repeating: Pod(), count: group.count)
      usage = Array(repeating: 0, count: group.count * Self.history)
    }
    for index in 0..<group.count {
      let sample = group.samples[index]
      guard sample.isPresent else {
        pods[index] = Pod()
        continue
      }
      let limit = Double(group.allocations[index])
      guard sample.time > pods[index].lastTime else {
        wishes[index] = group.allocations[index]
        continue
      }
      pods[index].lastTime = sample.time
      let ratio = note(sample, pod: index)
      wishes[index] = Millicores(max(decide(index, limit: limit, ratio: ratio), Self.floor).rounded())
    }
  }

  private mutating func decide(_ index: Int, limit: Double, ratio: Double) -> Double {
    let before = pods[index].beforeCut
    pods[index].beforeCut = nil
    pods[index].margin = max(0, pods[index].margin + ratio - target)
    if ratio > Self.tolerance * target {
      // What was really cut counts: the pool may have moved the pod too.
      if let before, before > limit { return limit + 2 * (before - limit) }
      return limit * (1 + ratio - Self.tolerance * target)
    }
    let proposal = proposal(index)
    guard proposal <= Self.worthwhile * limit else { return limit }
    pods[index].beforeCut = limit
    return max(proposal, Self.largestCut * limit)
  }

  /// Takes in a second's periods; returns the share that ended throttled.
  private mutating func note(_ sample: PodSample, pod index: Int) -> Double {
    guard let periods = sample.periodUsage, periods.count > 0 else {
      for _ in 0..<Self.periodsPerSecond { append(Float(sample.usage), pod: index) }
      return sample.throttledFraction
    }
    for place in 0..<periods.count { append(periods.values[place], pod: index) }
    return Double(periods.throttled) / Double(periods.count)
  }

  private mutating func append(_ value: Float, pod index: Int) {
    usage[index * Self.history + pods[index].next] = value
    pods[index].next = (pods[index].next + 1) % Self.history
    pods[index].count = min(pods[index].count + 1, Self.history)
  }

  /// Largest usage plus the margin, millicores.
  private func proposal(_ index: Int) -> Double {
    let count = pods[index].count
    let first = index * Self.history
    var (largest, sum, squares) = (0.0, 0.0, 0.0)
    for place in first..<first + count {
      let value = Double(usage[place])
      largest = max(largest, value)
      sum += value
      squares += value * value
    }
    let mean = sum / Double(max(count, 1))
    let variance = max(squares / Double(max(count, 1)) - mean * mean, 0)
    return largest + pods[index].margin * variance.squareRoot()
  }
}
