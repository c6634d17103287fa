/// Why a query is not answered.
struct PromQLError: Error, Equatable, CustomStringConvertible {
  var description: String
}

/// A query in the part of PromQL that dashboards and controllers use: selectors with matchers and ranges, the functions over
/// ranges, aggregations by labels, arithmetic.
indirect enum PromQL: Equatable, Sendable {
  struct Matcher: Equatable, Sendable {
    var label: String
    /// `=`, `!=`, `=~`, `!~`
    var sign: String
    var value: String
  }

  struct Grouping: Equatable, Sendable {
    var labels: [String]
    /// Keep the named labels, or all but these.
    var isBy: Bool
  }

  case number(Double)
  case selector(metric: String, matchers: [Matcher], range: Double?)
  case function(String, [PromQL])
  case aggregation(String, Grouping?, PromQL)
  case binary(Character, PromQL, PromQL)

  static let rangeFunctions = [
    "rate", "irate", "increase", "delta", "avg_over_time", "max_over_time", "min_over_time", "sum_over_time",
    "last_over_time",
  ]
  static let aggregations = ["sum", "avg", "max", "min", "count"]

  /// - Throws: `PromQLError` with the place where it stops being PromQL.
  init(_ text: String) throws(PromQLError) {
    var parser = Parser(text: Array(text))
    self = try parser.sum(depth: 0)
    parser.skipBlanks()
    if parser.place < parser.text.count { throw parser.failure("end of input") }
  }

  private struct Parser {
    let text: [Character]
    var place = 0

    func failure(_ expected: String) -> PromQLError {
      let found = place < text.count ? "'\(text[place])'" : "the end"
      return PromQLError(
        description: "1:\(place + 1): parse error: found \(found), expected \(expected) (this part of PromQL is known: "
          + "selectors, ranges, rate and its like, sum/avg/max/min/count by, arithmetic)")
    }

    mutating func skipBlanks() { while place < text.count, text[place].isWhitespace { place += 1 } }

    mutating func take(_ character: Character) -> Bool {
      skipBlanks()
      guard place < text.count, text[place] == character else { return false }
      place += 1
      return true
    }

    mutating func demand(_ character: Character) throws(PromQLError) {
      if !take(character) { throw failure("'\(character)'") }
    }

    mutating func sum(depth: Int) throws(PromQLError) -> PromQL {
      guard depth < 64 else { throw PromQLError(description: "the query is nested too deeply") }
      var left = try product(depth)
      while true {
        if take("+") {
          left = .binary("+", left, try product(depth))
        } else if take("-") {
          left = .binary("-", left, try product(depth))
        } else {
          return left
        }
      }
    }

    private mutating func product(_ depth: Int) throws(PromQLError) -> PromQL {
      var left = try unit(depth)
      while true {
        if take("*") {
          left = .binary("*", left, try unit(depth))
        } else if take("/") {
          left = .binary("/", left, try unit(depth))
        } else {
          return left
        }
      }
    }

    private mutating func word() -> String {
      skipBlanks()
      let start = place
      while place < text.count, text[place].isLetter || text[place].isNumber || "_:.".contains(text[place]) {
        place += 1
      }
      return String(text[start..<place])
    }

    private mutating func unit(_ depth: Int) throws(PromQLError) -> PromQL {
      skipBlanks()
      if take("(") {
        let inner = try sum(depth: depth + 1)
        try demand(")")
        return inner
      }
      if take("-") { return .binary("-", .number(0), try unit(depth + 1)) }
      guard place < text.count else { throw failure("an expression") }
      if text[place] == "{" { return try selector("") }
      let name = word()
      if name.isEmpty { throw failure("an expression") }
      if let number = Double(name), name.first?.isNumber == true { return .number(number) }
      if PromQL.aggregations.contains(name) { return try aggregation(name, depth) }
      if take("(") {
        guard PromQL.rangeFunctions.contains(name) || ["abs", "clamp_min"].contains(name) else {
          throw PromQLError(description: "unknown function with name \"\(name)\"")
        }
        var arguments = [try sum(depth: depth + 1)]
        while take(",") { arguments.append(try sum(depth: depth + 1)) }
        try demand(")")
        return .function(name, arguments)
      }
      return try selector(name)
    }

    private mutating func aggregation(_ name: String, _ depth: Int) throws(PromQLError) -> PromQL {
      var grouping = try grouping()
      try demand("(")
      let inner = try sum(depth: depth + 1)
      try demand(")")
      if grouping == nil { grouping = try self.grouping() }
      return .aggregation(name, grouping, inner)
    }

    private mutating func grouping() throws(PromQLError) -> Grouping? {
      let back = place
      let keyword = word()
      guard keyword == "by" || keyword == "without" else {
        place = back
        return nil
      }
      try demand("(")
      var labels: [String] = []
      while !take(")") {
        let label = word()
        if label.isEmpty { throw failure("a label") }
        labels.append(label)
        _ = take(",")
      }
      return Grouping(labels: labels, isBy: keyword == "by")
    }

    private mutating func selector(_ metric: String) throws(PromQLError) -> PromQL {
      var (metric, matchers): (String, [Matcher]) = (metric, [])
      if take("{") {
        while !take("}") {
          let label = word()
          if label.isEmpty { throw failure("a label") }
          skipBlanks()
          var sign = ""
          while place < text.count, "=!~".contains(text[place]) {
            sign.append(text[place])
            place += 1
          }
          guard ["=", "!=", "=~", "!~"].contains(sign) else { throw failure("=, !=, =~ or !~") }
          let value = try string()
          if label == "__name__", sign == "=" { metric = value }
          matchers.append(Matcher(label: label, sign: sign, value: value))
          _ = take(",")
        }
      }
      guard !metric.isEmpty else { throw failure("a metric's name") }
      var range: Double?
      if take("[") {
        range = try duration()
        try demand("]")
      }
      return .selector(metric: metric, matchers: matchers, range: range)
    }

    private mutating func string() throws(PromQLError) -> String {
      skipBlanks()
      guard place < text.count, "\"'`".contains(text[place]) else { throw failure("a quoted text") }
      let quote = text[place]
      place += 1
      var value = ""
      while place < text.count, text[place] != quote {
        if text[place] == "\\", quote != "`", place + 1 < text.count {
          place += 1
          value.append(text[place] == "n" ? "\n" : text[place])
        } else {
          value.append(text[place])
        }
        place += 1
      }
      guard place < text.count else { throw failure("the end of the quoted text") }
      place += 1
      return value
    }

    private mutating func duration() throws(PromQLError) -> Double {
      let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
      var seconds = 0.0
      skipBlanks()
      while place < text.count, text[place].isNumber {
        var number = 0.0
        while place < text.count, let digit = text[place].wholeNumberValue {
          number = number * 10 + Double(digit)
          place += 1
        }
        guard place < text.count, let unit = units[text[place]] else { throw failure("a unit: s, m, h or d") }
        place += 1
        seconds += number * unit
      }
      guard seconds > 0, seconds < 1e9 else { throw failure("a duration such as 2m") }
      return seconds
    }
  }
}
