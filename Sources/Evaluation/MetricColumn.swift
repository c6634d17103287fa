/// One column of a comparison: where its number is, and how it is shown.
public struct MetricColumn: Sendable {
  /// As in JSON and CSV.
  public let key: String
  /// With its unit.
  public let title: String
  public let decimals: Int
  /// Whether it stands in the table that is shown unless others are asked for.
  public let isUsual: Bool
  public let explanation: String
  public let value: @Sendable (RolloutMetrics) -> Double

  init(
    _ key: String, _ title: String, _ decimals: Int, isUsual: Bool = false, _ explanation: String,
    value: @escaping @Sendable (RolloutMetrics) -> Double
  ) {
    self.key = key
    self.title = title
    self.decimals = decimals
    self.isUsual = isUsual
    self.explanation = explanation
    self.value = value
  }

  public static var usual: [MetricColumn] { all.filter(\.isUsual) }

  public static func named(_ key: String) -> MetricColumn? { all.first { $0.key == key } }

  /// Every metric. Times in milliseconds, shares in percent, CPU in core-hours.
  public static let all: [MetricColumn] = [
    MetricColumn("p50", "P50 ms", 1, isUsual: true, "median response time") { $0.p50 * 1000 },
    MetricColumn("p95", "P95 ms", 1, isUsual: true, "95th percentile") { $0.p95 * 1000 },
    MetricColumn("p99", "P99 ms", 1, isUsual: true, "99th percentile") { $0.p99 * 1000 },
    MetricColumn("p999", "P99.9 ms", 1, "99.9th percentile") { $0.p999 * 1000 },
    MetricColumn("mean", "mean ms", 1, "mean response time") { $0.mean * 1000 },
    MetricColumn("violationRate", "SLO miss %", 2, isUsual: true, "requests later than the SLO") {
      $0.violationRate * 100
    },
    MetricColumn("violationRateBySecond", "bad seconds %", 2, "seconds whose P99 is above the SLO") {
      $0.violationRateBySecond * 100
    },
    MetricColumn("violationRateByMinute", "bad minutes %", 2, "minutes whose P99 is above the SLO") {
      $0.violationRateByMinute * 100
    },
    MetricColumn("limitCoreHours", "CPU core·h", 4, isUsual: true, "limits, added up over time") {
      $0.allocatedCoreSeconds / 3600
    },
    MetricColumn("requestCoreHours", "requested core·h", 4, "CPU requests, added up over time") {
      $0.requestedCoreSeconds / 3600
    },
    MetricColumn("usedCoreHours", "used core·h", 4, "CPU used") { $0.usedCoreSeconds / 3600 },
    MetricColumn("slackCoreHours", "slack core·h", 4, "limits less use") { $0.slackCoreSeconds / 3600 },
    MetricColumn("utilisation", "used %", 1, isUsual: true, "use ÷ limits") { $0.utilisation * 100 },
    MetricColumn("excessFraction", "over limit %", 2, "CPU used beyond the limit, ÷ limits") {
      $0.excessFraction * 100
    },
    MetricColumn("throttledFraction", "throttled %", 1, isUsual: true, "CFS periods that ended throttled") {
      $0.throttledFraction * 100
    },
    MetricColumn("throttledSeconds", "throttled s", 1, "seconds that pods stood still") { $0.throttledSeconds },
    MetricColumn("resizes", "resizes", 0, "limits written") { Double($0.resizes) },
    MetricColumn("resizesPerPodHour", "resizes /pod·h", 0, isUsual: true, "limits written per pod and hour") {
      $0.resizesPerPodHour
    },
    MetricColumn("cumulativeChange", "change cores", 1, "changes of limits, added up") { $0.cumulativeChange },
    MetricColumn("signReversals", "reversals", 0, "resizes against the direction of the one before") {
      Double($0.signReversals)
    },
    MetricColumn("poolViolations", "over pool s", 0, isUsual: true, "seconds with more allocated than the pool has") {
      Double($0.poolViolations)
    },
    MetricColumn("requests", "requests", 0, "requests that ended") { Double($0.requests) },
    MetricColumn("timeouts", "time-outs", 0, "requests that their clients gave up") { Double($0.timeouts) },
    MetricColumn("refused", "refused", 0, "requests that failed because their pod stopped or was away") {
      Double($0.refused)
    },
    MetricColumn("unfairness", "unfair %", 2, "most that a pod misses more often than one of no higher priority") {
      $0.unfairness * 100
    },
    MetricColumn("allocatedCoreSeconds", "CPU core·s", 1, "limits, added up over time") { $0.allocatedCoreSeconds },
  ]
}
