import Charts
import Evaluation
import Foundation
import Terminal

/// A finished study as a page with plots.
struct EvalPage {
  private let evaluation: EvalResults
  private let tables: EvalTables
  private var options: ParsedOptions { evaluation.options }
  private var slo: Double { evaluation.slo }

  init(_ evaluation: EvalResults) {
    self.evaluation = evaluation
    tables = EvalTables(evaluation)
  }

  /// - Throws: when an episode cannot be played again for its pictures.
  func html() throws -> String {
    let study = evaluation.study
    let contestants = Set(evaluation.results.flatMap { $0.contestants.map(\.name) }).count
    let policies = Set(study.contestants.map(\.family)).count
    var page = HTMLReport(
      "CPU at equal tail response time",
      subtitle: "\(policies) policies in \(contestants) settings on \(study.loads.count) "
        + "load\(study.loads.count == 1 ? "" : "s"), \(study.seeds.count) seeds each, every policy on the same requests"
    )
    page.add(figures: figures)
    page.add(
      text:
        "Every point is the mean of \(study.seeds.count) seeded episodes. To the left is less CPU, below is a shorter "
        + "99th percentile of response times; a line joins the settings of one policy that no other setting of it beats in "
        + "both. A policy is judged by the CPU it needs for a tail that keeps the goal of "
        + "\(Number.short(slo * 1000)) ms; what misses it is marked, and takes part only in the comparison at its own P99."
    )
    if evaluation.results.count > 1 { addSummary(to: &page) }
    for load in evaluation.results.indices { try add(load, to: &page) }
    addLearningCurves(to: &page)
    page.add(heading: "To repeat it")
    page.add(text: "The command, and the whole configuration behind it, which --config reads.")
    page.add(code: command)
    page.add(code: options.yaml())
    return page.html()
  }

  private var command: String {
    (["marlise"] + CommandLine.arguments.dropFirst()).map(Self.shellWord).joined(separator: " ")
  }

  /// As a shell reads it back.
  private static func shellWord(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.unicodeScalars.allSatisfy {
        CharacterSet.alphanumerics.contains($0) || "-_./:=,+@%".unicodeScalars.contains($0)
      }
    return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }

  /// The reference against each other policy, over the loads on which it keeps the goal and the other can be as fast.
  private var figures: [(value: String, label: String)] {
    guard let reference = evaluation.reference else { return [] }
    let all = evaluation.comparisons(0).map(\.opponent)
    let loads = evaluation.results.indices.filter { evaluation.comparisons($0).first?.meetsSLO == true }
    guard !all.isEmpty else { return [] }
    var figures = [
      ("\(loads.count) of \(evaluation.results.count)", "loads on which \(reference) keeps the SLO at P99")
    ]
    for opponent in opponents.prefix(3) + all.filter(Self.knowsFuture) {
      let known = loads.compactMap { load in
        evaluation.comparisons(load).first { $0.opponent == opponent }?.atEqualP99?.mean
      }
      guard !known.isEmpty else { continue }
      let mean = known.reduce(0, +) / Double(known.count)
      let text = (mean < 0 ? "−" : "+") + Number.fixed(abs(mean) * 100, 1) + " %"
      let scope = known.count > 1 ? ", mean of \(known.count) loads" : ""
      figures.append((text, "CPU of \(reference) against \(opponent) at equal P99\(scope)"))
    }
    return figures
  }

  /// Those that the reference can be expected to beat.
  private var opponents: [String] { evaluation.comparisons(0).map(\.opponent).filter { !Self.knowsFuture($0) } }

  private static func knowsFuture(_ family: String) -> Bool { Baselines.named(family)?.knowsFuture == true }

  // MARK: All loads

