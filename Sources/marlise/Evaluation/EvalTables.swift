import Evaluation
import PodSimulation
import Terminal

/// A finished study as text for a terminal.
struct EvalTables {
  private let evaluation: EvalResults
  private var options: ParsedOptions { evaluation.options }

  init(_ evaluation: EvalResults) {
    self.evaluation = evaluation
  }

  func text(style: Style) -> String {
    var parts: [String] = []
    for load in evaluation.results.indices {
      parts.append(headline(load) + "\n")
      parts.append(metrics(load, style))
      if let fairness = priorities(load, style) { parts.append("Requests within the SLO, by priority\n\n" + fairness) }
      if let comparison = comparison(load, style) { parts.append(comparison) }
    }
    if let summary = summary(style) { parts.append(summary) }
    if let goals = goals(style) { parts.append(goals) }
    return parts.joined(separator: "\n")
  }

  /// What was played.
  func headline(_ load: Int) -> String {
    let scenario = evaluation.study.loads[load].scenario
    let seeds = evaluation.study.seeds.count
    let warmUp = scenario.warmUp > 0 ? " after \(scenario.warmUp) s" : ""
    return
      "\(scenario.pods.count) pods sharing \(scenario.settings.pool.capacity)m, \(Self.describe(scenario.workload.settings)), "
      + "\(scenario.seconds) s\(warmUp), \(seeds) seeds, SLO \(Number.short(scenario.slo * 1000)) ms"
      + (scenario.rewritesLimits ? ", limits rewritten every second" : "")
  }

  static func describe(_ settings: WorkloadSettings) -> String {
    guard let trace = settings.trace else {
      return "\(settings.name) load of \(Number.short(settings.mean)) requests/s each"
    }
    let scale = trace.isRescaled ? ", rescaled to \(Number.short(settings.mean)) requests/s each" : ""
    return "trace \(trace.path)\(scale)"
  }

  // MARK: Metrics

  /// The metrics that were asked for.
  private var columns: [MetricColumn] {
    let names = options.strings("metrics")
    if names.contains("all") { return MetricColumn.all }
    let chosen = names.compactMap(MetricColumn.named)
    return names.contains("usual") ? MetricColumn.usual + chosen.filter { !$0.isUsual } : chosen
  }

  private func metrics(_ load: Int, _ style: Style) -> String {
    let result = evaluation.results[load]
    let shown = evaluation.shown(load)
    let columns = columns
    let showsTimes = options.flag("decision_time")
    var text: String
    if columns.count > MetricColumn.usual.count + 3 {
      // More than a line holds: a row per metric.
      var table = Table([.text("metric")] + shown.map { .number(result.policies[$0].name) })
      table.add([.text("SLO")] + shown.map { .text(verdict(result.policies[$0])) })
      for column in columns {
        table.add([.text(column.title)] + shown.map { cell(result.policies[$0], column) })
      }
      if showsTimes { table.add([.text("decision µs")] + shown.map { time(result.decisionTimes[$0]) }) }
      text = table.plain(style: style)
    } else {
      var table = Table(
        [.text("policy")] + columns.map { .number($0.title) } + (showsTimes ? [.number("decision µs")] : [])
          + [.text("SLO")])
      for index in shown {
        let policy = result.policies[index]
        table.add(
          [.text(policy.name)] + columns.map { cell(policy, $0) }
            + (showsTimes ? [time(result.decisionTimes[index])] : []) + [.text(verdict(policy))])
      }
      text = table.plain(style: style)
    }
    let others = result.policies.count - shown.count
    if others > 0 {
      text += style.dim("\(others) more settings were swept; --csv and --json have all of them") + "\n"
    }
    return text
  }

  private func cell(_ policy: PolicyResult, _ column: MetricColumn) -> Table.Cell {
    let estimate = policy.estimate(column)
    return .estimate(estimate.mean, estimate.halfWidth, decimals: column.decimals)
  }

  private func time(_ seconds: Double?) -> Table.Cell { seconds.map { .number($0 * 1e6, decimals: 2) } ?? .text("-") }

  /// Whether every run keeps the goal, and how many do not.
  private func verdict(_ policy: PolicyResult) -> String {
    let missed = policy.missedRuns(evaluation.slo)
    let runs = missed == 0 ? "" : " (\(missed)/\(policy.runs.count) runs miss)"
    return (policy.meets(evaluation.slo) ? "met" : "MISSED") + runs
  }

  // MARK: Priorities

  private func priorities(_ load: Int, _ style: Style) -> String? {
    let result = evaluation.results[load]
    guard let classes = result.policies.first?.runs.first?.priorities, classes.count > 1 else { return nil }
    // With many priorities the ends say enough.
    let places = classes.count <= 6 ? Array(classes.indices) : [0, classes.count - 1]
    var table = Table(
      [.text("policy")] + places.map { .number("priority \(Number.short(classes[$0].priority))", unit: "%") }
        + [.number("highest ÷ lowest"), .number("unfair", unit: "%")])
    for index in evaluation.shown(load) {
      let runs = result.policies[index].runs
      func met(_ place: Int) -> [Double] { runs.map { $0.priorities[place].metRate * 100 } }
      let (top, bottom) = (Estimate(of: met(0)).mean, Estimate(of: met(classes.count - 1)).mean)
      let unfair = Estimate(of: runs.map { $0.unfairness * 100 })
      table.add(
        [.text(result.policies[index].name)]
          + places.map {
            let estimate = Estimate(of: met($0))
            return .estimate(estimate.mean, estimate.halfWidth, decimals: 1)
          } + [
            bottom > 0 ? .number(top / bottom, decimals: 2) : .text("∞"),
            .estimate(unfair.mean, unfair.halfWidth, decimals: 1),
          ])
    }
    return table.plain(style: style)
  }

