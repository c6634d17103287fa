import Foundation
import PodSimulation

/// A comparison's outcome for programs: what was played, every run, and the estimates that the table shows.
public struct EvaluationReport: Encodable, Sendable {
  public struct Policy: Encodable, Sendable {
    public var name: String
    /// By `MetricColumn.key`, in the table's units.
    public var estimates: [String: Estimate]
    /// One per seed; times in seconds, shares in 0…1, CPU in core-seconds.
    public var runs: [RolloutMetrics]
  }

  public var pods: Int
  public var pool: Int
  public var seconds: Int
  public var slo: Double
  public var seeds: [UInt64]
  public var workload: WorkloadSettings
  public var policies: [Policy]

  public init(comparison: Comparison, results: [Comparison.Result], workload: WorkloadSettings) {
    pods = comparison.scenario.pods.count
    pool = comparison.scenario.settings.pool.capacity
    seconds = comparison.scenario.seconds
    slo = comparison.scenario.slo
    seeds = comparison.seeds
    self.workload = workload
    policies = results.map { result in
      Policy(
        name: result.name,
        estimates: Dictionary(uniqueKeysWithValues: MetricColumn.all.map { ($0.key, result.estimate($0)) }),
        runs: result.runs)
    }
  }

  /// With sorted keys, ended by a line break.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}
