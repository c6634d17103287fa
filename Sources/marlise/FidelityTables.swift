import PodSimulation
import Terminal

/// A comparison of simulator and measurement as texts: what the terminal and the page have in common.
struct FidelityTables {
  let report: FidelityReport

  init(_ report: FidelityReport) { self.report = report }

  func text(style: Style) -> String {
    var parts: [String] = []
    if let steady = report.steady {
      parts.append(
        "Steady cells: relative error, median / 90th percentile of cells, %; throttled fraction: difference, points\n\n"
          + FidelityTables.table(of: steady).plain(style: style))
    }
    if let generative = report.generative {
      parts.append(
        "Cells whose measurement lies in the 5th to 95th percentile of \(generative.replicas) random runs: "
          + FidelityTables.shares(of: generative).map { "\($0.name) \($0.share)" }.joined(separator: ", ") + "\n")
    }
    if !report.dynamics.isEmpty {
      parts.append(
        "Runs with changing limits or loads, second by second\n\n"
          + FidelityTables.table(of: report.dynamics).plain(style: style))
    }
    if !report.closedLoop.isEmpty {
      parts.append(
        "Closed loop: the simulated usage decides the limits\n\n"
          + FidelityTables.table(of: report.closedLoop).plain(style: style))
    }
    var table = Table([.text("requirement"), .text("required"), .text("reached"), .text("")])
    for line in report.acceptance {
      table.add([
        .text(line.quantity), .text(FidelityTables.required(line)), .text(FidelityTables.reached(line)),
        .text(line.isMet ? style.green("met") : style.red("missed")),
      ])
    }
    parts.append("Requirements (median, 90th percentile of cells; or the worst run)\n\n" + table.plain(style: style))
    var summary = "\(report.acceptance.count { $0.isMet }) of \(report.acceptance.count) requirements met"
    if !report.missing.isEmpty { summary += "; not compared, files absent: \(report.missing.joined(separator: ", "))" }
    return parts.joined(separator: "\n") + "\n" + summary + "\n"
  }

  /// Medians and 90th percentiles in percent: `1.5 / 8.0`.
  static func pair(_ error: SteadyFidelity.ErrorRow.Error) -> String {
    "\(Number.fixed(error.median * 100, 1)) / \(Number.fixed(error.p90 * 100, 1))"
  }

  static func errors(of row: SteadyFidelity.ErrorRow) -> [(name: String, error: SteadyFidelity.ErrorRow.Error)] {
    [
      ("mean", row.mean), ("P50", row.p50), ("P95", row.p95), ("P99", row.p99), ("usage", row.usage),
      ("throttled", row.throttledFraction),
    ]
  }

  private static func table(of steady: SteadyFidelity) -> Table {
    let names = steady.table.first.map { errors(of: $0).map(\.name) } ?? []
    var table = Table([.text("cells"), .number("count")] + names.map { .number($0) })
    for row in steady.table {
      table.add([.text(row.region), .number(row.cells)] + errors(of: row).map { .text(pair($0.error)) })
    }
    return table
  }

  private static func table(of runs: [DynamicFidelity]) -> Table {
    var table = Table([
      .text("run"), .number("usage", unit: "% of limit"), .number("CPU", unit: "%"), .number("mean", unit: "%"),
      .number("P95", unit: "%"), .number("correlation"), .number("late", unit: "s"), .number("simulated", unit: "s"),
      .text(""),
    ])
    for run in runs {
      table.add([
        .text(run.name), .number(run.usageDifference * 100, decimals: 2), .number(run.capacityError * 100, decimals: 1),
        run.meanError.map { .number($0 * 100, decimals: 1) } ?? .none,
        run.p95Error.map { .number($0 * 100, decimals: 1) } ?? .none,
        run.correlation.map { .number($0, decimals: 3) } ?? .none, .number(run.measuredLate),
        .number(run.simulatedLate), .text(remark(run)),
      ])
    }
    return table
  }

  static func remark(_ run: DynamicFidelity) -> String {
    [run.isRewritten ? "limit rewritten" : nil, run.isSaturated ? "overloaded" : nil].compactMap { $0 }
      .joined(separator: ", ")
  }

  private static func table(of runs: [ClosedLoopFidelity]) -> Table {
    var table = Table([
      .text("run"), .number("limit", unit: "m"), .number("simulated", unit: "m"), .number("correlation"),
      .number("equal", unit: "% of s"), .number("P95", unit: "ms"), .number("simulated", unit: "ms"),
      .number("P99", unit: "ms"), .number("simulated", unit: "ms"),
    ])
    for run in runs {
      table.add([
        .text(run.name), .number(run.measuredLimit, decimals: 0), .number(run.simulatedLimit, decimals: 0),
        .number(run.correlation, decimals: 3), .number(run.equalShare * 100, decimals: 0),
        .number(run.measuredP95 * 1000, decimals: 1), .number(run.simulatedP95 * 1000, decimals: 1),
        .number(run.measuredP99 * 1000, decimals: 1), .number(run.simulatedP99 * 1000, decimals: 1),
      ])
    }
    return table
  }

  static func shares(of generative: GenerativeFidelity) -> [(name: String, share: String)] {
    [
      ("mean", generative.mean), ("P95", generative.p95), ("P99", generative.p99), ("usage", generative.usage),
      ("throttled", generative.throttledFraction),
    ].map { ($0, Number.fixed($1 * 100, 0) + " %") }
  }

  static func required(_ line: FidelityReport.Line) -> String {
    (line.isLowerBound ? "≥ " : "≤ ") + line.required.map { value($0, line) }.joined(separator: ", ")
  }
  static func reached(_ line: FidelityReport.Line) -> String {
    line.reached.map { value($0, line) }.joined(separator: ", ")
  }

  /// Correlations and differences of fractions are no percentages.
  private static func value(_ value: Double, _ line: FidelityReport.Line) -> String {
    line.quantity.contains("correlation") || line.quantity.contains("absolute")
      ? Number.fixed(value, 3) : Number.fixed(value * 100, 1) + " %"
  }
}
