/// One page that needs nothing else: texts, figures, tables and charts, in light or dark as the reader prefers. It loads
/// nothing from anywhere and runs no scripts; the same content gives the same bytes.
public struct HTMLReport: Sendable {
  /// A table; numbers to the right.
  public struct Table: Sendable {
    public struct Column: Sendable {
      var title: String
      var isNumeric: Bool
      public static func text(_ title: String) -> Column { Column(title: title, isNumeric: false) }
      public static func number(_ title: String) -> Column { Column(title: title, isNumeric: true) }
    }

    public struct Cell: Sendable {
      enum Tone: String { case plain, good, bad, strong }
      var text: String
      var tone: Tone = .plain
      public init(_ text: String) { self.text = text }
      private init(_ text: String, _ tone: Tone) { (self.text, self.tone) = (text, tone) }
      /// Requirements met and missed; the text says which, the colour only repeats it.
      public static func good(_ text: String) -> Cell { Cell(text, .good) }
      public static func bad(_ text: String) -> Cell { Cell(text, .bad) }
      /// The best of a column.
      public static func strong(_ text: String) -> Cell { Cell(text, .strong) }
    }

    public var caption: String
    public var columns: [Column]
    public private(set) var rows: [[Cell]] = []

    public init(_ columns: [Column], caption: String = "") {
      self.columns = columns
      self.caption = caption
    }

    public mutating func add(_ cells: [Cell]) {
      precondition(cells.count == columns.count, "table: \(cells.count) cells, expected \(columns.count)")
      rows.append(cells)
    }
  }

  private enum Block: Sendable {
    case heading(String)
    case text(String)
    case figures([(value: String, label: String)])
    case code(String)
    case table(Table)
    case charts([any Drawable])
  }

  public let title: String
  public let subtitle: String
  private var blocks: [Block] = []

  public init(_ title: String, subtitle: String = "") {
    self.title = title
    self.subtitle = subtitle
  }

  /// Begins a section.
  public mutating func add(heading: String) { blocks.append(.heading(heading)) }
  public mutating func add(text: String) { blocks.append(.text(text)) }
  /// Commands or configuration, as they are.
  public mutating func add(code: String) { blocks.append(.code(code)) }
  /// The few numbers that a reader should remember.
  public mutating func add(figures: [(value: String, label: String)]) { blocks.append(.figures(figures)) }
  public mutating func add(table: Table) { blocks.append(.table(table)) }
  public mutating func add(chart: any Drawable) { blocks.append(.charts([chart])) }
  /// Side by side where the page is wide enough.
  public mutating func add(charts: [any Drawable]) { blocks.append(.charts(charts)) }

  public func html() -> String {
    var body = ""
    var isOpen = false
    var count = 0
    for block in blocks {
      switch block {
      case .heading(let text):
        body += isOpen ? "</section>\n" : ""
        isOpen = true
        body += "<section>\n<h2>\(Markup.escaped(text))</h2>\n"
      case .text(let text): body += "<p>\(Markup.escaped(text))</p>\n"
      case .code(let text): body += "<pre>\(Markup.escaped(text))</pre>\n"
      case .figures(let figures):
        let cells = figures.map { figure in
          "<div><dd>\(Markup.escaped(figure.value))</dd><dt>\(Markup.escaped(figure.label))</dt></div>"
        }
        body += "<dl class=\"figures\">\(cells.joined())</dl>\n"
      case .table(let table): body += HTMLReport.html(table)
      case .charts(let charts):
        body += "<div class=\"\(charts.count > 1 ? "charts" : "charts one")\">\n"
        for chart in charts {
          count += 1
          body += "<figure>\(chart.svg(id: "chart\(count)", isStandalone: false))</figure>\n"
        }
        body += "</div>\n"
      }
    }
    body += isOpen ? "</section>\n" : ""
    let under = subtitle.isEmpty ? "" : "<p class=\"subtitle\">\(Markup.escaped(subtitle))</p>\n"
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>\(Markup.escaped(title))</title>
      <style>\(Theme.variables)\(Theme.chartRules)
      \(HTMLReport.rules)</style>
      </head>
      <body>
      <main>
      <header>
      <h1>\(Markup.escaped(title))</h1>
      \(under)</header>
      \(body)</main>
      </body>
      </html>

      """
  }

  private static func html(_ table: Table) -> String {
    func cells(_ name: String, _ row: [(text: String, tone: Table.Cell.Tone)]) -> String {
      zip(row, table.columns).map { cell, column in
        let classes = ([column.isNumeric ? "number" : ""] + [cell.tone == .plain ? "" : cell.tone.rawValue])
          .filter { !$0.isEmpty }.joined(separator: " ")
        let scope = name == "th" ? " scope=\"col\"" : ""
        return
          "<\(name)\(scope)\(classes.isEmpty ? "" : " class=\"\(classes)\"")>\(Markup.escaped(cell.text))</\(name)>"
      }.joined()
    }
    var text = "<div class=\"table\"><table>\n"
    if !table.caption.isEmpty { text += "<caption>\(Markup.escaped(table.caption))</caption>\n" }
    text += "<thead><tr>\(cells("th", table.columns.map { ($0.title, .plain) }))</tr></thead>\n<tbody>\n"
    for row in table.rows { text += "<tr>\(cells("td", row.map { ($0.text, $0.tone) }))</tr>\n" }
    return text + "</tbody></table></div>\n"
  }

  private static var rules: String {
    """
    *{box-sizing:border-box}
    body{margin:0;background:var(--chart-paper);color:var(--chart-ink);font:16px/1.55 \(Theme.fonts)}
    main{max-width:1120px;margin:0 auto;padding:56px 32px 96px}
    h1{font-size:34px;line-height:1.2;letter-spacing:-.015em;margin:0 0 8px;font-weight:650}
    h2{font-size:22px;line-height:1.3;letter-spacing:-.01em;margin:72px 0 12px;font-weight:620}
    p{max-width:72ch;margin:0 0 16px}
    .subtitle{color:var(--chart-muted);font-size:18px}
    .figures{display:flex;flex-wrap:wrap;gap:16px 56px;margin:32px 0;padding:0}
    .figures div{display:flex;flex-direction:column}
    .figures dd{margin:0;font-size:34px;font-weight:620;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
    .figures dt{color:var(--chart-muted);font-size:14px}
    pre{font:13.5px/1.5 ui-monospace,'DejaVu Sans Mono',monospace;overflow-x:auto;white-space:pre-wrap;\
    overflow-wrap:anywhere;border:1px solid var(--chart-grid);border-radius:6px;padding:12px 16px;margin:0 0 20px}
    .table{overflow-x:auto;margin:16px 0 24px}
    table{border-collapse:collapse;font-size:14.5px;font-variant-numeric:tabular-nums;min-width:50%}
    caption{text-align:left;color:var(--chart-muted);padding:0 0 8px}
    th{text-align:left;font-weight:600;color:var(--chart-muted);vertical-align:bottom;\
    border-bottom:1.5px solid var(--chart-muted);padding:6px 24px 6px 0}
    td{padding:6px 24px 6px 0;border-bottom:1px solid var(--chart-grid);white-space:nowrap}
    th:last-child,td:last-child{padding-right:0}
    .number{text-align:right}
    .good{color:var(--chart-s2)}
    .bad{color:var(--chart-s1);font-weight:600}
    .strong{font-weight:650}
    .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:40px 32px;margin:32px 0}
    .charts.one{display:block;max-width:860px}
    figure{margin:0}
    .chart{display:block;width:100%;height:auto}
    @media print{main{max-width:none;padding:0}section{break-inside:avoid-page}}
    """
  }
}