  private func addSummary(to page: inout HTMLReport) {
    guard let reference = evaluation.reference else { return }
    let names = evaluation.results.map(\.name)
    let all = evaluation.comparisons(0).map(\.opponent)
    guard !all.isEmpty else { return }
    page.add(heading: "All loads")
    let series = opponents.map { opponent in
      (name: "against \(opponent)", bars: evaluation.results.indices.map { bar(opponent, on: $0) })
    }
    if !opponents.isEmpty {
      page.add(
        chart: BarChart(
          "CPU that \(reference) needs at equal P99",
          caption:
            "Below 0 it needs less. Whiskers: 95 % bootstrap interval of the paired difference over the seeds. Where "
            + "there is no bar, the other policy is never so fast.",
          axis: Axis("difference, %"), names: names, series: series, rule: ("equal", 0), width: 860))
    }
    var table = HTMLReport.Table(
      [.text("load"), .number("P99, ms"), .text("within the SLO")] + all.map { .number("against \($0)") },
      caption: "Paired difference of CPU at equal P99 with its 95 % interval.")
    for load in evaluation.results.indices {
      let comparisons = evaluation.comparisons(load)
      let first = comparisons.first
      table.add(
        [
          .init(names[load]), .init(Number.fixed((first?.p99 ?? .nan) * 1000, 1)),
          first?.meetsSLO == true ? .good("yes") : .bad("no"),
        ] + all.map { opponent in cell(comparisons.first { $0.opponent == opponent }?.atEqualP99) })
    }
    page.add(table: table)
    addGoals(to: &page)
  }

  /// What was to be reached and by how much it is missed, load by load.
  private func addGoals(to page: inout HTMLReport) {
    var table = HTMLReport.Table(
      [.text("load"), .text("goal at equal P99"), .number("measured"), .text("outcome")],
      caption: "Goals. A saving counts as met where the mean reaches it and the 95 % interval leaves out zero.")
    var isEmpty = true
    for load in evaluation.results.indices {
      for comparison in evaluation.comparisons(load) {
        guard let goal = comparison.goal else { continue }
        isEmpty = false
        let outcome = EvalTables.text(goal.outcome, goal, comparison.opponent)
        table.add([
          .init(evaluation.results[load].name), .init(EvalTables.text(goal, against: comparison.opponent)),
          .init(comparison.atEqualP99.map(EvalTables.text) ?? "–"),
          goal.outcome == .met ? .good(outcome) : goal.outcome == .missed ? .bad(outcome) : .init(outcome),
        ])
      }
    }
    if !isEmpty { page.add(table: table) }
  }

  private func bar(_ opponent: String, on load: Int) -> BarChart.Bar {
    guard let difference = evaluation.comparisons(load).first(where: { $0.opponent == opponent })?.atEqualP99 else {
      return BarChart.Bar(.nan)
    }
    return BarChart.Bar(difference.mean * 100, interval: difference.low * 100...difference.high * 100)
  }

  private func cell(_ difference: PairedDifference?) -> HTMLReport.Table.Cell {
    guard let difference else { return .init("never so fast") }
    let text = EvalTables.text(difference)
    return difference.high < 0 ? .good(text) : difference.low > 0 ? .bad(text) : .init(text)
  }

  // MARK: One load

  private func add(_ load: Int, to page: inout HTMLReport) throws {
    page.add(heading: evaluation.results[load].name)
    page.add(text: tables.headline(load) + ".")
    page.add(chart: pareto(load))
    addMetrics(load, to: &page)
    addComparison(load, to: &page)
    addPriorities(load, to: &page)
    try addSeries(load, to: &page)
  }

