import Charts
import Foundation
import PodSimulation
import Terminal

/// `marlise workload list|show`: which loads there are, and what one looks like before hours are spent on it.
enum WorkloadCommand {
  static let commands = [list, show]

  static let list = Command(
    "workload list", summary: "List the loads that pods can be given.",
    examples: [Example("marlise workload list", "Names for --workload of train, eval and infer")]
  ) { _ in
    var table = Table([.text("workload"), .text("what it is, and its parameters")])
    for (name, summary) in Workload.summaries { table.add([.text(name), .text(summary)]) }
    try Output.standardOutput.write(table.plain(style: Style.detect(descriptor: 1)))
    return .success
  }

  static let show = Command(
    "workload show", summary: "Draw a load, generated or recorded.",
    discussion: """
      Prints the request rates that pods would get in one episode, with their figures. A trace is a CSV file with the \
      columns second,rps and is shown whole unless --seconds says otherwise.
      """,
    arguments: [Argument("workload", help: "A name of workload list, or a CSV file.")],
    options: Option.section(
      "Load",
      [
        .float("rps", default: 20, .atLeast(0.1, atMost: 100_000), help: "Mean of a generated load, requests/s."),
        .float(
          "min_rps", default: 1, .atLeast(0, atMost: 100_000), help: "No second of a generated load is below this."),
        .int("seconds", in: 1...1_000_000, metavar: "S", help: "Length.  Default: 300, or the whole trace."),
        .int("pods", in: 1...64, help: "Pods, each with a load of its own.  Default: 3, or 1 for a trace."),
        .int("seed", default: 1, in: 0...Int.max, help: "Same seed, same load."),
      ] + WorkloadOptions.shape)
      + Option.section(
        "Output",
        [.path("svg", help: "Also write the picture as SVG."), OutputFile.force]),
    examples: [
      Example("marlise workload show bursty --rps 30", "Three pods' bursts"),
      Example("marlise workload show diurnal --shape period=60 amplitude=0.5", "A shorter, flatter day"),
      Example("marlise workload show day.csv --svg day.svg", "A recording, for the terminal and as a picture"),
    ]
  ) { try draw($0) }

  private static func draw(_ options: ParsedOptions) throws -> ExitCode {
    let name = options.argument("workload")
    let file = try options.optionalString("svg").map {
      try OutputFile($0, option: "svg", force: options.flag("force"))
    }
    var settings = WorkloadSettings(name, mean: options.float("rps"), minimum: options.float("min_rps"))
    var (seconds, pods) = (options.optionalInt("seconds") ?? 300, options.optionalInt("pods") ?? 3)
    if Workload.names.contains(name) && name != "trace" {
      guard settings.minimum <= settings.mean else {
        throw options.rejection("min_rps", "is \(settings.minimum), expected at most --rps (\(settings.mean))")
      }
      try WorkloadOptions.refuseTraceOptions(options, "needs a CSV file")
      settings.parameters = try WorkloadOptions.parameters(options)
    } else {
      guard name.hasSuffix(".csv") || name.contains("/") || FileManager.default.fileExists(atPath: name) else {
        let names = Workload.names.filter { $0 != "trace" }
        throw CommandLineError(
          "'\(name)' is neither a workload nor a file\(Suggestion.clause(name, among: names))"
            + "   (\(names.joined(separator: " ")))")
      }
      for option in ["rps", "min_rps"] where options.wasGiven(option) {
        throw options.rejection(option, "is for generated loads; --trace_mean_rps rescales a trace")
      }
      settings = WorkloadSettings(
        "trace", mean: options.optionalFloat("trace_mean_rps") ?? 20, minimum: 0,
        trace: try WorkloadOptions.trace(name, options, randomWindow: false))
      pods = options.optionalInt("pods") ?? 1
    }
    let workload = try Workload(settings)
    if let recorded = workload.recordedSeconds, !options.wasGiven("seconds") { seconds = min(recorded, 1_000_000) }
    guard pods * seconds <= 10_000_000 else {
      throw options.rejection("pods", "is \(pods) for \(seconds) seconds, expected at most 10,000,000 together")
    }
    let rates = workload.rates(
      pods: pods, seconds: seconds, seed: UInt64(options.int("seed")), episode: 0
    ).map { $0.map(Double.init) }
    try file?.write(chart(name, rates).svg())
    try Output.standardOutput.write(text(name, rates) + parameters(of: workload))
    return .success
  }

