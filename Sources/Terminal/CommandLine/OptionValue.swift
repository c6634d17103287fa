/// The value of an option after reading: from the command line, from a configuration file, or its default.
public enum OptionValue: Sendable, Equatable {
  case flag(Bool)
  case int(Int)
  case float(Double)
  case text(String)
  case ints([Int])
  case floats([Double])
  case texts([String])
}

/// Where a value came from; a later case wins over an earlier one.
public enum OptionSource: Sendable, Equatable {
  case `default`
  case file(path: String, line: Int, column: Int)
  case commandLine
}

/// The numbers that a float option accepts.
public struct FloatBounds: Sendable, Equatable {
  public let lower: Double
  public let upper: Double
  public let lowerIncluded: Bool
  public let upperIncluded: Bool

  public static let any = FloatBounds(lower: -.infinity, upper: .infinity, lowerIncluded: true, upperIncluded: true)

  /// x ≥ lower, and x ≤ upper where given.
  public static func atLeast(_ lower: Double, atMost upper: Double = .infinity) -> FloatBounds {
    FloatBounds(lower: lower, upper: upper, lowerIncluded: true, upperIncluded: true)
  }
  /// x > lower, and x ≤ upper where given.
  public static func above(_ lower: Double, atMost upper: Double = .infinity) -> FloatBounds {
    FloatBounds(lower: lower, upper: upper, lowerIncluded: false, upperIncluded: true)
  }
  /// lower ≤ x < upper.
  public static func atLeast(_ lower: Double, below upper: Double) -> FloatBounds {
    FloatBounds(lower: lower, upper: upper, lowerIncluded: true, upperIncluded: false)
  }
  /// lower < x < upper.
  public static func above(_ lower: Double, below upper: Double) -> FloatBounds {
    FloatBounds(lower: lower, upper: upper, lowerIncluded: false, upperIncluded: false)
  }

  func contains(_ x: Double) -> Bool {
    (lowerIncluded ? x >= lower : x > lower) && (upperIncluded ? x <= upper : x < upper)
  }

  /// "at least 0", "above 0 and below 1"; empty without bounds.
  var phrase: String {
    var parts: [String] = []
    if lower.isFinite { parts.append((lowerIncluded ? "at least " : "above ") + Number.short(lower)) }
    if upper.isFinite { parts.append((upperIncluded ? "at most " : "below ") + Number.short(upper)) }
    return parts.joined(separator: " and ")
  }
}

extension Option.Element {
  /// Reads one value; nil when the text is not one.
  func parse(_ text: String) -> OptionValue? {
    switch self {
    case .int(let range):
      Number.parseInt(text).flatMap { range.contains($0) ? .int($0) : nil }
    case .float(let bounds):
      Number.parseDouble(text).flatMap { bounds.contains($0) ? .float($0) : nil }
    case .string: .text(text)
    case .path: text.isEmpty ? nil : .text(text)
    case .choice(let names): names.contains(text) ? .text(text) : nil
    }
  }

  /// What was expected: "a whole number of at least 1".
  var expectation: String {
    switch self {
    case .int(let range):
      switch (range.lowerBound, range.upperBound) {
      case (Int.min, Int.max): "a whole number"
      case (let low, Int.max): "a whole number of at least \(low)"
      case (Int.min, let high): "a whole number of at most \(high)"
      case (let low, let high): "a whole number between \(low) and \(high)"
      }
    case .float(let bounds): bounds.phrase.isEmpty ? "a number" : "a number, " + bounds.phrase
    case .string: "a text"
    case .path: "a path"
    case .choice(let names): "one of " + names.joined(separator: ", ")
    }
  }
}

extension OptionValue {
  /// One list value from the values of its elements; they all come from one element kind.
  static func list(_ values: [OptionValue], of element: Option.Element) -> OptionValue {
    switch element {
    case .int:
      .ints(values.compactMap { if case .int(let value) = $0 { value } else { nil } })
    case .float:
      .floats(values.compactMap { if case .float(let value) = $0 { value } else { nil } })
    case .string, .path, .choice:
      .texts(values.compactMap { if case .text(let value) = $0 { value } else { nil } })
    }
  }

  /// As it was written, also when empty.
  var asText: String {
    if case .text(let value) = self { value } else { shown ?? "" }
  }

  /// As in help: `300`, `1.0 1.0`, `off`. Nil where there is nothing worth showing.
  var shown: String? {
    switch self {
    case .flag(let value): value ? "on" : nil
    case .int(let value): "\(value)"
    case .float(let value): Number.short(value)
    case .text(let value): value.isEmpty ? nil : value
    case .ints(let values): values.isEmpty ? nil : values.map { "\($0)" }.joined(separator: " ")
    case .floats(let values): values.isEmpty ? nil : values.map(Number.short).joined(separator: " ")
    case .texts(let values): values.isEmpty ? nil : values.joined(separator: " ")
    }
  }

  /// As YAML in flow style, which is also JSON: a string is always quoted.
  var json: String {
    switch self {
    case .flag(let value): value ? "true" : "false"
    case .int(let value): "\(value)"
    case .float(let value): Number.json(value)
    case .text(let value): JSONText.quoted(value)
    case .ints(let values): "[" + values.map { "\($0)" }.joined(separator: ", ") + "]"
    case .floats(let values): "[" + values.map(Number.json).joined(separator: ", ") + "]"
    case .texts(let values): "[" + values.map(JSONText.quoted).joined(separator: ", ") + "]"
    }
  }
}
