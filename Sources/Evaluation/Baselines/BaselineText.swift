/// Baselines as they stand on a command line.
///
///     captain                          defaults
///     captain:target=0.1               one other value
///     threshold:lower=20,upper=70      several
///     captain:target=0.05,0.1,0.2      a sweep: every combination of the values given
extension Baselines {
  /// A baseline with other values than the defaults; nil when there is none of that name.
  public static func parse(_ text: String) throws -> (baseline: Baseline, values: [Double])? {
    guard let (baseline, axes) = try parseAxes(text) else { return nil }
    for (parameter, axis) in zip(baseline.parameters, axes) where (axis?.count ?? 1) > 1 {
      throw BaselineError(
        "parameter '\(parameter.name)' of policy '\(baseline.name)' has several values; a sweep takes them, a policy one"
      )
    }
    return (baseline, zip(baseline.parameters, axes).map { $1?.first ?? $0.defaultValue })
  }

  /// The settings of a sweep, in the order of their parameters' values; nil when there is no baseline of that name.
  ///
  /// Without parameters the baseline's own fair grid; parameters that are not named keep that grid if none is named, their
  /// default otherwise.
  public static func parseSweep(_ text: String) throws -> (baseline: Baseline, settings: [[Double]])? {
    guard let (baseline, axes) = try parseAxes(text) else { return nil }
    let isNamed = axes.contains { $0 != nil }
    let grid = zip(baseline.parameters, axes).map { parameter, axis in
      if let axis { return axis }
      return isNamed || parameter.sweep.isEmpty ? [parameter.defaultValue] : parameter.sweep
    }
    let settings = grid.reduce([[]]) { settings, axis in settings.flatMap { setting in axis.map { setting + [$0] } } }
    guard settings.count <= 10_000 else {
      throw BaselineError("the sweep of '\(baseline.name)' has \(settings.count) settings, expected at most 10000")
    }
    return (baseline, settings)
  }

  /// Puts together again what a list of words took apart: the words of a list option are also parted by commas, which a
  /// policy with several parameters holds itself.
  public static func joined(_ words: [String]) -> [String] {
    var result: [String] = []
    for word in words {
      let sides = word.split(separator: "=", maxSplits: 1)
      let isSetting = sides.count == 2 && !sides[0].contains(":") && Double(sides[1]) != nil
      if let last = result.last, last.contains(":"), isSetting || Double(word) != nil {
        result[result.count - 1] = last + "," + word
      } else {
        result.append(word)
      }
    }
    return result
  }

  /// For every parameter the values given; nil for those that are not named.
  private static func parseAxes(_ text: String) throws -> (Baseline, [[Double]?])? {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let baseline = named(String(parts[0])) else { return nil }
    var axes = [[Double]?](repeating: nil, count: baseline.parameters.count)
    var current: Int?
    for setting in parts.count > 1 ? parts[1].split(separator: ",", omittingEmptySubsequences: false) : [] {
      let sides = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let names = baseline.parameters.map(\.name)
      if sides.count == 2 || current == nil {
        guard let index = names.firstIndex(of: String(sides[0])) else {
          let known = names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))"
          throw BaselineError("policy '\(baseline.name)' has no parameter '\(sides[0])'; \(known)")
        }
        guard axes[index] == nil else {
          throw BaselineError("policy '\(baseline.name)' has parameter '\(names[index])' twice")
        }
        current = index
      }
      guard let index = current else { continue }
      let range = baseline.parameters[index].range
      let number = sides.count == 2 ? sides[1] : axes[index] == nil ? "" : sides[0]
      guard let value = Double(number), range.contains(value) else {
        throw BaselineError(
          "'\(setting)' of policy '\(baseline.name)': expected \(names[index])=number from \(range.lowerBound) to \(range.upperBound)"
        )
      }
      axes[index, default: []].append(value)
    }
    return (baseline, axes)
  }
}

extension Baseline {
  /// `name:parameter=value,…`, as `Baselines.parse` reads it.
  public func text(_ values: [Double], omitsDefaults: Bool = true) -> String {
    let settings = zip(parameters, values).filter { !omitsDefaults || $0.defaultValue != $1 }
      .map { "\($0.name)=\(Self.short($1))" }
    return settings.isEmpty ? name : name + ":" + settings.joined(separator: ",")
  }

  private static func short(_ value: Double) -> String {
    value.rounded() == value && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
  }
}

extension Array where Element == [Double]? {
  fileprivate subscript(index: Int, default fallback: [Double]) -> [Double] {
    get { self[index] ?? fallback }
    set { self[index] = newValue }
  }
}