  // MARK: Terminal

  /// Plots that a screen has room for, one pod each: lines over each other are no picture in a terminal.
  private static let plotsMax = 4

  private static func text(_ name: String, _ rates: [[Double]]) -> String {
    let style = Style.detect(descriptor: 1)
    let plot = TerminalPlot(
      width: min(TerminalSize.columns(of: 1) ?? 80, 120), height: rates.count > 1 ? 7 : 15, style: style)
    var picture = rates.count > plotsMax ? "the first \(plotsMax) of \(rates.count) pods\n" : ""
    for (pod, values) in rates.prefix(plotsMax).enumerated() {
      let name = rates.count > 1 ? "pod\(pod)" : name
      picture += "\(name), requests/s\n" + plot.text([(name, values)], from: 0, to: Double(values.count), unit: "s")
      picture += "\n"
    }
    var table = Table(
      [.text("pod")] + ["mean", "max", "min", "std"].map { .number($0, unit: "requests/s") })
    for (pod, values) in rates.enumerated() { table.add([.text("pod\(pod)")] + cells(values)) }
    if rates.count > 1 { table.add([.text("all")] + cells(rates.flatMap { $0 })) }
    return picture + table.plain(style: style)
  }

  private static func parameters(of workload: Workload) -> String {
    guard !workload.parameters.isEmpty else { return "" }
    return "\nshape: " + workload.parameters.map { "\($0.name)=\(Number.short($0.value))" }.joined(separator: " ")
      + "\n"
  }

  private static func cells(_ values: [Double]) -> [Table.Cell] {
    let figures = RateFigures(values)
    return [figures.mean, figures.maximum, figures.minimum, figures.deviation].map { .number($0, decimals: 2) }
  }

  // MARK: Picture

  private static func chart(_ name: String, _ rates: [[Double]]) -> Chart {
    let figures = RateFigures(rates.flatMap { $0 })
    let width = max(1, ((rates.first?.count ?? 0) + 399) / 400)
    var caption =
      "mean \(Number.significant(figures.mean)), max \(Number.significant(figures.maximum)), "
      + "standard deviation \(Number.significant(figures.deviation)) requests/s"
    if width > 4 {
      caption += rates.count == 1 ? "; means and ranges of \(width) s" : "; means of \(width) s"
    }
    var marks: [Mark] = []
    for (pod, values) in rates.enumerated() {
      let label = "pod\(pod)"
      // More seconds than pixels: means, with the range of what they stand for where it does not hide other pods.
      guard width > 4 else {
        marks.append(.line(label, perSecond: values))
        continue
      }
      let groups = stride(from: 0, to: values.count, by: width).map { first in
        (middle: Double(first) + Double(width) / 2, values: values[first..<min(first + width, values.count)])
      }
      if rates.count == 1 {
        marks.append(
          .band(
            label, groups.map { .init($0.middle, $0.values.min() ?? 0, $0.values.max() ?? 0) }))
      }
      marks.append(
        .line(
          label,
          groups.map { Point($0.middle, $0.values.reduce(0, +) / Double($0.values.count)) }))
    }
    return Chart(
      URL(fileURLWithPath: name).lastPathComponent, caption: caption,
      x: Axis("second", range: 0...Double(max(rates.first?.count ?? 1, 1))),
      y: Axis("requests/s", includesZero: true), marks: marks)
  }
}

/// What a series of request rates amounts to.
private struct RateFigures {
  let mean: Double
  let maximum: Double
  let minimum: Double
  /// Standard deviation over the seconds.
  let deviation: Double

  init(_ values: [Double]) {
    let count = Double(max(values.count, 1))
    let mean = values.reduce(0, +) / count
    self.mean = mean
    maximum = values.max() ?? 0
    minimum = values.min() ?? 0
    deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
  }
}
