/// What a program says about its work, line by line on standard error: for people, or as JSON for machines.
///
///     log.info("resized", ["pod": "web-0", "limit": 250])
///     2026-03-01T12:00:05.250Z info  resized  pod=web-0 limit=250
public struct Log: Sendable {
  public enum Level: Int, Sendable, CaseIterable, Comparable {
    case debug, info, warning, error

    public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
    public var name: String { "\(self)" }
    public init?(name: String) {
      guard let level = Level.allCases.first(where: { $0.name == name }) else { return nil }
      self = level
    }
  }

  public enum Format: String, Sendable, CaseIterable { case text, json }

  /// Whether a command that has the option `log_format` was asked for JSON.
  static func isWantedAsJSON(_ options: ParsedOptions) -> Bool {
    options.command.option("log_format") != nil && options.string("log_format") == Format.json.rawValue
  }

  /// A field's value: written as a literal, or `.int(count)`.
  public enum Value: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
  {
    case text(String)
    case int(Int)
    case float(Double)
    case flag(Bool)

    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .float(value) }
    public init(booleanLiteral value: Bool) { self = .flag(value) }

    var json: String {
      switch self {
      case .text(let value): JSONText.quoted(value)
      case .int(let value): "\(value)"
      case .float(let value): Number.json(value)
      case .flag(let value): "\(value)"
      }
    }

    var shown: String {
      switch self {
      case .text(let value):
        // A text that could be taken for two fields, or for none, is quoted.
        value.isEmpty || value.contains { " =\"\n\r\t\u{1b}".contains($0) } ? JSONText.quoted(value) : Quote.line(value)
      case .int(let value): "\(value)"
      case .float(let value): Number.short(value)
      case .flag(let value): "\(value)"
      }
    }
  }

  public var level: Level
  public var format: Format
  private let style: Style
  private let now: @Sendable () -> Double
  private let sink: @Sendable (String) -> Void

  /// - `now`: seconds since 1970.
  /// - `sink`: gets each line without its end.
  public init(
    level: Level = .info, format: Format = .text, style: Style = Style.detect(descriptor: 2),
    now: @escaping @Sendable () -> Double = Clock.wall,
    sink: @escaping @Sendable (String) -> Void = { Screen.standardError.line($0) }
  ) {
    self.level = level
    self.format = format
    self.style = style
    self.now = now
    self.sink = sink
  }

  public func debug(
    _ message: @autoclosure () -> String, _ fields: @autoclosure () -> KeyValuePairs<String, Value> = [:]
  ) {
    write(.debug, message, fields)
  }
  public func info(
    _ message: @autoclosure () -> String, _ fields: @autoclosure () -> KeyValuePairs<String, Value> = [:]
  ) {
    write(.info, message, fields)
  }
  public func warning(
    _ message: @autoclosure () -> String, _ fields: @autoclosure () -> KeyValuePairs<String, Value> = [:]
  ) {
    write(.warning, message, fields)
  }
  public func error(
    _ message: @autoclosure () -> String, _ fields: @autoclosure () -> KeyValuePairs<String, Value> = [:]
  ) {
    write(.error, message, fields)
  }

  /// Texts are made only for a line that is written.
  private func write(_ level: Level, _ message: () -> String, _ fields: () -> KeyValuePairs<String, Value>) {
    guard level >= self.level else { return }
    let time = Clock.iso8601(now())
    switch format {
    case .text:
      let name = painted(level, DisplayWidth.pad(level.name, to: 7))
      let rest = fields().map { " \($0)=\($1.shown)" }.joined()
      sink("\(style.dim(time)) \(name) \(Quote.line(message()))" + (rest.isEmpty ? "" : " " + rest))
    case .json:
      var line = "{\"time\":\"\(time)\",\"level\":\"\(level.name)\",\"message\":\(JSONText.quoted(message()))"
      for (name, value) in fields() { line += ",\(JSONText.quoted(name)):\(value.json)" }
      sink(line + "}")
    }
  }

  private func painted(_ level: Level, _ text: String) -> String {
    switch level {
    case .debug: style.dim(text)
    case .info: style.green(text)
    case .warning: style.yellow(text)
    case .error: style.red(text)
    }
  }
}
