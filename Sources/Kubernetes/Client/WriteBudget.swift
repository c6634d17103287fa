/// How many writes may be sent: a token bucket. In any window of t seconds at most `burst` + `rate`·t writes are granted.
/// Pure: the caller brings the time.
public struct WriteBudget: Sendable, Equatable {
  /// Writes per second in the long run.
  public let rate: Double
  /// Writes that may follow each other at once after a rest.
  public let burst: Double
  private var tokens: Double
  private var time: Double?

  /// - Precondition: `rate` > 0, `burst` ≥ 1, both finite.
  public init(rate: Double, burst: Int) {
    precondition(rate > 0 && rate.isFinite && burst >= 1, "write budget: rate \(rate), burst \(burst)")
    self.rate = rate
    self.burst = Double(burst)
    tokens = self.burst
  }

  private mutating func refill(at now: Double) {
    // A clock that went back earns nothing.
    if let time, now > time { tokens = min(burst, tokens + (now - time) * rate) }
    time = max(now, time ?? now)
  }

  /// Takes one write, if there is one.
  public mutating func take(at now: Double) -> Bool {
    refill(at: now)
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }

  /// Writes that could be taken at once.
  public mutating func available(at now: Double) -> Int {
    refill(at: now)
    return Int(tokens)
  }

  /// Seconds until the next write; 0 when one can be taken now.
  public mutating func wait(at now: Double) -> Double {
    refill(at: now)
    return max(0, (1 - tokens) / rate)
  }
}
