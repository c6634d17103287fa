import Autoscaling

/// What one simulated second did to one pod: what a node's counters and a load generator would have written down.
public struct PodSecond: Sendable, Equatable {
  /// The second's end, seconds since the episode began.
  public var time = 0.0
  /// CPU used, millicores; above the limit in a second with a limit write.
  public var usage = 0.0
  /// Mean of the limit in force over the second, millicores; 0 while there is no pod.
  public var limit = 0.0
  /// CFS periods that ended in the second and in which the pod was active.
  public var periods = 0
  /// Of these, the periods that ended with the pod throttled.
  public var throttledPeriods = 0
  /// Seconds spent throttled.
  public var throttledTime = 0.0
  public var sent = 0
  /// Answered within the client's timeout.
  public var completed = 0
  /// Given up by the client in this second.
  public var timeouts = 0
  /// Lost because the pod restarted or left; these have no response times.
  public var refused = 0
  /// Waiting clients at the second's end.
  public var inFlight = 0
  /// Requests inside the pod at the second's end, also those that nobody waits for any more.
  public var backlog = 0
  /// Response times of the requests that ended (answered or timed out) in this second, seconds; a timed-out one counts as
  /// the timeout. 0 when none ended.
  public var mean = 0.0
  public var p95 = 0.0
  public var p99 = 0.0
  /// How long the client that has waited longest has been waiting at the second's end, seconds; 0 when nobody waits.
  public var oldestAge = 0.0

  public init() {}

  /// Requests that ended in this second.
  public var ended: Int { completed + timeouts }
  public var throttledFraction: Double { periods > 0 ? Double(throttledPeriods) / Double(periods) : 0 }
}
