/// CPU used in each CFS period (100 ms) that ended within one sample's interval: what a controller sees that reads the kernel's
/// counters as often as the kernel hands out the quota.
public struct PeriodUsage: Sendable, Equatable {
  /// Periods that can be told apart.
  public static let capacity = 16

  /// Millicores, oldest first; the first `count` count.
  public var values: SIMD16<Float>
  /// 0…16. Where more periods ended in the interval, these are its last 16.
  public var count: Int
  /// Of the periods that ended in the interval, those that ended throttled: Δnr_throttled.
  public var throttled: Int

  public init(values: SIMD16<Float> = .zero, count: Int = 0, throttled: Int = 0) {
    precondition((0...Self.capacity).contains(count), "\(count) periods, expected at most \(Self.capacity)")
    self.values = values
    self.count = count
    self.throttled = throttled
  }

  /// One more period has ended; the oldest is forgotten where there is no room.
  @inlinable
  public mutating func append(_ usage: Float) {
    if count == Self.capacity {
      for place in 1..<Self.capacity { values[place - 1] = values[place] }
      count -= 1
    }
    values[count] = usage
    count += 1
  }
}
