import Autoscaling

/// The published heuristic: above `upper` percent of its limit a pod asks for `increment` more if the pool has it, below
/// `lower` for `increment` less. One pod after the other, so that earlier pods take what is left.
///
/// - Source: the published system's `threshold_elasticity`; without its memory of which pods it ever raised, which matters
///   only where pods start above the minimum.
public struct ThresholdBaseline: ScalingPolicy {
  /// Percent of the limit.
  public var lower = 30.0
  public var upper = 60.0
  /// Millicores.
  public var increment: Millicores = 25

  public init() {}

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
