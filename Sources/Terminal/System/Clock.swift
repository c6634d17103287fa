import Glibc

/// The two clocks, without Foundation. Whoever shows time takes one as a parameter, so that a test can pass its own.
public enum Clock {
  /// Seconds since some moment; never goes back.
  public static func monotonic() -> Double { read(CLOCK_MONOTONIC) }

  /// CPU seconds that the calling thread has used.
  public static func thread() -> Double { read(CLOCK_THREAD_CPUTIME_ID) }

  /// Seconds since 1970, UTC.
  public static func wall() -> Double { read(CLOCK_REALTIME) }

  /// `2026-03-01T12:00:05.250Z`; empty for a moment that no calendar holds.
  public static func iso8601(_ seconds: Double) -> String {
    guard seconds.isFinite, abs(seconds) < 1e11 else { return "" }
    // Whole milliseconds first: rounding the fraction alone could give 1000.
    let milliseconds = Int((seconds * 1000).rounded(.down))
    let fraction = ((milliseconds % 1000) + 1000) % 1000
    var whole = time_t((milliseconds - fraction) / 1000)
    var parts = tm()
    guard gmtime_r(&whole, &parts) != nil else { return "" }
    let date = "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    let millis = String(repeating: "0", count: fraction < 10 ? 2 : fraction < 100 ? 1 : 0) + "\(fraction)"
    return "\(date)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(millis)Z"
  }

  private static func two(_ value: Int32) -> String { Number.two(Int(value)) }

  private static func read(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
