/// How many columns of a terminal a text takes.
public enum DisplayWidth {
  /// Colour sequences take none, combining marks none, East Asian wide characters and emoji two.
  public static func of(_ text: some StringProtocol) -> Int {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text.utf8.count }
    var width = 0
    var inEscape = false
    for character in text {
      if inEscape {
        // A sequence ends with a letter; "[" only opens it.
        if character.isASCII, character.isLetter { inEscape = false }
      } else if character == "\u{1b}" {
        inEscape = true
      } else {
        width += columns(character)
      }
    }
    return width
  }

  static func columns(_ character: Character) -> Int {
    guard let first = character.unicodeScalars.first else { return 0 }
    if first.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{fe0f}") { return 2 }
    switch first.properties.generalCategory {
    case .control, .format, .nonspacingMark, .enclosingMark: return 0
    default: return isWide(first.value) ? 2 : 1
    }
  }

  /// The blocks that Unicode's EastAsianWidth.txt marks Wide or Fullwidth.
  private static func isWide(_ value: UInt32) -> Bool {
    switch value {
    case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x33ff, 0x3400...0x4dbf, 0x4e00...0x9fff, 0xa000...0xa4cf,
      0xa960...0xa97f, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6,
      0x1f300...0x1f64f, 0x1f900...0x1f9ff, 0x20000...0x3fffd:
      true
    default: false
    }
  }

  /// Padded with blanks to `width` columns; a longer text stays as it is.
  static func pad(_ text: String, to width: Int, right: Bool = false) -> String {
    let blanks = String(repeating: " ", count: max(0, width - of(text)))
    return right ? blanks + text : text + blanks
  }

  /// The beginning of the text, cut so that it takes at most `width` columns. Colour sequences are kept whole.
  static func truncate(_ text: String, to width: Int) -> String {
    if of(text) <= width { return text }
    var result = ""
    var column = 0
    var inEscape = false
    for character in text {
      if inEscape || character == "\u{1b}" {
        inEscape = !(inEscape && character.isASCII && character.isLetter)
        result.append(character)
        continue
      }
      let size = columns(character)
      if column + size > width - 1 { break }
      column += size
      result.append(character)
    }
    return result + "…" + (text.contains("\u{1b}") ? "\u{1b}[0m" : "")
  }
}
