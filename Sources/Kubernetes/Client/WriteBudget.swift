/// How many writes may be sent: in any window of `window` seconds, wherever it begins, at most `count`. Pure: the caller brings
/// the time.
public struct WriteBudget: Sendable, Equatable {
  public let count: Int
  /// Seconds.
  public let window: Double
  /// When the last `count` writes were granted, oldest at `oldest`.
  private var times: [Double]
  private var oldest = 0
  private var latest = -Double.infinity

  /// - Precondition: `count` ≥ 1, `window` > 0 and finite.
  public init(count: Int, window: Double = 1) {
    precondition(count >= 1 && window > 0 && window.isFinite, "write budget: \(count) in \(window) s")
    self.count = count
    self.window = window
    times = Array(repeating: -.infinity, count: count)
  }

  /// Takes one write, if there is one.
  public mutating func take(at now: Double) -> Bool {
    // A clock that went back earns nothing.
    latest = max(latest, now)
    guard times[oldest] + window < latest || times[oldest] == -.infinity else { return false }
    times[oldest] = latest
    oldest = (oldest + 1) % count
    return true
  }

  /// Writes that could be taken at once.
  public func available(at now: Double) -> Int {
    let time = max(latest, now)
    var free = 0
    // The oldest are the first to be free again.
    while free < count, times[(oldest + free) % count] + window < time { free += 1 }
    return free
  }

  /// Seconds until the next write; 0 when one can be taken now.
  public func wait(at now: Double) -> Double {
    available(at: now) > 0 ? 0 : max(times[oldest] + window - max(latest, now), 0).nextUp
  }
}
