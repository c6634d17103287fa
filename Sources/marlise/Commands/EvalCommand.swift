import Evaluation
import Foundation
import Terminal

/// `marlise eval`: which policy saves CPU at what response times.
enum EvalCommand {
  static let command = Command(
    "eval", summary: "Judge checkpoints and baselines on the same seeded loads.",
    discussion: """
      Plays every policy in the simulator, each on the same requests, and prints response times, SLO misses, allocated \
      CPU, utilisation, throttling, resizes and pool violations as mean ± 95 % interval over the seeds. A policy that \
      misses the SLO in any run is marked, with the number of those that do.

      Baselines: \(Baselines.all.map { "\($0.name) (\($0.summary))" }.joined(separator: "; ")). \
      Parameters follow a colon: k8s-cpu-fast:target=0.5. `shipped` is the policy that comes with the program, an \
      algorithm's name the shipped one of that algorithm; A.h5+B.h5 are several points of one policy.

      With --sweep a baseline is played with every setting of its grid and some between (--refine), and policies are compared \
      where they meet the same P99: each with its cheapest setting that keeps the SLO, and where the other is as fast as the one that is judged.
      """,
    options: EvalOptions.all,
    examples: [
      Example("marlise eval --checkpoint runs/mdqn/last.h5 --workload bursty", "Agents against the usual baselines"),
      Example("marlise eval --policies static,k8s-cpu-fast:target=0.4 --json", "Baselines only, for a program"),
      Example(
        "marlise eval --policies shipped,oracle --sweep k8s-cpu-fast captain --workload noisy bursty --out results",
        "CPU at equal P99 against the best setting of each, with a report; can be interrupted and gone on with"),
    ]
  ) { try run($0) }

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    let outputs = try EvalOutputs(options)
    let study = try EvalOptions.study(options)
    let curves = try options.strings("learning_curves").map { try RecordedCurve(folder: $0) }
    let kept = try outputs.folder.map { try FinishedCells(path: $0 + "/episodes.jsonl") }

    Interruption.install()
    let done = kept.map { study.finished(in: $0) } ?? 0
    let refinement = Refinement(slo: options.float("slo"), rounds: options.int("refine"))
    let total = study.cells + refinement.cells(of: study)
    let bar = ProgressBar("eval", total: total, unit: "episodes", done: done)
    var results: [Study.LoadResult]
    do {
      results = try study.run(
        jobs: options.int("jobs"), kept: kept, shouldStop: { Interruption.requested },
        finished: { bar.update($0) })
      results = try study.refine(
        results, by: refinement, jobs: options.int("jobs"), kept: kept, shouldStop: { Interruption.requested },
        finished: { bar.update(study.cells + $0) })
      // Not every policy has a step to halve.
      bar.update(total)
      bar.finish()
    } catch let stop as Study.Interrupted {
      bar.finish()
      let hint = outputs.folder.map { "\($0) keeps them, and the same command goes on from there" }
      Screen.standardError.line(
        "interrupted after \(stop.finished) of \(stop.cells) episodes; \(hint ?? "without --out they are lost")")
      return .finished
    } catch {
      bar.finish()
      throw error
    }
    let played = Set(results.flatMap { $0.contestants.map(\.name) })
    for name in Baselines.joined(options.strings("series_policies")) where !played.contains(name) {
      Screen.standardError.line("--series_policies: \(name) was played on no load, and is not drawn")
    }
    let evaluation = EvalResults(study: study, results: results, options: options, curves: curves)
    try outputs.write(evaluation)
    return .finished
  }
}

/// Where the results go, checked before the work begins.
struct EvalOutputs {
  let folder: String?
  private let page: OutputFile?
  private let csv: OutputFile?

  init(_ options: ParsedOptions) throws {
    let force = options.flag("force")
    page = try options.optionalString("html").map { try OutputFile($0, option: "html", force: force) }
    csv = try options.optionalString("csv").map { try OutputFile($0, option: "csv", force: force) }
    folder = options.optionalString("out")
    if let folder {
      do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      } catch {
        throw Failure("\(folder) cannot be made for --out: \(error.localizedDescription)")
      }
    }
  }

  /// The table or JSON to standard output, everything else to its file.
  func write(_ evaluation: EvalResults) throws {
    let json = try EvaluationReport.json(evaluation.reports)
    let table = EvalTables(evaluation)
    if page != nil || folder != nil {
      let html = try EvalPage(evaluation).html()
      try page?.write(html)
      if let folder { try file(folder, "report.html").write(html) }
    }
    try csv?.write(EvaluationReport.csv(evaluation.reports))
    if let folder {
      try file(folder, "results.json").write(json)
      try file(folder, "results.csv").write(EvaluationReport.csv(evaluation.reports))
      try file(folder, "table.txt").write(table.text(style: .plain))
    }
    guard evaluation.options.flag("json") else {
      return try Output.standardOutput.write(table.text(style: Style.detect(descriptor: 1)))
    }
    var reports = evaluation.reports
    if evaluation.options.flag("brief") { for index in reports.indices { reports[index].shorten() } }
    try Output.standardOutput.write(evaluation.options.flag("brief") ? EvaluationReport.json(reports) : json)
  }

  private func file(_ folder: String, _ name: String) throws -> OutputFile {
    try OutputFile(folder + "/" + name, option: "out", force: true)
  }
}

/// A finished study with what it was asked for.
struct EvalResults {
  let study: Study
  let results: [Study.LoadResult]
  let options: ParsedOptions
  let curves: [RecordedCurve]
  /// One per load.
  let reports: [EvaluationReport]
  /// One per load: the fronts of its policies.
  let fronts: [[PolicyFront]]

  init(study: Study, results: [Study.LoadResult], options: ParsedOptions, curves: [RecordedCurve]) {
    self.study = study
    self.results = results
    self.options = options
    self.curves = curves
    reports = results.indices.map {
      var report = EvaluationReport(study: study, load: $0, result: results[$0])
      if options.flag("decision_time") { report.note(decisionTimes: results[$0]) }
      return report
    }
    fronts = results.map { PolicyFront.all(of: $0.policies) }
  }

  /// The policy that the others are compared with: the one that was asked for, else the first trained one, else the first.
  var reference: String? {
    let families = fronts.first ?? []
    if let name = options.optionalString("reference") { return name }
    return (families.first(where: \.isTrained) ?? families.first)?.family
  }

  /// Comparisons of the reference with every other policy on a load.
  func comparisons(_ load: Int) -> [EqualP99] {
    guard let subject = fronts[load].first(where: { $0.family == reference }) else { return [] }
    return fronts[load].filter { $0.family != subject.family }.compactMap {
      EqualP99(subject, against: $0, slo: slo)
    }
  }

  /// Response-time goal, seconds.
  var slo: Double { options.float("slo") }

  /// What a table shows of a load: every policy that was asked for by name, and of each that was swept its cheapest setting
  /// that keeps the goal, or its fastest.
  func shown(_ load: Int) -> [Int] {
    let policies = results[load].policies
    guard !options.strings("sweep").isEmpty else { return Array(policies.indices) }
    let swept = Dictionary(grouping: policies.indices) { policies[$0].family }.filter { $0.value.count > 1 }
    var places = policies.indices.filter { swept[policies[$0].family] == nil }
    for (family, settings) in swept {
      let front = fronts[load].first { $0.family == family }
      let best = front?.cheapest(meeting: slo) ?? front?.settings.first
      places += settings.filter { policies[$0].name == best?.name }.prefix(1)
    }
    // As asked for; what only a sweep named comes after.
    return places.sorted()
  }
}
