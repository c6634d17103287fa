import Charts
import PodSimulation
import Terminal

/// A comparison of simulator and measurement as a page with plots.
struct FidelityPage {
  let report: FidelityReport

  init(_ report: FidelityReport) { self.report = report }

  func html() -> String {
    var compared: [String] = []
    if let steady = report.steady { compared.append("\(steady.cells.count) steady cells") }
    if !report.dynamics.isEmpty { compared.append("\(report.dynamics.count) runs with changing limits or loads") }
    if !report.closedLoop.isEmpty { compared.append("\(report.closedLoop.count) pods in closed loop") }
    var page = HTMLReport(
      "Simulator against measurement",
      subtitle: compared.joined(separator: ", ") + "; replays averaged over \(report.phases) period phases")
    page.add(figures: figures)
    page.add(
      text: "The simulator was given every measured request, with its sending time and CPU time, and had to answer as "
        + "the measured service did. Errors are relative to the measurement unless said otherwise.")
    if !report.missing.isEmpty {
      page.add(text: "Not compared, because their files are absent: \(report.missing.joined(separator: ", ")).")
    }
    addRequirements(to: &page)
    if let steady = report.steady { add(steady, to: &page) }
    if !report.dynamics.isEmpty { addDynamics(to: &page) }
    if !report.closedLoop.isEmpty { addClosedLoop(to: &page) }
    return page.html()
  }

  private var figures: [(value: String, label: String)] {
    var figures: [(String, String)] = []
    if let all = report.steady?.table.first {
      figures.append((percent(all.p95.median), "median error of the 95th percentile"))
      figures.append((percent(all.usage.median, 2), "median error of CPU usage"))
    }
    if let worst = report.closedLoop.map(\.correlation).min() {
      figures.append((Number.fixed(worst, 3), "correlation of limits in closed loop, worst pod"))
    }
    figures.append(("\(report.acceptance.count { $0.isMet }) of \(report.acceptance.count)", "requirements met"))
    return figures
  }

  private func addRequirements(to page: inout HTMLReport) {
    page.add(heading: "Requirements")
    var table = HTMLReport.Table(
      [.text("quantity"), .number("required"), .number("reached"), .text("verdict")],
      caption: "Two values: median and 90th percentile of the cells. One value: the worst run.")
    for line in report.acceptance {
      table.add([
        .init(line.quantity), .init(FidelityTables.required(line)), .init(FidelityTables.reached(line)),
        line.isMet ? .good("met") : .bad("missed"),
      ])
    }
    page.add(table: table)
  }

  // MARK: Steady cells

  private func add(_ steady: SteadyFidelity, to page: inout HTMLReport) {
    page.add(heading: "Steady cells")
    page.add(charts: [
      agreement("95th percentile of response times", "ms", steady.cells) { $0.p95 * 1000 },
      agreement("CPU usage", "m", steady.cells) { $0.usage },
    ])
    page.add(charts: [errorShares(steady.cells), errorsByLoad(steady.cells)])
    var table = HTMLReport.Table(
      [.text("cells"), .number("count")]
        + (steady.table.first.map { FidelityTables.errors(of: $0) } ?? []).map { .number($0.name) },
      caption: "Relative error in percent, median / 90th percentile; throttled fraction: difference in points.")
    for row in steady.table {
      table.add(
        [.init(row.region), .init("\(row.cells)")]
          + FidelityTables.errors(of: row).map { .init(FidelityTables.pair($0.error)) })
    }
    page.add(table: table)
    addWorst(steady.cells, to: &page)
    if let generative = report.generative {
      let shares = FidelityTables.shares(of: generative).map { "\($0.name) \($0.share)" }.joined(separator: ", ")
      page.add(
        text: "With random arrivals and demands of its own, the simulator's 5th to 95th percentile over "
          + "\(generative.replicas) runs holds the measurement in these shares of the cells: \(shares).")
    }
  }

  private func agreement(
    _ what: String, _ unit: String, _ cells: [SteadyFidelity.Cell], _ value: (GroundTruth.Measures) -> Double
  ) -> Chart {
    func dots(_ name: String, _ contains: (Double) -> Bool) -> Mark {
      .dots(
        name,
        cells.filter { contains($0.utilisation) }.map {
          Mark.Dot(Point(value($0.measured), value($0.simulated)))
        })
    }
    return Chart(
      what, caption: "One point per cell; on the line the simulator is right.",
      x: Axis("measured, \(unit)", kind: .logarithmic), y: Axis("simulated, \(unit)", kind: .logarithmic),
      marks: [
        dots("utilisation ≤ 0.6") { $0 <= 0.6 }, dots("0.6 to 0.95") { $0 > 0.6 && $0 <= 0.95 },
        dots("above 0.95") { $0 > 0.95 }, .diagonal("equal"),
      ], width: 540, height: 440)
  }

