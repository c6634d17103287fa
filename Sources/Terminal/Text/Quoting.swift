/// Foreign text inside our sentences: shortened, and without control characters that a terminal would obey.
enum Quote {
  static func shell(_ text: String) -> String { "'" + bare(text) + "'" }

  static func bare(_ text: String) -> String { line(text, limit: 80) }

  /// One line of text, whatever stands in it.
  static func line(_ text: String, limit: Int = .max) -> String {
    var result = ""
    for (index, scalar) in text.unicodeScalars.enumerated() {
      if index == limit { return result + "…" }
      let category = scalar.properties.generalCategory
      let isControl = [.control, .format, .lineSeparator, .paragraphSeparator].contains(category)
      result += isControl ? "\\u{" + String(scalar.value, radix: 16) + "}" : String(scalar)
    }
    return result
  }
}

/// JSON strings and flat objects, for logs and metadata.
public enum JSONText {
  /// `"text"` with what JSON demands escaped. Also a valid double-quoted scalar of YAML.
  public static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      case "\r": result += "\\r"
      // U+0085 and U+2028… break lines in YAML; DEL and C1 are not printable there.
      case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{2028}", "\u{2029}", "\u{feff}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
