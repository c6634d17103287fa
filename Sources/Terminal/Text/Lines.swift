/// Blocks of lines.
public enum Lines {
  /// Blocks next to each other, each padded to `width` columns, with a gap between them.
  public static func beside(_ blocks: [[String]], width: Int, gap: Int = 2) -> [String] {
    let space = String(repeating: " ", count: gap)
    return (0..<(blocks.map(\.count).max() ?? 0)).map { row in
      let line = blocks.map { DisplayWidth.pad(row < $0.count ? $0[row] : "", to: width) }.joined(separator: space)
      // Blanks at the end of a line show up in diffs of recorded output.
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }
}