  /// The distribution of errors: which share of the cells has at most this error.
  private func errorShares(_ cells: [SteadyFidelity.Cell]) -> Chart {
    let quantities: [(String, (GroundTruth.Measures) -> Double)] = [
      ("mean", { $0.mean }), ("P95", { $0.p95 }), ("P99", { $0.p99 }), ("usage", { $0.usage }),
    ]
    let marks = quantities.map { name, value in
      let errors = cells.map { error(value($0.simulated), value($0.measured)) }.sorted()
      // On a logarithmic axis an exact cell stands at its edge.
      return Mark.line(
        name,
        errors.enumerated().map { Point(max($1, 0.01), Double($0 + 1) / Double(errors.count) * 100) }, isStep: true)
    }
    return Chart(
      "Distribution of the errors", caption: "Share of the cells whose error is at most this large.",
      x: Axis("relative error, %", kind: .logarithmic), y: Axis("cells, %", range: 0...100), marks: marks, width: 540,
      height: 440)
  }

  private func errorsByLoad(_ cells: [SteadyFidelity.Cell]) -> Chart {
    func dots(_ name: String, _ contains: (SteadyFidelity.Cell) -> Bool) -> Mark {
      .dots(
        name,
        cells.filter(contains).map { cell in
          let error = (cell.simulated.p95 - cell.measured.p95) / max(cell.measured.p95, 1e-12) * 100
          return Mark.Dot(Point(cell.utilisation, error))
        })
    }
    return Chart(
      "Error of the 95th percentile by load", caption: "Above 0 the simulator is too slow, below too fast.",
      x: Axis("utilisation asked for"), y: Axis("error of P95, %"),
      marks: [
        dots("1 worker") { $0.workers == 1 }, dots("several workers") { $0.workers > 1 && $0.cores == 1 },
        dots("several cores") { $0.workers > 1 && $0.cores > 1 }, .rule("", y: 0),
      ], width: 540, height: 440)
  }

  private func addWorst(_ cells: [SteadyFidelity.Cell], to page: inout HTMLReport) {
    var table = HTMLReport.Table(
      [
        .text("cell"), .number("limit, m"), .number("workers"), .number("utilisation"), .number("measured P95, ms"),
        .number("simulated P95, ms"), .number("error, %"),
      ], caption: "The ten cells with the largest error of the 95th percentile.")
    let worst = cells.map { ($0, error($0.simulated.p95, $0.measured.p95)) }.sorted { $0.1 > $1.1 }.prefix(10)
    for (cell, error) in worst {
      table.add([
        .init(cell.name), .init("\(cell.limit)"), .init("\(cell.workers)"), .init(Number.fixed(cell.utilisation, 2)),
        .init(Number.fixed(cell.measured.p95 * 1000, 1)), .init(Number.fixed(cell.simulated.p95 * 1000, 1)),
        .init(Number.fixed(error, 1)),
      ])
    }
    page.add(table: table)
  }

  // MARK: Runs

