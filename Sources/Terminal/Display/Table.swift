/// A table for people: aligned columns with units in the header, numbers to the right.
///
///     var table = Table([.text("policy"), .number("CPU", unit: "m"), .number("p95", unit: "ms")])
///     table.add([.text("mdqn"), .estimate(412.3, 8.1, decimals: 1), .number(38.2, decimals: 1)])
///     print(table.plain(), terminator: "")
public struct Table: Sendable {
  public struct Column: Sendable {
    let title: String
    let isNumeric: Bool

    /// Left-aligned.
    public static func text(_ title: String) -> Column { Column(title: title, isNumeric: false) }
    /// Right-aligned; the unit follows the title in brackets.
    public static func number(_ title: String, unit: String = "") -> Column {
      Column(title: unit.isEmpty ? title : "\(title) [\(unit)]", isNumeric: true)
    }
  }

  public struct Cell: Sendable {
    var text: String
    /// Stands behind ±.
    var deviation: String?
    var isBold = false

    public static func text(_ text: String) -> Cell { Cell(text: text) }
    public static func number(_ value: Int) -> Cell { Cell(text: "\(value)") }
    public static func number(_ value: Double, decimals: Int) -> Cell { Cell(text: Number.fixed(value, decimals)) }
    /// `412.3 ± 8.1`; the signs stand under each other.
    public static func estimate(_ value: Double, _ deviation: Double, decimals: Int) -> Cell {
      Cell(text: Number.fixed(value, decimals), deviation: Number.fixed(deviation, decimals))
    }
    public static let none = Cell(text: "")

    /// Emphasised where the output can show it: the best of a column.
    public func bold() -> Cell {
      var cell = self
      cell.isBold = true
      return cell
    }
  }

  public let columns: [Column]
  private var rows: [[Cell]] = []

  public init(_ columns: [Column]) { self.columns = columns }

  public mutating func add(_ cells: [Cell]) {
    precondition(cells.count == columns.count, "table: \(cells.count) cells, expected \(columns.count)")
    rows.append(cells)
  }

  /// For a terminal or a log: headers, a rule, rows, each ended by a line break.
  public func plain(style: Style = .plain) -> String {
    let (texts, widths) = layout()
    func line(_ cells: [String]) -> String {
      let padded = cells.indices.map { DisplayWidth.pad(cells[$0], to: widths[$0], right: columns[$0].isNumeric) }
      let joined = padded.joined(separator: "  ")
      // Blanks at the end of a line would show up in every diff of a recorded output.
      return String(joined.reversed().drop { $0 == " " }.reversed()) + "\n"
    }
    var result = style.bold(String(line(columns.map(\.title)).dropLast())) + "\n"
    result += style.dim(widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")) + "\n"
    for (row, cells) in rows.enumerated() {
      result += line(cells.indices.map { cells[$0].isBold ? style.bold(texts[row][$0]) : texts[row][$0] })
    }
    return result
  }

  /// For a document; a pipe in a text is escaped.
  public func markdown() -> String {
    let (texts, widths) = layout(minimum: 3) {
      $0.map { $0 == "|" ? "\\|" : $0 == "\n" ? " " : String($0) }.joined()
    }
    func line(_ cells: [String]) -> String {
      let padded = cells.indices.map { DisplayWidth.pad(cells[$0], to: widths[$0], right: columns[$0].isNumeric) }
      return "| " + padded.joined(separator: " | ") + " |\n"
    }
    let rules = columns.indices.map {
      String(repeating: "-", count: widths[$0] - (columns[$0].isNumeric ? 1 : 0)) + (columns[$0].isNumeric ? ":" : "")
    }
    // The stars are part of the cell here, and may make it wider than its column: markdown does not mind.
    return line(columns.map(\.title)) + line(rules)
      + rows.indices.map { row in
        line(columns.indices.map { rows[row][$0].isBold ? "**\(texts[row][$0])**" : texts[row][$0] })
      }.joined()
  }

  /// The cells as texts, with both sides of ± padded, and the width of each column.
  private func layout(
    minimum: Int = 0, clean: (String) -> String = { $0 }
  ) -> (texts: [[String]], widths: [Int]) {
    var texts = rows.map { $0.map { clean($0.text) } }
    var widths: [Int] = []
    for column in columns.indices {
      let estimates = rows.map { $0[column] }.filter { $0.deviation != nil }
      let left = estimates.map { DisplayWidth.of($0.text) }.max() ?? 0
      let right = estimates.map { DisplayWidth.of($0.deviation ?? "") }.max() ?? 0
      for row in rows.indices {
        guard let deviation = rows[row][column].deviation else { continue }
        texts[row][column] =
          DisplayWidth.pad(texts[row][column], to: left, right: true) + " ± "
          + DisplayWidth.pad(deviation, to: right, right: true)
      }
      let widest = texts.map { DisplayWidth.of($0[column]) }.max() ?? 0
      widths.append(max(minimum, widest, DisplayWidth.of(columns[column].title)))
    }
    return (texts, widths)
  }
}
