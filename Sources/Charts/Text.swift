import Glibc

/// Texts of pictures and pages: escaping, numbers, and how wide a text will probably be.
enum Markup {
  /// For element content and attribute values, in SVG and in HTML. Control characters, which XML forbids, become blanks.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n": result += "\n"
      case _ where scalar.properties.generalCategory == .control: result += " "
      case "\u{FFFE}", "\u{FFFF}": result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A coordinate: two decimals at most, none that say nothing.
  static func coordinate(_ value: Double) -> String {
    let text = fixed(value, 2)
    guard text.contains(".") else { return text }
    let short = String(text.reversed().drop { $0 == "0" }.drop { $0 == "." }.reversed())
    return short == "-0" ? "0" : short
  }

  /// With so many decimals; thousands of large numbers are set apart.
  static func number(_ value: Double, decimals: Int) -> String {
    let text = fixed(value, decimals)
    let digits = text.prefix { $0 != "." }
    guard digits.drop(while: { $0 == "-" }).count > 4 else { return text }
    var grouped = ""
    for (index, digit) in digits.reversed().enumerated() {
      if index > 0, index % 3 == 0, digit != "-" { grouped.append(",") }
      grouped.append(digit)
    }
    return String(grouped.reversed()) + text.dropFirst(digits.count)
  }

  /// Four significant digits: what a tooltip says.
  static func value(_ value: Double) -> String {
    guard value.isFinite else { return "none" }
    var buffer = [CChar](repeating: 0, count: 64)
    _ = withVaList([value]) { vsnprintf(&buffer, buffer.count, "%.4g", $0) }
    return string(buffer)
  }

  /// Pixels, from the widths of a wide sans-serif's letters: a text that is narrower than its room does no harm.
  static func width(of text: String, size: Double) -> Double {
    text.reduce(0) { sum, letter in
      switch letter {
      case "i", "j", "l", "t", "f", "I", ".", ",", ":", ";", "|", "'", "(", ")", " ", "-": sum + 0.38
      case "m", "w", "M", "W", "@", "%", "—", "…": sum + 0.98
      case _ where letter.isUppercase: sum + 0.71
      default: sum + 0.635
      }
    } * size
  }

  private static func fixed(_ value: Double, _ decimals: Int) -> String {
    var buffer = [CChar](repeating: 0, count: 400)
    _ = withVaList([Int32(max(0, min(decimals, 17))), value]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
    let text = string(buffer)
    return text.hasPrefix("-") && !text.contains(where: { ("1"..."9").contains($0) }) ? String(text.dropFirst()) : text
  }

  private static func string(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
  }
}

/// Collects the elements of a picture.
struct ElementWriter {
  private(set) var text = ""

  /// `<name a="1" b="2">…</name>`; attribute values are escaped, `content` is not.
  mutating func add(_ name: String, _ attributes: KeyValuePairs<String, String>, content: String = "") {
    text += "<" + name
    for (key, value) in attributes { text += " \(key)=\"\(Markup.escaped(value))\"" }
    text += content.isEmpty ? "/>\n" : ">\(content)</\(name)>\n"
  }

  mutating func add(raw: String) { text += raw }
}