  private func addDynamics(to page: inout HTMLReport) {
    page.add(heading: "Changing limits and loads, second by second")
    var table = HTMLReport.Table(
      [
        .text("run"), .number("usage, % of limit"), .number("CPU, %"), .number("mean response, %"), .number("P95, %"),
        .number("correlation"), .number("late, s"), .number("simulated, s"), .text("remark"),
      ], caption: "Late: the longest stretch in which answers took more than half a second on average.")
    for run in report.dynamics {
      table.add([
        .init(run.name), .init(Number.fixed(run.usageDifference * 100, 2)),
        .init(Number.fixed(run.capacityError * 100, 1)),
        .init(run.meanError.map { Number.fixed($0 * 100, 1) } ?? ""),
        .init(run.p95Error.map { Number.fixed($0 * 100, 1) } ?? ""),
        .init(run.correlation.map { Number.fixed($0, 3) } ?? ""), .init("\(run.measuredLate)"),
        .init("\(run.simulatedLate)"), .init(FidelityTables.remark(run)),
      ])
    }
    page.add(table: table)
    for run in report.dynamics {
      let (measured, simulated) = (run.series.measured, run.series.simulated)
      page.add(
        charts: [
          Chart(
            run.name, caption: "CPU usage of every second, and the limit.", x: Axis("second"),
            y: Axis("usage, m", includesZero: true),
            marks: [
              .line("measured", perSecond: measured.map(\.usage)),
              .line("simulated", perSecond: simulated.map(\.usage), isDashed: true),
              .line("limit", perSecond: measured.map(\.limit)),
            ], width: 540, height: 300),
          Chart(
            "Response times", caption: "Mean of the requests that ended in the second.", x: Axis("second"),
            y: Axis("mean response time, ms", kind: .logarithmic),
            marks: [
              .line("measured", perSecond: measured.map { $0.response * 1000 }),
              .line("simulated", perSecond: simulated.map { $0.response * 1000 }, isDashed: true),
            ], width: 540, height: 300),
        ] + backlog(of: run.series))
    }
  }

  /// Nothing where nobody ever waited.
  private func backlog(of series: RunSeries) -> [Chart] {
    guard series.measured.contains(where: { $0.backlog >= 2 }) else { return [] }
    return [
      Chart(
        "Backlog", caption: "Clients waiting at the second's end.", x: Axis("second"),
        y: Axis("clients", includesZero: true),
        marks: [
          .line("measured", perSecond: series.measured.map(\.backlog)),
          .line("simulated", perSecond: series.simulated.map(\.backlog), isDashed: true),
        ], width: 540, height: 300)
    ]
  }

  private func addClosedLoop(to page: inout HTMLReport) {
    page.add(heading: "Closed loop")
    page.add(
      text: "A threshold controller sets the limits from the simulated usage; the requests are the measured ones.")
    func bars(_ what: String, _ unit: String, _ value: (ClosedLoopFidelity) -> (Double, Double)) -> BarChart {
      BarChart(
        what, axis: Axis(unit), names: report.closedLoop.map(\.name),
        series: [
          ("measured", report.closedLoop.map { .init(value($0).0) }),
          ("simulated", report.closedLoop.map { .init(value($0).1) }),
        ], decimals: 0, width: 540)
    }
    page.add(charts: [
      bars("Mean limit", "millicores") { ($0.measuredLimit, $0.simulatedLimit) },
      bars("95th percentile of response times", "ms") { ($0.measuredP95 * 1000, $0.simulatedP95 * 1000) },
    ])
    var table = HTMLReport.Table([
      .text("run"), .number("pods on the core"), .number("correlation of limits"), .number("mean difference, m"),
      .number("seconds with equal limits, %"), .number("error of the mean limit, %"), .number("error of P95, %"),
    ])
    for run in report.closedLoop {
      table.add([
        .init(run.name), .init("\(run.pods)"), .init(Number.fixed(run.correlation, 3)),
        .init(Number.fixed(run.difference, 1)), .init(Number.fixed(run.equalShare * 100, 0)),
        .init(Number.fixed(run.limitError * 100, 2)), .init(Number.fixed(run.p95Error * 100, 1)),
      ])
    }
    page.add(table: table)
    for run in report.closedLoop {
      let (measured, simulated) = (run.series.measured, run.series.simulated)
      page.add(
        charts: [
          Chart(
            run.name, caption: "Limits that the controller set.", x: Axis("second"),
            y: Axis("limit, m", includesZero: true),
            marks: [
              .line("measured", perSecond: measured.map(\.limit)),
              .line("simulated", perSecond: simulated.map(\.limit), isDashed: true),
            ], width: 540, height: 300),
          Chart(
            "CPU usage", caption: "Of every second.", x: Axis("second"), y: Axis("usage, m", includesZero: true),
            marks: [
              .line("measured", perSecond: measured.map(\.usage)),
              .line("simulated", perSecond: simulated.map(\.usage), isDashed: true),
            ], width: 540, height: 300),
        ] + backlog(of: run.series))
    }
  }

  /// Percent.
  private func error(_ value: Double, _ reference: Double) -> Double {
    abs(value - reference) / max(abs(reference), 1e-12) * 100
  }

  private func percent(_ share: Double, _ decimals: Int = 1) -> String { Number.fixed(share * 100, decimals) + " %" }
}
