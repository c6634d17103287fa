import Glibc

/// Waiting times between attempts: exponential, with jitter so that clients that failed together do not return together.
/// Pure.
public struct Backoff: Sendable, Equatable {
  /// Seconds before the second attempt, before jitter.
  public var base: Double
  /// The longest wait, seconds.
  public var maximum: Double

  public init(base: Double = 0.25, maximum: Double = 30) {
    self.base = base
    self.maximum = maximum
  }

  /// Seconds to wait after the `failures`-th failure in a row.
  ///
  ///     d = min(base · 2^(failures − 1), maximum);   wait = d/2 + d/2 · u, and at least the server's wish + d/4 · u
  ///
  /// - Parameters:
  ///   - failures: 1 after the first.
  ///   - retryAfter: what the server asked for, seconds.
  ///   - random: u, uniform in [0, 1).
  public func delay(failures: Int, retryAfter: Double? = nil, random: Double) -> Double {
    let ceiling = min(base * pow(2, Double(min(max(failures, 1), 60) - 1)), maximum)
    let own = ceiling / 2 + ceiling / 2 * random
    guard let retryAfter, retryAfter > 0 else { return own }
    return max(own, retryAfter + ceiling / 4 * random)
  }
}

/// Time and chance as the client sees them: replaced in tests.
public struct Pacing: Sendable {
  /// Seconds on a clock that never goes back.
  public var now: @Sendable () -> Double
  public var sleep: @Sendable (Double) -> Void
  /// Uniform in [0, 1).
  public var random: @Sendable () -> Double

  public init(
    now: @escaping @Sendable () -> Double, sleep: @escaping @Sendable (Double) -> Void,
    random: @escaping @Sendable () -> Double
  ) {
    self.now = now
    self.sleep = sleep
    self.random = random
  }

  /// The machine's own.
  public static let system = Pacing(
    now: {
      var time = timespec()
      // A lease goes on while a machine sleeps, and so must the clock by which it is held.
      clock_gettime(CLOCK_BOOTTIME, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    },
    sleep: { seconds in
      guard seconds > 0 else { return }
      let whole = min(seconds, 1e6)
      var left = timespec(tv_sec: Int(whole), tv_nsec: Int((whole - whole.rounded(.down)) * 1e9))
      var remaining = timespec()
      while nanosleep(&left, &remaining) != 0, errno == EINTR { left = remaining }
    },
    random: { Double.random(in: 0..<1) })
}