  private func pareto(_ load: Int) -> Chart {
    let policies = evaluation.results[load].policies
    var marks: [Mark] = []
    for front in evaluation.fronts[load] {
      func place(_ policy: PolicyResult) -> Point { Point(policy.meanAllocated / 3600, max(policy.p99, 1e-6) * 1000) }
      let best = front.cheapest(meeting: slo)?.name
      if front.settings.count > 1 { marks.append(.line(front.family, front.settings.map(place))) }
      marks.append(
        .dots(
          front.family,
          policies.filter { $0.family == front.family }.map { policy in
            guard policy.name == best || front.settings.count == 1 else { return Mark.Dot(place(policy)) }
            let cpu = Estimate(of: policy.runs.map { $0.allocatedCoreSeconds / 3600 })
            let p99 = Estimate(of: policy.runs.map { $0.p99 * 1000 })
            return Mark.Dot(
              place(policy), label: policy.name, xInterval: cpu.mean - cpu.halfWidth...cpu.mean + cpu.halfWidth,
              yInterval: max(p99.mean - p99.halfWidth, 1e-3)...p99.mean + p99.halfWidth)
          }))
    }
    marks.append(.rule("SLO", y: slo * 1000))
    return Chart(
      "CPU against tail response time",
      caption: "Labelled: the cheapest setting of each policy within the SLO, with 95 % intervals.",
      x: Axis("allocated CPU, core·h"), y: Axis("P99 response time, ms", kind: .logarithmic), marks: marks, width: 860,
      height: 520)
  }

  private func addMetrics(_ load: Int, to page: inout HTMLReport) {
    let policies = evaluation.results[load].policies
    let shown = evaluation.shown(load).map { policies[$0] }
    let columns = MetricColumn.all
    var table = HTMLReport.Table(
      [.text("metric")] + shown.map { .number($0.name) },
      caption: "Mean ± half the 95 % interval over the seeds; in brackets the mean of the middle half.")
    table.add(
      [.init("P99 within the SLO")]
        + shown.map { policy in
          let missed = policy.missedRuns(slo)
          let runs = missed == 0 ? "" : ", \(missed) of \(policy.runs.count) runs not"
          return policy.meets(slo) ? .good("yes" + runs) : .bad("no" + runs)
        })
    for column in columns {
      table.add(
        [.init(column.title)]
          + shown.map { policy in
            let estimate = policy.estimate(column)
            func text(_ value: Double) -> String { Number.fixed(value, column.decimals) }
            return .init("\(text(estimate.mean)) ± \(text(estimate.halfWidth)) (\(text(estimate.interquartileMean)))")
          })
    }
    page.add(table: table)
  }

  private func addComparison(_ load: Int, to page: inout HTMLReport) {
    let comparisons = evaluation.comparisons(load)
    guard let first = comparisons.first, let reference = evaluation.reference else { return }
    var table = HTMLReport.Table(
      [
        .text("policy"), .text("cheapest setting within the SLO"), .number("P99, ms"), .number("CPU, core·h"),
        .number("\(reference) needs, both within the SLO"), .number("at equal P99"),
      ],
      caption:
        "\(first.setting) has a P99 of \(Number.fixed(first.p99 * 1000, 1)) ms. Paired differences, 95 % intervals.")
    for front in evaluation.fronts[load] {
      let comparison = comparisons.first { $0.opponent == front.family }
      let best = front.cheapest(meeting: slo)
      let shown = best ?? front.settings.first
      table.add([
        .init(front.family), best.map { .init($0.name) } ?? .bad("none; fastest \(shown?.name ?? "")"),
        .init(Number.fixed((shown?.p99 ?? .nan) * 1000, 1)),
        .init(Number.fixed((shown?.meanAllocated ?? .nan) / 3600, 4)),
        comparison.map { $0.atSLO.map { cell($0) } ?? .init("one misses the SLO") } ?? .init(""),
        comparison.map { cell($0.atEqualP99) } ?? .init(""),
      ])
    }
    page.add(table: table)
  }

  private func addPriorities(_ load: Int, to page: inout HTMLReport) {
    let policies = evaluation.results[load].policies
    guard let classes = policies.first?.runs.first?.priorities, (2...6).contains(classes.count) else { return }
    let shown = evaluation.shown(load).map { policies[$0] }
    let series = classes.indices.map { place in
      (
        name: "priority \(Number.short(classes[place].priority))",
        bars: shown.map { policy in
          let met = Estimate(of: policy.runs.map { $0.priorities[place].metRate * 100 })
          return BarChart.Bar(met.mean, interval: met.mean - met.halfWidth...met.mean + met.halfWidth)
        }
      )
    }
    page.add(
      chart: BarChart(
        "Requests within the SLO, by priority", axis: Axis("requests, %", range: 0...100), names: shown.map(\.name),
        series: series, width: 860))
  }

