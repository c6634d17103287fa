import Autoscaling

/// The published heuristic: above `upper` percent of its limit a pod asks for `increment` more if the pool has it, below
/// `lower` for `increment` less. One pod after the other, so that earlier pods take what is left.
///
/// - Source: the published system's `threshold_elasticity`; without its memory of which pods it ever raised, which matters
///   only where pods start above the minimum.
public struct ThresholdBaseline: ScalingPolicy {
  static let entry = Baseline(
    "threshold", "±25m above 60 % and below 30 % of the limit, each second",
    parameters: [
      .init("lower", 30, in: 0...100, sweep: [15, 30, 45]),
      .init("upper", 60, in: 0...200, sweep: [40, 50, 60, 70, 80]),
      .init("increment", 25, in: 1...1000, sweep: [25, 50]),
    ]
  ) { ThresholdBaseline(lower: $0[0], upper: $0[1], increment: Millicores($0[2])) }

  /// Percent of the limit.
  public var lower: Double
  public var upper: Double
  public var increment: Millicores

  public init(lower: Double = 30, upper: Double = 60, increment: Millicores = 25) {
    self.lower = lower
    self.upper = upper
    self.increment = increment
  }

  public mutating func reset() {}

  public mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    var available = group.available
    for pod in 0..<group.count {
      let allocation = group.allocations[pod]
      if group.utilisation[pod] > upper, available >= increment {
        wishes[pod] = allocation + increment
        available -= increment
      } else if group.utilisation[pod] < lower {
        wishes[pod] = max(allocation - increment, group.settings.shield.minimum)
        available += increment
      } else {
        wishes[pod] = allocation
      }
    }
  }
}
