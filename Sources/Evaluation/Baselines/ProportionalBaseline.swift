import Autoscaling

/// The limit is the last second's usage ÷ `target`, every second.
public struct ProportionalBaseline: ScalingPolicy {
  static let entry = Baseline(
    "proportional", "usage ÷ target, every second",
    parameters: [.init("target", 0.6, in: 0.01...2, sweep: [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])]
  ) { ProportionalBaseline(target: $0[0]) }

  /// The share of the limit that usage should be.
  public var target: Double

  public init(target: Double = 0.6) {
    self.target = target
  }

  public mutating func reset() {}

  public mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    for pod in 0..<group.count { wishes[pod] = Millicores((group.samples[pod].usage / target).rounded()) }
  }
}
