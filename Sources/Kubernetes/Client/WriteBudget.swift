/// How many writes the server may see: in any `window` seconds of its time, wherever they begin, at most `count`. Pure: the
/// caller brings the time.
///
/// A write counts from the moment it is taken until `window` seconds after its answer. The server receives it somewhere in
/// between, so two writes that reach it less than `window` apart are never `count` writes apart, however long each was on its
/// way.
public struct WriteBudget: Sendable, Equatable {
  public let count: Int
  /// Seconds.
  public let window: Double
  /// When writes ended that are not under way again, in the order of time: a ring.
  private var ended: [Double]
  private var oldest = 0
  private var idle: Int
  private var latest = -Double.infinity

  /// - Parameter usedUpAt: when all writes have just been made, as far as this budget knows: a process that was killed a moment
  ///   before this one began may have made them.
  /// - Precondition: `count` ≥ 1, `window` > 0 and finite.
  public init(count: Int, window: Double = 1, usedUpAt: Double = -.infinity) {
    precondition(count >= 1 && window > 0 && window.isFinite, "write budget: \(count) in \(window) s")
    self.count = count
    self.window = window
    ended = Array(repeating: usedUpAt, count: count)
    idle = count
  }

  /// Takes one write, if there is one. It is under way until `finish`.
  public mutating func take(at now: Double) -> Bool {
    guard available(at: now) > 0 else { return false }
    // A clock that went back earns nothing.
    latest = max(latest, now)
    oldest = (oldest + 1) % count
    idle -= 1
    return true
  }

  /// Notes that a write that was taken has been answered, or will not be.
  public mutating func finish(at now: Double) {
    guard idle < count else { return }
    latest = max(latest, now)
    ended[(oldest + idle) % count] = latest
    idle += 1
  }

  /// Writes that can be taken by `patience` seconds from now, those under way left aside.
  public func available(at now: Double, within patience: Double = 0) -> Int {
    let time = max(latest, now) + patience
    // The times are in order: the first that is not free ends the count.
    var (low, high) = (0, idle)
    while low < high {
      let middle = (low + high) / 2
      if ended[(oldest + middle) % count] + window < time { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Seconds until the next write; 0 when one can be taken now. With all under way, a whole window.
  public func wait(at now: Double) -> Double {
    guard idle > 0 else { return window }
    return available(at: now) > 0 ? 0 : max(ended[oldest] + window - max(latest, now), 0).nextUp
  }
}
