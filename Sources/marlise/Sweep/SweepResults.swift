import Terminal
import Training

/// A finished sweep for people and for programs.
struct SweepResults {
  private let plan: SweepPlan
  private let outcomes: [[SweepRanking.Outcome]]
  private let ranking: SweepRanking

  init(plan: SweepPlan, outcomes: [[SweepRanking.Outcome]]) {
    self.plan = plan
    self.outcomes = outcomes
    ranking = SweepRanking(zip(plan.settings, outcomes).map { SweepRanking.Entry(values: $0, outcomes: $1) })
  }

  var firstFailure: String? {
    for case .failed(let reason) in outcomes.joined() { return reason }
    return nil
  }

  func table(style: Style) -> String {
    let notes: [Table.Column] = ranking.entries.allSatisfy(\.isComplete) ? [] : [.text("what failed")]
    var table = Table(
      [.number("#")] + plan.axes.map { .text($0.key) }
        + [.number("validation"), .number("worst"), .number("best"), .text("seeds")] + notes)
    for (place, entry) in ranking.entries.enumerated() {
      let score: Table.Cell =
        entry.mean.map { .estimate($0, entry.deviation ?? 0, decimals: 4) } ?? .text("–")
      table.add(
        [.number(place + 1)] + entry.values.map { .text($0) } + [
          place == 0 ? score.bold() : score, number(entry.scores.min()), number(entry.scores.max()),
          .text("\(entry.scores.count)/\(entry.outcomes.count)"),
        ] + notes.map { _ in .text(entry.failures.joined(separator: "; ")) })
    }
    return table.plain(style: style)
  }

  private func number(_ value: Double?) -> Table.Cell { value.map { .number($0, decimals: 4) } ?? .text("–") }

  /// A row per setting, the best first.
  var csv: String {
    var lines = [
      (["place"] + plan.axes.map(\.key) + ["mean", "standard_deviation", "worst", "best", "seeds", "failed"])
        .joined(separator: ",")
    ]
    for (place, entry) in ranking.entries.enumerated() {
      let numbers = [entry.mean, entry.deviation, entry.scores.min(), entry.scores.max()].map {
        $0.map { "\($0)" } ?? ""
      }
      let counts = ["\(entry.outcomes.count)", "\(entry.outcomes.count - entry.scores.count)"]
      lines.append((["\(place + 1)"] + entry.values.map(Self.quoted) + numbers + counts).joined(separator: ","))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A row per run, in the order of the sweep.
  var runsCSV: String {
    var lines = [
      (plan.axes.map(\.key) + ["seed", "validation", "best_episode", "episodes", "state", "reason", "folder"])
        .joined(separator: ",")
    ]
    for (setting, runs) in plan.seeds.enumerated() {
      for (index, run) in runs.enumerated() {
        let rest: [String]
        switch outcomes[setting][index] {
        case .finished(let score, let best, let episodes, let stoppedEarly):
          rest = ["\(score)", "\(best)", "\(episodes)", stoppedEarly ? "stopped early" : "finished", ""]
        case .failed(let reason): rest = ["", "", "", "failed", reason]
        }
        lines.append(
          (plan.settings[setting] + ["\(run.seed)"] + rest + ["runs/\(run.name)"]).map(Self.quoted)
            .joined(separator: ","))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The ranking with every run; ended by a line break.
  var json: String {
    let entries = ranking.entries.enumerated().map { place, entry in
      let setting = zip(plan.axes, entry.values).map { "\(JSONText.quoted($0.key)): \(JSONText.quoted($1))" }
      let numbers = [
        ("mean", entry.mean), ("standardDeviation", entry.deviation), ("worst", entry.scores.min()),
        ("best", entry.scores.max()),
      ].map { "\"\($0)\": \($1.map(Number.json) ?? "null")" }
      return """
            {
              "place": \(place + 1),
              "setting": {\(setting.joined(separator: ", "))},
              \(numbers.joined(separator: ", ")),
              "runs": [
        \(runs(of: entry.values).joined(separator: ",\n"))
              ]
            }
        """
    }
    return "{\n  \"ranking\": [\n\(entries.joined(separator: ",\n"))\n  ]\n}\n"
  }

  private func runs(of values: [String]) -> [String] {
    guard let setting = plan.settings.firstIndex(of: values) else { return [] }
    return zip(plan.seeds[setting], outcomes[setting]).map { run, outcome in
      let rest: String
      switch outcome {
      case .finished(let score, let best, let episodes, let stoppedEarly):
        rest =
          "\"state\": \"\(stoppedEarly ? "stopped early" : "finished")\", \"validation\": \(Number.json(score)), "
          + "\"bestEpisode\": \(best), \"episodes\": \(episodes)"
      case .failed(let reason): rest = "\"state\": \"failed\", \"reason\": \(JSONText.quoted(reason))"
      }
      return "        {\"seed\": \(run.seed), \(rest), \"folder\": \(JSONText.quoted("runs/" + run.name))}"
    }
  }

  private static func quoted(_ text: String) -> String {
    text.contains(where: { ",\"\n".contains($0) }) ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }
}
