import Foundation
import PodSimulation

/// One load's outcome for programs: what was played, every run, the estimates, and who needs how much CPU at equal P99.
public struct EvaluationReport: Encodable, Sendable {
  public struct Policy: Encodable, Sendable {
    public var name: String
    /// The policy, whatever its setting.
    public var family: String
    /// Whether the P99 of every run keeps the goal, and in how many it does not.
    public var meetsSLO: Bool
    public var missedRuns: Int
    /// Whether no other setting of the family beats it in both CPU and P99.
    public var isOnFront: Bool
    /// By `MetricColumn.key`, in the table's units.
    public var estimates: [String: Estimate]
    /// One per seed; times in seconds, shares in 0…1, CPU in core-seconds.
    public var runs: [RolloutMetrics]
  }

  public var load: String
  public var pods: Int
  public var pool: Int
  public var priorities: [Double]
  public var seconds: Int
  public var warmUp: Int
  public var slo: Double
  public var rewritesLimits: Bool
  public var seeds: [UInt64]
  public var workload: WorkloadSettings
  public var policies: [Policy]
  /// The cheapest setting of each family whose P99 keeps the goal; families without one are missing.
  public var cheapest: [String: String]
  /// Every trained policy, or the first where there is none, against every other.
  public var comparisons: [EqualP99]
  /// Mean time of one round's decisions for all pods, by policy; only where asked for.
  public private(set) var decisionMicroseconds: [String: Double]?

  public init(study: Study, load index: Int, result: Study.LoadResult) {
    let scenario = study.loads[index].scenario
    load = result.name
    pods = scenario.pods.count
    pool = scenario.settings.pool.capacity
    priorities = scenario.descriptions.map(\.priority)
    seconds = scenario.seconds
    warmUp = scenario.warmUp
    slo = scenario.slo
    rewritesLimits = scenario.rewritesLimits
    seeds = study.seeds
    workload = scenario.workload.settings
    let fronts = PolicyFront.all(of: result.policies)
    let onFront = Set(fronts.flatMap { $0.settings.map(\.name) })
    policies = result.policies.map { policy in
      Policy(
        name: policy.name, family: policy.family, meetsSLO: policy.meets(scenario.slo),
        missedRuns: policy.missedRuns(scenario.slo), isOnFront: onFront.contains(policy.name),
        estimates: Dictionary(uniqueKeysWithValues: MetricColumn.all.map { ($0.key, policy.estimate($0)) }),
        runs: policy.runs)
    }
    cheapest = [:]
    for front in fronts { cheapest[front.family] = front.cheapest(meeting: scenario.slo)?.name }
    comparisons = EvaluationReport.comparisons(fronts, slo: scenario.slo)
  }

  /// Subjects are the trained policies; without any, the first policy.
  public static func comparisons(_ fronts: [PolicyFront], slo: Double) -> [EqualP99] {
    let trained = fronts.filter(\.isTrained)
    let subjects = trained.isEmpty ? Array(fronts.prefix(1)) : trained
    return subjects.flatMap { subject in
      fronts.filter { $0.family != subject.family }.compactMap { EqualP99(subject, against: $0, slo: slo) }
    }
  }

  /// One report as an object, several as the member `evaluations` of one; sorted keys, ended by a line break.
  public static func json(_ reports: [EvaluationReport]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data =
      reports.count == 1 ? try encoder.encode(reports[0]) : try encoder.encode(["evaluations": reports])
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  /// One row per load, policy and seed, then one per load and policy with the seed `mean`; every metric in the table's units.
  public static func csv(_ reports: [EvaluationReport]) -> String {
    func quoted(_ text: String) -> String {
      text.contains(where: { ",\"\n".contains($0) }) ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
    var lines = ["load,policy,family,seed,meets_slo," + MetricColumn.all.map(\.key).joined(separator: ",")]
    for report in reports {
      for policy in report.policies {
        let names = [report.load, policy.name, policy.family].map(quoted).joined(separator: ",")
        for (seed, run) in zip(report.seeds, policy.runs) {
          let values = MetricColumn.all.map { "\($0.value(run))" }.joined(separator: ",")
          lines.append("\(names),\(seed),\(run.p99 <= report.slo),\(values)")
        }
        let means = MetricColumn.all.map { "\(policy.estimates[$0.key]?.mean ?? 0)" }.joined(separator: ",")
        lines.append("\(names),mean,\(policy.meetsSLO),\(means)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension EvaluationReport {
  /// Leaves out what only says how the outcome came about: single runs and, of policies with several settings, those that are
  /// neither the cheapest within the goal nor compared.
  public mutating func shorten() {
    let counts = Dictionary(grouping: policies, by: \.family).mapValues(\.count)
    let kept = Set(cheapest.values).union(comparisons.map(\.setting))
    policies.removeAll { counts[$0.family] != 1 && !kept.contains($0.name) }
    for index in policies.indices { policies[index].runs = [] }
  }

  /// Adds how long decisions took, which differs from run to run.
  public mutating func note(decisionTimes result: Study.LoadResult) {
    var times: [String: Double] = [:]
    for (policy, time) in zip(result.policies, result.decisionTimes) { times[policy.name] = time.map { $0 * 1e6 } }
    decisionMicroseconds = times
  }
}
