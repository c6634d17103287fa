import Foundation
import Terminal
import Training

/// `marlise sweep`: many runs of training, and which settings learn best.
enum SweepCommand {
  static let command = Command(
    "sweep", summary: "Train with many settings and seeds, and rank them.",
    discussion: """
      Trains every setting of a grid, or settings drawn at random, with several seeds each, some runs side by side, and ranks \
      them by their best validation score: mean and standard deviation over the seeds. A setting is any option of \
      `marlise train`. A run that fails is marked and ends nothing else.

      Every run has a folder below the output folder, with all that `marlise train` writes there. What is finished is kept: \
      the same command goes on after Ctrl-C or a crash, with the same outcome, and a wider one (more values, more seeds) \
      trains only what is new. Scores are comparable as long as the validation episodes are: not between rewards, loads, pools \
      or numbers of pods.
      """,
    arguments: [
      Argument(
        "file", .path, arity: .optional, isConfiguration: true, help: "YAML file of the sweep; the same as --config.")
    ],
    options: Option.section(
      "Settings",
      [
        .path("train", help: "Configuration of `marlise train` that the runs have in common."),
        .strings("set", metavar: "KEY=VALUE", help: "Further options that they have in common."),
        .strings(
          "grid", metavar: "KEY=V,V",
          help:
            "What varies: an option of `marlise train` and its values, colons between the elements of a list "
            + "(hidden=64:64,128); with --random also a range (learning_rate=1e-4..1e-2:log)."),
        .int(
          "random", in: 1...SweepSpace.limit, metavar: "N", help: "Draw so many settings instead of all combinations."),
        .int("draw_seed", default: 1, in: 0...Int.max, help: "Same seed, same drawn settings."),
      ])
      + Option.section(
        "Runs",
        [
          .int(
            "seeds", default: 3, in: 1...1000, help: "Runs per setting, with seeds counting up from that of --train."),
          .int(
            "jobs", default: ProcessInfo.processInfo.activeProcessorCount, in: 1...256, help: "Runs side by side."),
          .path("out", default: "runs/sweep", metavar: "DIR", help: "Output folder; what is finished in it is kept."),
          .flag("retry", help: "Try runs again that have failed in that folder."),
          .flag("json", help: "Print the ranking as JSON."),
        ]),
    examples: [
      Example(
        "marlise sweep --train configs/train/mdqn.yaml --grid learning_rate=0.0003,0.001 hidden=64:64,128",
        "Four settings, three seeds each"),
      Example(
        "marlise sweep --train configs/train/ppo.yaml --grid learning_rate=1e-4..1e-2:log clip=0.1..0.3 --random 20",
        "Twenty settings, drawn"),
      Example("marlise sweep configs/sweep/mdqn.yaml --jobs 2", "A sweep from a file; again to go on"),
    ]
  ) { try run($0) }

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    let plan = try SweepPlan(options)
    if let warning = plan.comparabilityWarning { Screen.standardError.line(warning) }
    Interruption.install()
    let folder = try SweepFolder(options.string("out"))
    let runner = SweepRunner(plan, in: folder, jobs: options.int("jobs"), retries: options.flag("retry"))
    guard let outcomes = try runner.run() else {
      Screen.standardError.line(
        "interrupted; \(folder.path) keeps what is finished, and the same command goes on from there")
      return .finished
    }
    let results = SweepResults(plan: plan, outcomes: outcomes)
    try folder.write("ranking.json", results.json)
    try folder.write("ranking.csv", results.csv)
    try folder.write("runs.csv", results.runsCSV)
    try Output.standardOutput.write(
      options.flag("json") ? results.json : results.table(style: Style.detect(descriptor: 1)))
    let failures = outcomes.flatMap { $0 }.filter { $0.score == nil }.count
    guard failures < plan.runs else {
      throw Failure("all \(failures) runs failed; the first: \(results.firstFailure ?? "without a reason")")
    }
    Screen.standardError.line(
      (failures > 0 ? "\(failures) of \(plan.runs) runs failed; " : "") + "saved \(folder.path)/ranking.csv")
    return .success
  }
}
