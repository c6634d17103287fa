/// What one policy did in one episode. Times in seconds, shares in 0…1, CPU in core-seconds.
public struct RolloutMetrics: Sendable, Equatable, Codable {
  // Response times of all requests of all pods (of all routes, where there is a service graph); one that timed out or was
  // refused counts as the timeout: a policy must not look fast because what waited was lost.
  public var p50 = 0.0
  public var p95 = 0.0
  public var p99 = 0.0
  public var p999 = 0.0
  public var mean = 0.0
  public var requests = 0
  public var timeouts = 0
  /// Requests that ended in an error, because their pod stopped or was away.
  public var refused = 0

  /// Share of requests above the goal.
  public var violationRate = 0.0
  /// Share of the seconds, of those in which requests ended, whose own 99th percentile lies above the goal.
  public var violationRateBySecond = 0.0
  /// The same by minute; a last minute that is cut short counts as one.
  public var violationRateByMinute = 0.0

  /// ∫ Σ limit dt.
  public var allocatedCoreSeconds = 0.0
  /// ∫ Σ CPU request dt; a request above the limit comes down with it.
  public var requestedCoreSeconds = 0.0
  public var usedCoreSeconds = 0.0
  /// Allocated less used.
  public var slackCoreSeconds = 0.0
  /// Used ÷ allocated.
  public var utilisation = 0.0
  /// Σ max(0, usage − limit) over pods and seconds: CPU beyond the limit, which a write's fresh quota makes possible.
  public var excessCoreSeconds = 0.0
  /// That ÷ allocated.
  public var excessFraction = 0.0

  /// Throttled CFS periods ÷ active ones.
  public var throttledFraction = 0.0
  /// Seconds that pods stood still, summed over pods.
  public var throttledSeconds = 0.0

  /// Limits written, and the same per pod and hour.
  public var resizes = 0
  public var resizesPerPodHour = 0.0
  /// Σ |change of limit|, cores.
  public var cumulativeChange = 0.0
  /// Resizes against the direction of the one before.
  public var signReversals = 0

  /// Seconds in which the limits added up to more than the pool.
  public var poolViolations = 0
  /// The most by which a pod misses the goal more often than one whose priority is not higher; 0 is fair.
  public var unfairness = 0.0
  /// How the pods of each priority fared, highest priority first.
  public var priorities: [PriorityOutcome] = []

  public init() {}
}

/// How the pods of one priority fared.
public struct PriorityOutcome: Sendable, Equatable, Codable {
  public var priority: Double
  public var pods: Int
  public var requests: Int
  /// Share of their requests above the goal.
  public var violationRate: Double
  /// ∫ Σ limit dt.
  public var allocatedCoreSeconds: Double

  public init(priority: Double, pods: Int, requests: Int, violationRate: Double, allocatedCoreSeconds: Double) {
    self.priority = priority
    self.pods = pods
    self.requests = requests
    self.violationRate = violationRate
    self.allocatedCoreSeconds = allocatedCoreSeconds
  }

  /// Share of their requests within the goal.
  public var metRate: Double { 1 - violationRate }
}
