/// A series of samples with its labels.
struct PromQLSeries: Equatable {
  struct Point: Equatable {
    /// Seconds of emulation.
    var time: Double
    var value: Double
  }
  var labels: [String: String]
  var points: [Point]
}

enum PromQLValue: Equatable {
  case scalar(Double)
  /// One point each.
  case vector([PromQLSeries])
  case matrix([PromQLSeries])
}

/// Evaluates a query at one moment.
struct PromQLEvaluation {
  let now: Double
  let samples: (_ metric: String, _ start: Double, _ end: Double) -> [PromQLSeries]
  /// How long a sample stands for a series, seconds.
  static let lookBack = 300.0

  init(at now: Double, samples: @escaping (String, Double, Double) -> [PromQLSeries]) {
    self.now = now
    self.samples = samples
  }

  func value(of expression: PromQL) throws(PromQLError) -> PromQLValue {
    switch expression {
    case .number(let value): return .scalar(value)
    case .selector(let metric, let matchers, let range):
      var found: [PromQLSeries] = []
      for series in samples(metric, now - (range ?? Self.lookBack), now) where try Self.fits(series.labels, matchers) {
        found.append(series)
      }
      if range != nil { return .matrix(found) }
      return .vector(
        found.map { series in
          PromQLSeries(labels: series.labels, points: series.points.suffix(1).map { .init(time: now, value: $0.value) })
        })
    case .function(let name, let arguments): return try function(name, arguments)
    case .aggregation(let name, let grouping, let inner):
      guard case .vector(let series) = try value(of: inner) else {
        throw PromQLError(description: "\(name) needs an instant vector")
      }
      return .vector(aggregate(name, grouping, series))
    case .binary(let sign, let left, let right): return try binary(sign, value(of: left), value(of: right))
    }
  }

  // MARK: Matchers

  private static func fits(_ labels: [String: String], _ matchers: [PromQL.Matcher]) throws(PromQLError) -> Bool {
    for matcher in matchers {
      let value = labels[matcher.label] ?? ""
      let fits: Bool
      switch matcher.sign {
      case "=": fits = value == matcher.value
      case "!=": fits = value != matcher.value
      default: fits = try matches(value, matcher.value) == (matcher.sign == "=~")
      }
      if !fits { return false }
    }
    return true
  }

  /// The whole text, as Prometheus anchors expressions.
  private static func matches(_ text: String, _ pattern: String) throws(PromQLError) -> Bool {
    if !pattern.contains(where: { "\\^$.[]()?*+{}".contains($0) }) {
      return pattern.split(separator: "|", omittingEmptySubsequences: false).contains { $0 == text }
    }
    do {
      return try Regex(pattern).wholeMatch(in: text) != nil
    } catch {
      throw PromQLError(description: "'\(pattern)' is no regular expression")
    }
  }

  // MARK: Functions

  private func function(_ name: String, _ arguments: [PromQL]) throws(PromQLError) -> PromQLValue {
    if name == "abs" || name == "clamp_min" {
      let floor = arguments.count > 1 ? try value(of: arguments[1]) : .scalar(0)
      guard case .vector(let series) = try value(of: arguments[0]), case .scalar(let least) = floor else {
        throw PromQLError(description: "\(name) needs an instant vector and a number")
      }
      return .vector(Self.nameless(series) { name == "abs" ? abs($0) : max($0, least) })
    }
    guard arguments.count == 1, case .selector(_, _, let range?) = arguments[0],
      case .matrix(let series) = try value(of: arguments[0])
    else { throw PromQLError(description: "\(name) needs a range vector, such as \(name)(metric[2m])") }
    var results: [PromQLSeries] = []
    for one in series {
      guard let result = over(name, one.points, range) else { continue }
      var labels = one.labels
      labels["__name__"] = nil
      results.append(PromQLSeries(labels: labels, points: [.init(time: now, value: result)]))
    }
    return .vector(results)
  }

  private static func nameless(_ series: [PromQLSeries], _ change: (Double) -> Double) -> [PromQLSeries] {
    series.map { one in
      var labels = one.labels
      labels["__name__"] = nil
      return PromQLSeries(labels: labels, points: one.points.map { .init(time: $0.time, value: change($0.value)) })
    }
  }

