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
  /// Whether it looks at the CPU of each CFS period.
  public var needsPeriods = false
  /// Whether it knows what is to come: no opponent, but a measure.
  public let knowsFuture: Bool
  /// Makes the policy from a value for every parameter, in their order, and what only an oracle may use.
  public let make: @Sendable ([Double], EpisodeKnowledge) throws -> any ScalingPolicy

  public init(
    _ name: String, _ summary: String, parameters: [Parameter] = [],
    make: @escaping @Sendable ([Double]) -> any ScalingPolicy
  ) {
    self.name = name
    self.summary = summary
    self.parameters = parameters
    self.make = { values, _ in make(values) }
    knowsFuture = false
  }

  /// A baseline that knows the coming load.
  public init(
    _ name: String, _ summary: String, parameters: [Parameter],
    makeKnowing make: @escaping @Sendable ([Double], EpisodeKnowledge) throws -> any ScalingPolicy
  ) {
    self.name = name
    self.summary = summary
    self.parameters = parameters
    self.make = make
    knowsFuture = true
  }

  public var defaults: [Double] { parameters.map(\.defaultValue) }
}

/// What is wrong with a policy's description, in one sentence.
public struct BaselineError: Error, CustomStringConvertible, Sendable, Equatable {
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// The catalogue of baselines: a new one is one file and one line.
public enum Baselines {
  public static let all: [Baseline] = [
    StaticBaseline.entry, NoLimitBaseline.entry, ThresholdBaseline.entry, ProportionalBaseline.entry,
    UsagePeakBaseline.kubernetes, UsagePeakBaseline.fast, VerticalPodAutoscalerBaseline.entry, CaptainBaseline.entry,
    ForecastBaseline.entry, OracleBaseline.entry,
  ]

  public static func named(_ name: String) -> Baseline? { all.first { $0.name == name } }
}
