import Autoscaling
import PodSimulation

/// What all policies are judged on: pods, their load, the pool, the goal.
public struct Scenario: Sendable {
  /// The simulated pods.
  public var pods: [PodParameters]
  /// What the decision path knows of them: names, priorities, bounds.
  public var descriptions: [PodDescription]
  /// Pool and shield; observation and actions are each contestant's own.
  public var settings: DecisionSettings
  /// Cores of the one node that all pods share; nil for cores of their own.
  public var sharedCores: Double?
  /// How old what policies see is, and how long a new limit takes to act.
  public var metrics = MetricLag.direct
  public var resizeLatency = Randomization.Range(0, 0)
  /// Pods that come and go: by schedule, or at random; nil for pods that stay.
  public var schedules: [PodSchedule]?
  public var churn: PodChurn?
  /// How requests travel from pod to pod: response times are then those of whole requests. nil where every pod is a
  /// service of its own.
  public var graph: ServiceGraph?
  /// Length of an episode, seconds, not counting the first second, which only fills the observations.
  public var seconds: Int
  /// Limit of every pod at the start, millicores.
  public var initialLimit: Millicores
  /// Response-time goal, seconds.
  public var slo: Double
  /// The load, the same for every contestant.
  public var workload: Workload

  public init(
    pods: [PodParameters], descriptions: [PodDescription], settings: DecisionSettings, sharedCores: Double? = nil,
    seconds: Int, initialLimit: Millicores, slo: Double, workload: Workload
  ) {
    self.pods = pods
    self.descriptions = descriptions
    self.settings = settings
    self.sharedCores = sharedCores
    self.seconds = seconds
    self.initialLimit = initialLimit
    self.slo = slo
    self.workload = workload
  }
}

/// A policy that takes part in a comparison.
public struct Contestant: Sendable {
  public let name: String
  /// What it sees and what its actions mean; only agents look at these.
  public let observation: ObservationSpec
  public let action: ActionSpace
  public let compatibility: DecisionSettings.Compatibility
  /// A fresh copy, with nothing remembered.
  public let make: @Sendable () throws -> any ScalingPolicy

  public init(
    name: String, observation: ObservationSpec, action: ActionSpace,
    compatibility: DecisionSettings.Compatibility = .none, make: @escaping @Sendable () throws -> any ScalingPolicy
  ) {
    self.name = name
    self.observation = observation
    self.action = action
    self.compatibility = compatibility
    self.make = make
  }

  /// A baseline, with its default parameters or others.
  public init(_ baseline: Baseline, values: [Double]? = nil, name: String? = nil) {
    let values = values ?? baseline.defaults
    self.init(
      name: name ?? baseline.name, observation: .independent, action: ActionSpace(kind: .increments),
      make: { baseline.make(values) })
  }
}
