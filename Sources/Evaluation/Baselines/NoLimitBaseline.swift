import Autoscaling

/// Every pod asks for all it may have: what happens without CPU limits, as far as the pool allows. The shortest response
/// times and the most CPU that any policy can have.
public struct NoLimitBaseline: ScalingPolicy {
  static let entry = Baseline("no-limit", "every pod at its maximum, as far as the pool goes") { _ in NoLimitBaseline()
  }

  public init() {}

  public mutating func reset() {}

  public mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    for pod in 0..<group.count { wishes[pod] = group.settings.shield.maximum }
  }
}
