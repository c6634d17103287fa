import Foundation
import PodSimulation
import Synchronization
import Terminal

/// `marlise fidelity`: how far the simulator can be believed, from measurements of a real kernel.
enum FidelityCommand {
  static let command = Command(
    "fidelity", summary: "Compare the simulator with measurements of a real service.",
    discussion: """
      Gives the simulator every measured request and prints how far its answers are from the measured ones: for steady \
      cells (steady_cells.csv, steady_requests.csv), for runs whose limits or loads change (runs.csv, \
      dynamic_seconds.csv, dynamic_requests.csv) and in closed loop (controller_seconds.csv, controller_requests.csv). \
      Files that are absent are left out; damaged ones are refused by file and row.
      """,
    options: options,
    examples: [
      Example("marlise fidelity --data ground-truth", "The tables"),
      Example("marlise fidelity --data mine --html fidelity.html", "Your own machine's, with plots"),
    ]
  ) { try run($0) }

  private static let options: [Option] =
    Option.section(
      "Comparison",
      [
        .path("data", metavar: "DIR", help: "Folder with the measurements.").required(),
        .int("phases", default: 16, in: 1...1000, help: "Period phases that replays are averaged over."),
        .int(
          "replicas", default: 100, in: 0...100_000,
          help: "Random runs per cell, whose range should hold the measurement; at least 20, or 0 for none."),
        .int("seed", default: 1, in: 0...Int.max, help: "Seed of the random runs."),
        .int(
          "jobs", default: ProcessInfo.processInfo.activeProcessorCount, in: 1...256,
          help: "Kinds of comparison, or of --calibrate choices, at the same time."),
        .float(
          "slice", .atLeast(0.01, atMost: 1000), metavar: "MS",
          help: "Runtime that a simulated core takes from the quota at a time, ms, in place of the model's own."),
        .float(
          "speed", .atLeast(0.01, atMost: 1), metavar: "V",
          help: "CPU that a running simulated pod really gets, in place of the model's own."),
        .flag(
          "calibrate",
          help:
            "Instead choose the simulated kernel's two fitted parameters on a part of the steady cells and judge them on "
            + "the others."),
      ])
    + Option.section(
      "Output",
      [
        .flag("json", help: "Print the result as JSON."), .path("html", help: "Also write a page with plots."),
        OutputFile.force, .flag("strict", help: "Exit with 1 when a requirement is missed."),
      ])

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    let replicas = options.int("replicas")
    guard replicas == 0 || replicas >= 20 else {
      throw options.rejection("replicas", "is \(replicas), expected 0 or at least 20")
    }
    let page = try options.optionalString("html").map {
      try OutputFile($0, option: "html", force: options.flag("force"))
    }
    let folder = options.string("data")
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
      throw Failure("\(folder) is not a folder, expected one with measurements")
    }
    let truth = try GroundTruth(folder: folder)
    guard truth.cells?.isEmpty == false || !truth.dynamic.isEmpty || !truth.controller.isEmpty else {
      throw Failure(
        "\(folder) holds no measurements, expected steady_cells.csv with steady_requests.csv, or runs.csv with "
          + "dynamic_ or controller_seconds.csv and _requests.csv")
    }
    if options.flag("calibrate") { return try calibrate(truth, options) }
    let report = try measure(
      truth, phases: options.int("phases"), replicas: replicas, seed: UInt64(options.int("seed")),
      jobs: options.int("jobs"), slice: options.optionalFloat("slice").map { $0 / 1000 },
      speed: options.optionalFloat("speed"))
    if let page {
      try page.write(FidelityPage(report).html())
    }
    if options.flag("json") {
      try Output.standardOutput.write(try json(report))
    } else {
      try Output.standardOutput.write(FidelityTables(report).text(style: Style.detect(descriptor: 1)))
    }
    return report.isAccepted || !options.flag("strict") ? .success : .failure
  }

  private static func calibrate(_ truth: GroundTruth, _ options: ParsedOptions) throws -> ExitCode {
    guard let cells = truth.cells, !cells.isEmpty else {
      throw options.rejection("calibrate", "needs steady_cells.csv and steady_requests.csv, which are not there")
    }
    for name in ["html", "strict"] where options.wasGiven(name) {
      throw options.rejection(name, "is not for --calibrate")
    }
    let calibration = try FidelityCalibration.measure(
      cells, phases: options.int("phases"), jobs: options.int("jobs"))
    try Output.standardOutput.write(
      options.flag("json")
        ? try json(calibration) : CalibrationTables(calibration).text(style: Style.detect(descriptor: 1)))
    return .success
  }

  private static func json(_ report: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(report), as: UTF8.self) + "\n"
  }

  /// The kinds of comparison side by side; the outcome is that of one after another.
  private static func measure(
    _ truth: GroundTruth, phases: Int, replicas: Int, seed: UInt64, jobs: Int, slice: Double?, speed: Double?
  ) throws -> FidelityReport {
    @Sendable func adjust(_ parameters: inout PodParameters) {
      parameters.slice = slice ?? parameters.slice
      parameters.keptRuntime = min(parameters.keptRuntime, parameters.slice)
      parameters.speed = speed ?? parameters.speed
    }
    guard jobs > 1 else {
      return try FidelityReport.measure(truth, phases: phases, replicas: replicas, seed: seed, adjust: adjust)
    }
    var (steady, moving) = (truth, truth)
    (steady.dynamic, steady.controller, moving.cells) = ([], [], nil)
    let parts = [steady, moving]
    let results = Mutex<[Int: Result<FidelityReport, any Error>]>([:])
    DispatchQueue.concurrentPerform(iterations: parts.count) { index in
      let result = Result {
        try FidelityReport.measure(parts[index], phases: phases, replicas: replicas, seed: seed, adjust: adjust)
      }
      results.withLock { $0[index] = result }
    }
    let measured = try results.withLock { results in try results.sorted { $0.key < $1.key }.map { try $0.value.get() } }
    var report = measured[0]
    report.dynamics = measured[1].dynamics
    report.closedLoop = measured[1].closedLoop
    report.acceptance += measured[1].acceptance
    // A part misses what it was not given; absent is what no part had.
    report.missing =
      report.missing.filter { $0 == "steady cells" } + measured[1].missing.filter { $0 != "steady cells" }
    return report
  }
}
