import Glibc

/// Numbers as text and back, the same in every locale.
public enum Number {
  /// A whole number in decimal; `1e6` and `2.0` count where they are exact.
  public static func parseInt(_ text: String) -> Int? {
    if let value = Int(text) { return value }
    // Beyond 2⁵³ a Double no longer says which whole number was meant.
    guard let value = parseDouble(text), value.rounded() == value, abs(value) <= 9_007_199_254_740_992 else {
      return nil
    }
    return Int(value)
  }

  /// A finite number in decimal: no `inf`, `nan`, hexadecimal or blanks.
  public static func parseDouble(_ text: String) -> Double? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || decimalMarks.contains($0) }),
      let value = Double(text), value.isFinite
    else { return nil }
    return value
  }

  private static let decimalMarks = Array("+-.eE".utf8)

  /// With a fixed number of decimals: `fixed(3.14159, 2)` is `3.14`. A value that is no number shows as `-`.
  public static func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "-" : (value < 0 ? "-∞" : "∞") }
    var buffer = [CChar](repeating: 0, count: 512)  // 309 digits before the point at most, and 100 behind it
    let digits = Int32(max(0, min(decimals, 100)))
    _ = withVaList([digits, value]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
    let text = string(buffer)
    // A rounded-away negative is zero, not minus zero.
    return text.hasPrefix("-") && !text.contains(where: { ("1"..."9").contains($0) }) ? String(text.dropFirst()) : text
  }

  /// With so many significant digits, without trailing zeros, as `%g` does: `0.000123`, `1.5e+07`.
  public static func significant(_ value: Double, _ digits: Int = 4) -> String {
    guard value.isFinite else { return fixed(value, 0) }
    var buffer = [CChar](repeating: 0, count: 128)
    let digits = Int32(max(1, min(digits, 17)))
    _ = withVaList([digits, value]) { vsnprintf(&buffer, buffer.count, "%.*g", $0) }
    return string(buffer)
  }

  /// The shortest text that reads back as the same number; whole numbers without `.0`.
  public static func short(_ value: Double) -> String {
    if value.rounded() == value, abs(value) < 1e15 { return "\(Int(value))" }
    return "\(value)"
  }

  /// As JSON; what JSON has no number for is null.
  public static func json(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }

  /// `12,345,678`.
  public static func grouped(_ value: Int) -> String {
    var digits = String(value.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    groups.insert(digits, at: 0)
    return (value < 0 ? "-" : "") + groups.joined(separator: ",")
  }

  /// Three digits and a metric prefix: `950`, `12.3k`, `4.56M`.
  public static func metric(_ value: Double) -> String {
    guard value.isFinite else { return fixed(value, 0) }
    var scaled = value
    for unit in ["", "k", "M", "G", "T"] {
      let magnitude = abs(scaled)
      if magnitude < 999.5 || unit == "T" {
        // The text is chosen after rounding, so that 9.999 becomes 10.0 and not 10.00.
        let decimals = magnitude < 9.995 ? 2 : magnitude < 99.95 ? 1 : 0
        let text = fixed(scaled, decimals)
        return (unit.isEmpty && scaled == scaled.rounded() ? fixed(scaled, 0) : text) + unit
      }
      scaled /= 1000
    }
    return fixed(value, 0)
  }

  /// `7s`, `3m 20s`, `2h 05m`, `1d 04h`.
  public static func duration(seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "-" }
    let total = Int(max(0, seconds).rounded())
    let (days, hours, minutes, rest) = (total / 86400, total / 3600 % 24, total / 60 % 60, total % 60)
    if days > 0 { return "\(days)d \(two(hours))h" }
    if hours > 0 { return "\(hours)h \(two(minutes))m" }
    if minutes > 0 { return "\(minutes)m \(two(rest))s" }
    return "\(rest)s"
  }

  static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

  private static func string(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
  }
}
