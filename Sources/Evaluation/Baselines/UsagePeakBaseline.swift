import Autoscaling

/// Kubernetes' utilisation rule, applied to the limit: usage ÷ `target`, decided every `interval` seconds, and of the
/// decisions of the last `window` seconds the largest holds. Raising is at once, lowering waits for the window.
///
/// - Source: the Horizontal Pod Autoscaler's algorithm (desired = current · usage ÷ target, with its downscale
///   stabilisation window), as the Autothrottle paper (NSDI 2024) applies it to CPU limits: 15 s with 300 s, and the fast
///   variant, 1 s with 20 s.
public struct UsagePeakBaseline: ScalingPolicy {
  static let kubernetes = Baseline(
    "k8s-cpu", "usage ÷ target every 15 s, largest of the last 300 s",
    parameters: [.init("target", 0.6, in: 0.01...2, sweep: [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])]
  ) { UsagePeakBaseline(target: $0[0], interval: 15, window: 300) }

  static let fast = Baseline(
    "k8s-cpu-fast", "usage ÷ target every second, largest of the last 20 s",
    parameters: [.init("target", 0.6, in: 0.01...2, sweep: [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])]
  ) { UsagePeakBaseline(target: $0[0], interval: 1, window: 20) }

  public let target: Double
  /// Seconds.
  public let interval: Double
  public let window: Double
  private var pods: [Pod] = []

  private struct Pod {
    /// CPU-seconds used (millicores · s) and time since the last decision.
    var used = 0.0
    var elapsed = 0.0
    var lastTime: Double?
    /// Decisions of the window, oldest first.
    var decisions: [(time: Double, limit: Double)] = []
  }

  public init(target: Double, interval: Double, window: Double) {
    self.target = target
    self.interval = interval
    self.window = window
  }

  public mutating func reset() { pods.removeAll() }

  public mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    if pods.count != group.count { pods = Array(repeating: Pod(), count: group.count) }
    for index in 0..<group.count {
      let sample = group.samples[index]
      let seconds = pods[index].lastTime.map { sample.time - $0 } ?? interval
      if seconds > 0 {
        pods[index].lastTime = sample.time
        pods[index].used += sample.usage * seconds
        pods[index].elapsed += seconds
      }
      if pods[index].elapsed >= interval {
        let usage = pods[index].used / pods[index].elapsed
        pods[index].decisions.append((sample.time, usage / target))
        pods[index].decisions.removeAll { $0.time <= sample.time - window }
        pods[index].used = 0
        pods[index].elapsed = 0
      }
      wishes[index] = pods[index].decisions.map(\.limit).max().map { Millicores($0.rounded(.up)) }
    }
  }
}
