/// Due times at a fixed rate: tick k is due at start + k · interval, however long the work took, so that nothing drifts. A
/// tick that is over before its predecessor's work has ended is missed and counted. Pure.
public struct TickSchedule: Sendable, Equatable {
  public let start: Double
  /// Seconds.
  public let interval: Double
  /// The tick that is due next.
  private var tick = 1
  public private(set) var missed = 0

  /// - Parameter start: seconds, on a clock that never goes back.
  public init(start: Double, interval: Double) {
    precondition(interval > 0 && interval.isFinite, "ticks every \(interval) s")
    self.start = start
    self.interval = interval
  }

  /// When the next tick is due. Ticks whose whole interval has passed are missed; one that is merely late is due at once.
  public mutating func next(at now: Double) -> Double {
    let elapsed = (now - start) / interval
    if elapsed.isFinite, elapsed < 1e15, Int(elapsed.rounded(.down)) > tick {
      missed += Int(elapsed.rounded(.down)) - tick
      tick = Int(elapsed.rounded(.down))
    }
    defer { tick += 1 }
    return start + Double(tick) * interval
  }
}
