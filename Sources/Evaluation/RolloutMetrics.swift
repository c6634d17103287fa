/// What one policy did in one episode.
public struct RolloutMetrics: Sendable, Equatable, Codable {
  /// Response times of all requests of all pods, seconds; one that timed out counts as the timeout.
  public var p50 = 0.0
  public var p95 = 0.0
  public var p99 = 0.0
  public var mean = 0.0
  /// Share of requests above the goal.
  public var violationRate = 0.0
  public var requests = 0
  public var timeouts = 0
  /// Σ limit over pods and seconds, core-seconds.
  public var allocatedCoreSeconds = 0.0
  /// Σ CPU used, core-seconds.
  public var usedCoreSeconds = 0.0
  /// Used ÷ allocated.
  public var utilisation = 0.0
  /// Throttled CFS periods ÷ active ones.
  public var throttledFraction = 0.0
  /// Limits written.
  public var resizes = 0
  /// Seconds in which the limits added up to more than the pool.
  public var poolViolations = 0

  public init() {}
}

/// One column of a comparison: where its number is, and how it is shown.
public struct MetricColumn: Sendable {
  public let key: String
  public let title: String
  public let decimals: Int
  public let value: @Sendable (RolloutMetrics) -> Double

  /// The columns of the table, in its order. Times in milliseconds, shares in percent.
  public static let all: [MetricColumn] = [
    MetricColumn(key: "p50", title: "P50 ms", decimals: 1) { $0.p50 * 1000 },
    MetricColumn(key: "p95", title: "P95 ms", decimals: 1) { $0.p95 * 1000 },
    MetricColumn(key: "p99", title: "P99 ms", decimals: 1) { $0.p99 * 1000 },
    MetricColumn(key: "violationRate", title: "SLO miss %", decimals: 2) { $0.violationRate * 100 },
    MetricColumn(key: "allocatedCoreSeconds", title: "CPU core·s", decimals: 1) { $0.allocatedCoreSeconds },
    MetricColumn(key: "utilisation", title: "used %", decimals: 1) { $0.utilisation * 100 },
    MetricColumn(key: "throttledFraction", title: "throttled %", decimals: 1) { $0.throttledFraction * 100 },
    MetricColumn(key: "resizes", title: "resizes", decimals: 0) { Double($0.resizes) },
    MetricColumn(key: "poolViolations", title: "over pool s", decimals: 0) { Double($0.poolViolations) },
  ]
}