  private func over(_ name: String, _ points: [PromQLSeries.Point], _ range: Double) -> Double? {
    guard let first = points.first, let last = points.last else { return nil }
    let values = points.map(\.value)
    switch name {
    case "avg_over_time": return values.reduce(0, +) / Double(values.count)
    case "max_over_time": return values.max()
    case "min_over_time": return values.min()
    case "sum_over_time": return values.reduce(0, +)
    case "last_over_time": return last.value
    case "irate":
      guard points.count > 1 else { return nil }
      let before = points[points.count - 2]
      return (last.value >= before.value ? last.value - before.value : last.value) / (last.time - before.time)
    default:
      guard points.count > 1, last.time > first.time else { return nil }
      var grown = last.value - first.value
      if name != "delta" {
        // A counter that falls was reset.
        for (a, b) in zip(values, values.dropFirst()) where b < a { grown += a }
      }
      return Self.extrapolated(
        grown, points, range: range, end: now, isRate: name == "rate", isCounter: name != "delta")
    }
  }

  /// Prometheus stretches what lies between the first and the last sample to the whole range, but not by more than half a
  /// sample's distance where the range's edge is far, nor below zero for a counter.
  private static func extrapolated(
    _ grown: Double, _ points: [PromQLSeries.Point], range: Double, end: Double, isRate: Bool, isCounter: Bool
  ) -> Double {
    let (first, last) = (points[0], points[points.count - 1])
    let sampled = last.time - first.time
    let distance = sampled / Double(points.count - 1)
    var toStart = first.time - (end - range)
    let toEnd = end - last.time
    if isCounter, grown > 0, first.value >= 0 { toStart = min(toStart, sampled * first.value / grown) }
    let stretched =
      sampled + (toStart < 1.1 * distance ? toStart : distance / 2) + (toEnd < 1.1 * distance ? toEnd : distance / 2)
    return grown * stretched / sampled / (isRate ? range : 1)
  }

  // MARK: Aggregations and arithmetic

  private func aggregate(_ name: String, _ grouping: PromQL.Grouping?, _ series: [PromQLSeries]) -> [PromQLSeries] {
    var order: [[String: String]] = []
    var groups: [[String: String]: [Double]] = [:]
    for one in series {
      guard let value = one.points.last?.value else { continue }
      let labels: [String: String]
      switch grouping {
      case nil: labels = [:]
      case let grouping? where grouping.isBy: labels = one.labels.filter { grouping.labels.contains($0.key) }
      case let grouping?:
        labels = one.labels.filter { $0.key != "__name__" && !grouping.labels.contains($0.key) }
      }
      if groups[labels] == nil { order.append(labels) }
      groups[labels, default: []].append(value)
    }
    return order.map { labels in
      let values = groups[labels] ?? []
      let result: Double
      switch name {
      case "sum": result = values.reduce(0, +)
      case "avg": result = values.reduce(0, +) / Double(max(values.count, 1))
      case "max": result = values.max() ?? .nan
      case "min": result = values.min() ?? .nan
      default: result = Double(values.count)
      }
      return PromQLSeries(labels: labels, points: [.init(time: now, value: result)])
    }
  }

  private static func compute(_ sign: Character, _ a: Double, _ b: Double) -> Double {
    switch sign {
    case "+": a + b
    case "-": a - b
    case "*": a * b
    default: a / b
    }
  }

  private func binary(_ sign: Character, _ left: PromQLValue, _ right: PromQLValue) throws(PromQLError) -> PromQLValue {
    switch (left, right) {
    case (.scalar(let a), .scalar(let b)): return .scalar(Self.compute(sign, a, b))
    case (.vector(let a), .scalar(let b)): return .vector(Self.nameless(a) { Self.compute(sign, $0, b) })
    case (.scalar(let a), .vector(let b)): return .vector(Self.nameless(b) { Self.compute(sign, a, $0) })
    case (.vector(let a), .vector(let b)):
      var partners: [[String: String]: Double] = [:]
      for one in Self.nameless(b, { $0 }) { partners[one.labels] = one.points.last?.value }
      return .vector(
        Self.nameless(a, { $0 }).compactMap { one in
          guard let value = one.points.last?.value, let other = partners[one.labels] else { return nil }
          return PromQLSeries(
            labels: one.labels, points: [.init(time: now, value: Self.compute(sign, value, other))])
        })
    default: throw PromQLError(description: "arithmetic needs numbers or instant vectors")
    }
  }
}
