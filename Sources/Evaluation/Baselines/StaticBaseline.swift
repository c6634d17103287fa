import Autoscaling

/// Equal share: every pod gets the pool divided by the number of pods, for ever. What one has without an autoscaler when
/// the budget is known.
public struct StaticBaseline: ScalingPolicy {
  static let entry = Baseline("static", "the pool divided equally, for ever") { _ in StaticBaseline() }

  public init() {}

  public mutating func reset() {}

  public mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    let share = group.settings.pool.capacity / group.count
    for pod in 0..<group.count { wishes[pod] = share }
  }
}
