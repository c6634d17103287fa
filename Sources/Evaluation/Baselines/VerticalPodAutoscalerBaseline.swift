import Autoscaling
import Foundation

/// The Vertical Pod Autoscaler's recommendation for CPU: a percentile of a histogram of usage whose samples lose half their
/// weight every `halfLife`, plus a margin, decided once a minute.
///
/// - Source: kubernetes/autoscaler, vertical-pod-autoscaler recommender: buckets growing by 5 % from 10m, percentile 0.9,
///   half-life 24 h, safety margin 15 %.
public struct VerticalPodAutoscalerBaseline: ScalingPolicy {
  static let entry = Baseline(
    "vpa", "90th percentile of decaying usage × 1.15, once a minute",
    parameters: [
      .init("percentile", 0.9, in: 0.01...1, sweep: [0.9, 0.95, 0.99]),
      .init("margin", 1.15, in: 0.1...20, sweep: [1.15, 1.5, 2, 3]),
    ]
  ) { VerticalPodAutoscalerBaseline(percentile: $0[0], margin: $0[1]) }

  public let percentile: Double
  public let margin: Double
  /// Seconds.
  public let halfLife = 86_400.0
  public let interval = 60.0
  private var pods: [Pod] = []

  private static let buckets = 176
  private static let growth = 1.05
  private static let firstBucket = 10.0

  private struct Pod {
    var weights = Array(repeating: 0.0, count: buckets)
    var lastTime = -Double.infinity
    var decidedAt = -Double.infinity
    var decision: Millicores?
  }

  public init(percentile: Double = 0.9, margin: Double = 1.15) {
    self.percentile = percentile
    self.margin = margin
  }

  public mutating func reset() { pods.removeAll() }

  public mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    if pods.count != group.count { pods = Array(repeating: Pod(), count: group.count) }
    for index in 0..<group.count {
      let sample = group.samples[index]
      if sample.time > pods[index].lastTime {
        pods[index].lastTime = sample.time
        // Newer samples weigh more instead of older ones less: only ratios count.
        pods[index].weights[Self.bucket(of: sample.usage)] += exp2(sample.time / halfLife)
      }
      if sample.time - pods[index].decidedAt >= interval {
        pods[index].decidedAt = sample.time
        let usage = Self.percentile(percentile, of: pods[index].weights)
        pods[index].decision = Millicores((usage * margin).rounded(.up))
      }
      wishes[index] = pods[index].decision
    }
  }

  private static func bucket(of usage: Double) -> Int {
    // Bucket k begins at first · (growth^k − 1) ÷ (growth − 1).
    let position = log(max(usage, 0) / firstBucket * (growth - 1) + 1) / log(growth)
    return min(max(Int(position), 0), buckets - 1)
  }

  /// The upper end of the bucket in which the percentile lies, millicores.
  private static func percentile(_ fraction: Double, of weights: [Double]) -> Double {
    let total = weights.reduce(0, +)
    var sum = 0.0
    for (index, weight) in weights.enumerated() {
      sum += weight
      if sum >= fraction * total { return firstBucket * (pow(growth, Double(index + 1)) - 1) / (growth - 1) }
    }
    return 0
  }
}