  // MARK: Equal P99

  /// Only where there is something to judge: a trained policy, a sweep, or a reference that was asked for.
  private var isComparing: Bool {
    evaluation.reference != nil
      && (options.wasGiven("reference") || !options.strings("sweep").isEmpty
        || (evaluation.fronts.first ?? []).contains(where: \.isTrained))
  }

  private func comparison(_ load: Int, _ style: Style) -> String? {
    let comparisons = evaluation.comparisons(load)
    guard isComparing, let first = comparisons.first, let reference = evaluation.reference else { return nil }
    var table = Table([
      .text("policy"), .text("cheapest setting within the SLO"), .number("P99", unit: "ms"),
      .number("CPU", unit: "core·h"),
      .text("\(reference) needs, both within the SLO"), .text("at equal P99"),
    ])
    func row(_ front: PolicyFront, _ comparison: EqualP99?) {
      let best = front.cheapest(meeting: evaluation.slo)
      let shown = best ?? front.settings.first
      table.add([
        .text(front.family), .text(best?.name ?? "none; fastest \(shown?.name ?? "-")"),
        .number((shown?.p99 ?? .nan) * 1000, decimals: 1), .number((shown?.meanAllocated ?? .nan) / 3600, decimals: 4),
        .text(comparison.map { $0.atSLO.map(Self.text) ?? "one misses the SLO" } ?? ""),
        .text(comparison.map { $0.atEqualP99.map(Self.text) ?? "\(front.family) is never so fast" } ?? ""),
      ])
    }
    for front in evaluation.fronts[load] { row(front, comparisons.first { $0.opponent == front.family }) }
    let mark = first.meetsSLO ? "" : "; it misses the SLO"
    return "CPU at equal P99: \(first.setting) has \(Number.fixed(first.p99 * 1000, 1)) ms\(mark)\n\n"
      + table.plain(style: style)
  }

  /// `−12.3 % [−14.0, −10.6]`: the interval is the bootstrap's 95 %.
  static func text(_ difference: PairedDifference) -> String {
    func percent(_ value: Double) -> String {
      let text = Number.fixed(abs(value) * 100, 1)
      return (value < 0 && text != "0.0" ? "−" : "+") + text
    }
    return "\(percent(difference.mean)) % [\(percent(difference.low)), \(percent(difference.high))]"
  }

  /// Several loads side by side.
  private func summary(_ style: Style) -> String? {
    guard isComparing, evaluation.results.count > 1, let reference = evaluation.reference else { return nil }
    let opponents = evaluation.comparisons(0).map(\.opponent)
    guard !opponents.isEmpty else { return nil }
    var table = Table([.text("load"), .text("P99 within SLO")] + opponents.map { .text("against \($0)") })
    for load in evaluation.results.indices {
      let comparisons = evaluation.comparisons(load)
      table.add(
        [.text(evaluation.results[load].name), .text(comparisons.first?.meetsSLO == true ? "yes" : "NO")]
          + opponents.map { opponent in
            let difference = comparisons.first { $0.opponent == opponent }?.atEqualP99
            return .text(difference.map(Self.text) ?? "never so fast")
          })
    }
    return "CPU that \(reference) needs at equal P99\n\n" + table.plain(style: style)
  }

  // MARK: Goals

  /// One line per load and opponent against which there is a goal.
  private func goals(_ style: Style) -> String? {
    guard isComparing, let reference = evaluation.reference else { return nil }
    var table = Table([.text("load"), .text("goal at equal P99"), .text("measured"), .text("outcome")])
    var (met, all) = (0, 0)
    for load in evaluation.results.indices {
      for comparison in evaluation.comparisons(load) {
        guard let goal = comparison.goal else { continue }
        all += 1
        met += goal.outcome == .met ? 1 : 0
        table.add([
          .text(evaluation.results[load].name), .text(Self.text(goal, against: comparison.opponent)),
          .text(comparison.atEqualP99.map(Self.text) ?? "-"), .text(Self.text(goal.outcome, goal, comparison.opponent)),
        ])
      }
    }
    guard all > 0 else { return nil }
    return "Goals of \(reference): \(met) of \(all) met\n\n" + table.plain(style: style)
  }

  /// `10 % less CPU than captain`.
  static func text(_ goal: SavingGoal, against opponent: String) -> String {
    let percent = Number.short(abs(goal.most) * 100)
    return goal.most < 0 ? "\(percent) % less CPU than \(opponent)" : "within \(percent) % of \(opponent)"
  }

  /// What came of it, and by how much it is missed.
  static func text(_ outcome: SavingGoal.Outcome, _ goal: SavingGoal, _ opponent: String) -> String {
    switch outcome {
    case .met: "met"
    case .missed: "MISSED by \(Number.fixed(goal.shortfall * 100, 1)) points"
    case .uncertain: "not certain: the interval holds zero"
    case .incomparable: "\(opponent) is never so fast"
    }
  }
}
