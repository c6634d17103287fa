/// A series as one line of blocks: `▁▂▅▇█▆▃`.
public enum Sparkline {
  private static let levels: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  /// - `width`: columns at most; more values than that are averaged in groups. What is no number is a blank.
  public static func text(_ values: [Double], width: Int = 40) -> String {
    let groups = Downsampling.means(values, count: width)
    guard let (low, high) = Downsampling.range(groups) else { return String(repeating: " ", count: groups.count) }
    return String(
      groups.map { value in
        guard value.isFinite else { return " " }
        // A flat series stands in the middle: it is neither low nor high.
        let height = high > low ? Downsampling.share(value, low, high) : 0.5
        return levels[min(7, Int(height * 8))]
      })
  }
}

/// Series drawn as lines of braille dots, two by four to a character, with the range on the left and the axis below.
///
///     TerminalPlot(width: 60, height: 10).text([("reward", rewards)], from: 0, to: 300, unit: "episode")
public struct TerminalPlot: Sendable {
  public let width: Int
  public let height: Int
  public let style: Style

  /// - `width`, `height`: of the whole picture, in characters.
  public init(width: Int, height: Int, style: Style = .plain) {
    self.width = max(24, width)
    self.height = max(4, height)
    self.style = style
  }

  /// - `series`: names and values; all begin at `from` and end at `to` on the horizontal axis.
  /// - Returns: lines, each ended by a line break; a sentence where there is nothing to draw.
  public func text(
    _ series: [(name: String, values: [Double])], from start: Double = 0, to end: Double, unit: String = ""
  ) -> String {
    guard let (low, high) = Downsampling.range(series.flatMap(\.values)) else { return "(nothing to draw)\n" }
    // A flat line still needs a range to stand in.
    let pad = high > low ? 0 : max(abs(high) * 0.5, 0.5)
    let largest = Double.greatestFiniteMagnitude
    let (bottom, top) = (max(low - pad, -largest), min(high + pad, largest))
    // Rounded to a thousandth of the range: a middle that is almost 0 is labelled 0.
    let step = max(top / 1000 - bottom / 1000, .leastNormalMagnitude)
    let labels = [top, top / 2 + bottom / 2, bottom].map { value in
      Number.significant(abs(value) < step ? 0 : value, 4)
    }
    let margin = labels.map(\.count).max() ?? 0
    let rows = height - 1 - (series.count > 1 ? 1 : 0)
    let columns = width - margin - 2

    var canvas = BrailleCanvas(columns: columns, rows: rows)
    for (index, one) in series.enumerated() {
      canvas.draw(Downsampling.means(one.values, count: columns * 2), bottom: bottom, top: top, colour: index)
    }
    var text = ""
    for row in 0..<rows {
      let label = row == 0 ? labels[0] : row == rows - 1 ? labels[2] : row == (rows - 1) / 2 ? labels[1] : ""
      text += DisplayWidth.pad(label, to: margin, right: true) + (label.isEmpty ? " │" : " ┤")
      text += canvas.line(row) { painted($0, $1) } + "\n"
    }
    let (left, right) = (Number.short(start), Number.short(end) + (unit.isEmpty ? "" : " " + unit))
    let gap = String(repeating: " ", count: max(1, columns - left.count - DisplayWidth.of(right)))
    text += String(repeating: " ", count: margin) + "  " + left + gap + right + "\n"
    if series.count > 1 {
      let names = series.enumerated().map { painted("━ ", $0) + $1.name }.joined(separator: "   ")
      text += String(repeating: " ", count: margin) + "  " + names + "\n"
    }
    return text
  }

  private func painted(_ text: String, _ colour: Int) -> String {
    switch colour % 4 {
    case 0: style.cyan(text)
    case 1: style.yellow(text)
    case 2: style.green(text)
    default: style.red(text)
    }
  }
}

private struct BrailleCanvas {
  let columns: Int
  let rows: Int
  private var dots: [UInt8]
  private var colours: [Int]

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
    dots = [UInt8](repeating: 0, count: columns * rows)
    colours = [Int](repeating: 0, count: columns * rows)
  }

  /// Stretches the values over the width, straight between neighbours, and joins the dots by vertical strokes.
  mutating func draw(_ values: [Double], bottom: Double, top: Double, colour: Int) {
    guard !values.isEmpty else { return }
    let (wide, high) = (columns * 2, rows * 4)
    var previous: Int?
    for x in 0..<wide {
      let position = Double(x) * Double(values.count - 1) / Double(wide - 1)
      let left = Int(position)
      let part = position - Double(left)
      // A neighbour beyond the end, or that is no number, takes no part where its part is nothing.
      let value = part == 0 ? values[left] : values[left] * (1 - part) + values[min(left + 1, values.count - 1)] * part
      guard value.isFinite else {
        previous = nil
        continue
      }
      let share = Downsampling.share(value, bottom, top)
      let y = (high - 1) - min(high - 1, max(0, Int((share * Double(high - 1)).rounded())))
      for step in min(y, previous ?? y)...max(y, previous ?? y) { set(x, step, colour) }
      previous = y
    }
  }

  private mutating func set(_ x: Int, _ y: Int, _ colour: Int) {
    // Unicode numbers the eight dots column by column, the bottom row having come later.
    let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
    let cell = (y / 4) * columns + x / 2
    dots[cell] |= bits[y % 4][x % 2]
    colours[cell] = colour
  }

  func line(_ row: Int, painted: (String, Int) -> String) -> String {
    var text = ""
    // Nothing behind the last dot: blanks at the end of a line show up in diffs of recorded output.
    let end = 1 + ((0..<columns).last(where: { dots[row * columns + $0] != 0 }) ?? -1)
    for column in 0..<end {
      let cell = row * columns + column
      guard dots[cell] != 0, let scalar = Unicode.Scalar(0x2800 + UInt32(dots[cell])) else {
        text += " "
        continue
      }
      text += painted(String(Character(scalar)), colours[cell])
    }
    return text
  }
}

private enum Downsampling {
  /// At most `count` values, each the mean of its share of the series; a share without a number stays none.
  static func means(_ values: [Double], count: Int) -> [Double] {
    guard values.count > count, count > 0 else { return values }
    return (0..<count).map { group in
      let share = values[(group * values.count / count)..<((group + 1) * values.count / count)].filter(\.isFinite)
      return share.isEmpty ? .nan : share.reduce(0) { $0 + $1 / Double(share.count) }
    }
  }

  /// How far a value is from the bottom to the top, in [0, 1] between them. Halved before subtracting, so that a range as
  /// wide as Double's does not overflow.
  static func share(_ value: Double, _ bottom: Double, _ top: Double) -> Double {
    (value / 2 - bottom / 2) / (top / 2 - bottom / 2)
  }

  static func range(_ values: [Double]) -> (Double, Double)? {
    let numbers = values.filter(\.isFinite)
    guard let low = numbers.min(), let high = numbers.max() else { return nil }
    return (low, high)
  }
}