  // MARK: One episode

  /// The policies that are drawn second by second.
  private func drawn(_ load: Int) -> [Contestant] {
    let policies = evaluation.results[load].policies
    let wanted = Baselines.joined(options.strings("series_policies"))
    let contestants = evaluation.results[load].contestants
    let chosen = contestants.filter { wanted.contains($0.name) }
    if !chosen.isEmpty { return chosen }
    let shown = evaluation.shown(load).map { policies[$0] }
    let first = shown.filter { $0.family == evaluation.reference }.prefix(1)
    let others = shown.filter { $0.family != evaluation.reference && $0.meets(slo) }.sorted {
      $0.meanAllocated < $1.meanAllocated
    }
    let names = (first + others.prefix(2)).map(\.name)
    return contestants.filter { names.contains($0.name) }
  }

  private func addSeries(_ load: Int, to page: inout HTMLReport) throws {
    let seed = options.optionalInt("series_seed").map(UInt64.init) ?? evaluation.study.seeds.first ?? 0
    let pod = options.int("series_pod")
    let scenario = evaluation.study.loads[load].scenario
    var series: [(name: String, series: EpisodeSeries)] = []
    for contestant in drawn(load) {
      if let one = try scenario.play(contestant, seed: seed, seriesOfPod: pod).series {
        series.append((contestant.name, one))
      }
    }
    guard let first = series.first else { return }
    page.add(text: "Pod \(pod) in the episode of seed \(seed), second by second.")
    let time = Axis("second")
    var charts = series.map { name, series in
      Chart(
        name, caption: "Limit, and the CPU used under it.", x: time, y: Axis("CPU, m", includesZero: true),
        marks: [.line("used", perSecond: series.usage), .line("limit", perSecond: series.limit)], width: 540,
        height: 320)
    }
    charts.append(
      Chart(
        "Load", caption: "Requests sent, the same for every policy.", x: time,
        y: Axis("requests/s", includesZero: true),
        marks: [.line("sent", perSecond: first.series.load)], width: 540, height: 320))
    charts.append(
      Chart(
        "Response times", caption: "95th percentile of the requests that ended in the second.", x: time,
        y: Axis("P95, ms", kind: .logarithmic),
        marks: series.map { .line($0.name, perSecond: $0.series.p95.map { $0 * 1000 }) } + [
          .rule("SLO", y: slo * 1000)
        ],
        width: 540, height: 320))
    charts.append(
      Chart(
        "Throttling", caption: "CFS periods that ended throttled, moving mean of 15 seconds.", x: time,
        y: Axis("periods, %", range: 0...100),
        marks: series.map { .line($0.name, perSecond: Self.smoothed($0.series.throttled.map { $0 * 100 }, 15)) },
        width: 540, height: 320))
    page.add(charts: charts)
  }

  private static func smoothed(_ values: [Double], _ window: Int) -> [Double] {
    var sum = 0.0
    return values.indices.map { index in
      sum += values[index] - (index >= window ? values[index - window] : 0)
      return sum / Double(min(index + 1, window))
    }
  }

  // MARK: Learning curves

  private func addLearningCurves(to page: inout HTMLReport) {
    let curves = evaluation.curves
    guard !curves.isEmpty else { return }
    page.add(heading: "Learning curves")
    func chart(_ title: String, _ label: String, _ values: (RecordedCurve) -> [Double]) -> Chart {
      Chart(
        title, caption: "Moving mean of 20 episodes.", x: Axis("episode"), y: Axis(label),
        marks: curves.map { .line($0.name, perSecond: Self.smoothed(values($0), 20)) }, width: 540, height: 340)
    }
    page.add(charts: [
      chart("Reward", "reward per step") { $0.rewards }, chart("Response time", "mean, ms") { $0.latencies },
    ])
  }
}
