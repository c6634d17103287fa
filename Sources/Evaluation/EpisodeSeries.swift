import PodSimulation

/// One pod's episode second by second, for pictures.
public struct EpisodeSeries: Sendable, Equatable {
  /// Requests sent, per second.
  public private(set) var load: [Double] = []
  /// Mean limit of the second, millicores.
  public private(set) var limit: [Double] = []
  /// Millicores.
  public private(set) var usage: [Double] = []
  /// 95th percentile of the requests that ended in the second, seconds; not a number where none did.
  public private(set) var p95: [Double] = []
  /// Share of the active CFS periods that ended throttled.
  public private(set) var throttled: [Double] = []

  public init() {}

  mutating func note(_ second: PodSecond) {
    load.append(Double(second.sent))
    limit.append(second.limit)
    usage.append(second.usage)
    p95.append(second.ended > 0 ? second.p95 : .nan)
    throttled.append(second.throttledFraction)
  }
}
