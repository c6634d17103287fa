import Glibc
import Kubernetes

/// Times as the API writes them.
enum APITime {
  /// `2026-11-23T22:16:08Z`
  static func text(_ seconds: Double) -> String { format(seconds, digits: 0) }

  /// `2026-11-23T22:16:08.123456Z`
  static func micro(_ seconds: Double) -> String { format(seconds, digits: 6) }

  /// `2026-11-23T22:16:08.123456789Z`
  static func nano(_ nanoseconds: Int64) -> String {
    let (whole, fraction) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    let digits = String(fraction)
    return date(Int(whole)) + "." + String(repeating: "0", count: 9 - digits.count) + digits + "Z"
  }

  private static func format(_ seconds: Double, digits: Int) -> String {
    guard seconds.isFinite, (0..<1e11).contains(seconds) else { return "1970-01-01T00:00:00Z" }
    let whole = Int(seconds.rounded(.down))
    if digits == 0 { return date(whole) + "Z" }
    let micro = String(min(Int((seconds - Double(whole)) * 1e6), 999_999))
    return date(whole) + "." + String(repeating: "0", count: 6 - micro.count) + micro + "Z"
  }

  private static func date(_ whole: Int) -> String {
    var time = time_t(whole)
    var parts = tm()
    guard gmtime_r(&time, &parts) != nil else { return "1970-01-01T00:00:00" }
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T"
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
  }

  /// Seconds since 1970; nil for what is no time.
  static func seconds(_ text: String) -> Double? {
    guard let time = Timestamp(text) else { return nil }
    return Double(time.nanoseconds) / 1e9
  }
}
