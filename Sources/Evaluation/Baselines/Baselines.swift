import Autoscaling

/// A heuristic to be judged against, by name.
public struct Baseline: Sendable {
  public let name: String
  public let summary: String
  public let make: @Sendable () -> any ScalingPolicy

  public init(_ name: String, _ summary: String, make: @escaping @Sendable () -> any ScalingPolicy) {
    self.name = name
    self.summary = summary
    self.make = make
  }
}

/// The catalogue of baselines: a new one is one file and one line.
public enum Baselines {
  public static let all: [Baseline] = [
    Baseline("static", "the pool divided equally, for ever") { StaticBaseline() },
    Baseline("threshold", "±25m above 60 % and below 30 % utilisation, each step") { ThresholdBaseline() },
  ]

  public static func named(_ name: String) -> Baseline? { all.first { $0.name == name } }
}
