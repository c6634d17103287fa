/// Text folded to a width.
enum TextWrapping {
  /// Lines of at most `width` columns, broken at blanks; a longer word gets a line of its own. Line breaks in the text
  /// stay, and a line that begins with a blank (an example, a list) is left as it is.
  static func lines(_ text: String, width: Int) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { paragraph -> [String] in
      if paragraph.isEmpty || paragraph.hasPrefix(" ") { return [String(paragraph)] }
      var lines: [String] = []
      var line = ""
      var column = 0
      for word in paragraph.split(separator: " ") {
        let size = DisplayWidth.of(word)
        if column > 0, column + 1 + size > width {
          lines.append(line)
          (line, column) = (String(word), size)
        } else {
          line += (column > 0 ? " " : "") + word
          column += (column > 0 ? 1 : 0) + size
        }
      }
      return lines + [line]
    }
  }

  static func indented(_ text: String, by indent: Int, width: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    return lines(text, width: max(20, width - indent)).map { $0.isEmpty ? "" : margin + $0 }.joined(separator: "\n")
  }
}
