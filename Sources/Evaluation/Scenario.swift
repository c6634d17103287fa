import Autoscaling
import PodSimulation

/// What all policies are judged on: pods, their load, the pool, the goal.
public struct Scenario: Sendable {
  /// The simulated pods and what surrounds them: a shared node, late metrics, slow resizes. The seed is each episode's own.
  public var cluster: PodClusterConfiguration
  /// What the decision path knows of the pods: names, priorities, bounds.
  public var descriptions: [PodDescription]
  /// Pool and shield; observation and actions are each contestant's own.
  public var settings: DecisionSettings
  /// Seconds that are played before anything counts: histories fill, limits settle. At least one, which only fills the
  /// observations, always comes on top.
  public var warmUp = 0
  /// Seconds of an episode that count.
  public var seconds: Int
  /// Limit of every pod at the start, millicores.
  public var initialLimit: Millicores
  /// Response-time goal, seconds.
  public var slo: Double
  /// The load, the same for every contestant.
  public var workload: Workload
  /// Whether every limit is written every second, also where it did not change: shows what a policy gains from the kernel
  /// refilling the quota at every write. Off, as on a cluster, unless that is to be measured.
  public var rewritesLimits = false

  public init(
    pods: [PodParameters], descriptions: [PodDescription], settings: DecisionSettings, sharedCores: Double? = nil,
    seconds: Int, initialLimit: Millicores, slo: Double, workload: Workload
  ) {
    cluster = PodClusterConfiguration(pods: pods, sharedCores: sharedCores)
    self.descriptions = descriptions
    self.settings = settings
    self.seconds = seconds
    self.initialLimit = initialLimit
    self.slo = slo
    self.workload = workload
  }

  public var pods: [PodParameters] { cluster.pods }
  /// How old what policies see is.
  public var metrics: MetricLag {
    get { cluster.metrics }
    set { cluster.metrics = newValue }
  }
  /// How long a new limit takes to act.
  public var resizeLatency: Randomization.Range {
    get { cluster.resizeLatency }
    set { cluster.resizeLatency = newValue }
  }

  /// Everything about one episode, that with `seed`: enough to play it beforehand.
  public func knowledge(seed: UInt64) -> EpisodeKnowledge {
    var configuration = cluster
    configuration.seed = seed
    configuration.clusters = 1
    return EpisodeKnowledge(
      configuration: configuration, workload: workload, seconds: warmUp + seconds, slo: slo,
      initialLimit: initialLimit, rewritesLimits: rewritesLimits)
  }
}

/// Everything about an episode that is to come. Only `oracle` looks at it; no policy of a real cluster could.
public struct EpisodeKnowledge: Sendable {
  /// One cluster, with the episode's seed: every request of it, its instant and its CPU demand.
  public var configuration: PodClusterConfiguration
  public var workload: Workload
  /// Seconds of the episode besides the first.
  public var seconds: Int
  /// Response-time goal, seconds.
  public var slo: Double
  /// Millicores.
  public var initialLimit: Millicores
  public var rewritesLimits: Bool

  public init(
    configuration: PodClusterConfiguration, workload: Workload, seconds: Int, slo: Double, initialLimit: Millicores,
    rewritesLimits: Bool = false
  ) {
    self.configuration = configuration
    self.workload = workload
    self.seconds = seconds
    self.slo = slo
    self.initialLimit = initialLimit
    self.rewritesLimits = rewritesLimits
  }
}
