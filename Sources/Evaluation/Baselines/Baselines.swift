import Autoscaling

/// A heuristic to be judged against, by name, with what can be tuned about it.
public struct Baseline: Sendable {
  /// One number that can be tuned, with the values that a fair sweep tries.
  public struct Parameter: Sendable, Equatable {
    public let name: String
    public let defaultValue: Double
    public let range: ClosedRange<Double>
    public let sweep: [Double]

    public init(_ name: String, _ defaultValue: Double, in range: ClosedRange<Double>, sweep: [Double] = []) {
      self.name = name
      self.defaultValue = defaultValue
      self.range = range
      self.sweep = sweep
    }
  }

  public let name: String
  public let summary: String
  public let parameters: [Parameter]
  /// Makes the policy from a value for every parameter, in their order.
  public let make: @Sendable ([Double]) -> any ScalingPolicy

  public init(
    _ name: String, _ summary: String, parameters: [Parameter] = [],
    make: @escaping @Sendable ([Double]) -> any ScalingPolicy
  ) {
    self.name = name
    self.summary = summary
    self.parameters = parameters
    self.make = make
  }

  public var defaults: [Double] { parameters.map(\.defaultValue) }
}

/// What is wrong with a policy's description, in one sentence.
public struct BaselineError: Error, CustomStringConvertible, Sendable, Equatable {
  public let description: String
}

/// The catalogue of baselines: a new one is one file and one line.
public enum Baselines {
  public static let all: [Baseline] = [
    StaticBaseline.entry, NoLimitBaseline.entry, ThresholdBaseline.entry, ProportionalBaseline.entry,
    UsagePeakBaseline.kubernetes, UsagePeakBaseline.fast, VerticalPodAutoscalerBaseline.entry,
  ]

  public static func named(_ name: String) -> Baseline? { all.first { $0.name == name } }

  /// A baseline as it stands on a command line: `name`, or `name:parameter=value,…` with other values than the defaults.
  public static func parse(_ text: String) throws -> (baseline: Baseline, values: [Double])? {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let baseline = named(String(parts[0])) else { return nil }
    var values = baseline.defaults
    for setting in parts.count > 1 ? parts[1].split(separator: ",", omittingEmptySubsequences: false) : [] {
      let sides = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let names = baseline.parameters.map(\.name)
      guard let index = names.firstIndex(of: String(sides[0])) else {
        let known = names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))"
        throw BaselineError(description: "policy '\(baseline.name)' has no parameter '\(sides[0])'; \(known)")
      }
      let range = baseline.parameters[index].range
      guard sides.count == 2, let value = Double(sides[1]), range.contains(value) else {
        throw BaselineError(
          description:
            "'\(setting)' of policy '\(baseline.name)': expected \(names[index])=number from \(range.lowerBound) to \(range.upperBound)"
        )
      }
      values[index] = value
    }
    return (baseline, values)
  }
}
