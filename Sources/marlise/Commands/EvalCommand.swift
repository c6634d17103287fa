import Autoscaling
import Evaluation
import Foundation
import PodSimulation
import Terminal
import Training

/// `marlise eval`: which policy saves CPU at what response times.
enum EvalCommand {
  static let command = Command(
    "eval", summary: "Judge checkpoints and baselines on the same seeded load.",
    discussion: """
      Plays every policy in the simulator, each on the same requests, and prints response times, SLO misses, allocated \
      CPU, utilisation, throttling, resizes and pool violations as mean ± 95 % interval over the seeds.

      Baselines: \(Baselines.all.map { "\($0.name) (\($0.summary))" }.joined(separator: "; ")). \
      Parameters follow a colon: k8s-cpu-fast:target=0.5.
      """,
    options: Settings.options,
    examples: [
      Example("marlise eval --checkpoint runs/mdqn/last.h5 --workload bursty", "Agents against the usual baselines"),
      Example("marlise eval --policies static,k8s-cpu-fast:target=0.4 --json", "Baselines only, for a program"),
    ]
  ) { try run($0) }

  struct Settings {
    static let options: [Option] =
      Option.section(
        "Policies",
        [
          .strings(
            "policies", default: ["static", "threshold"], metavar: "NAME",
            help: "Baselines and checkpoint files to compare."),
          .paths("checkpoint", help: "Checkpoint files to compare with them.", aliases: ["load_model"]),
          .int("hack", in: 0...1_000_000, metavar: "K", help: "Give every pod the weights of a checkpoint's agent K."),
          .int(
            "scale_action", in: 1...1_000_000, metavar: "M",
            help: "Millicores per unit of a continuous action, in place of what the agents were trained with."),
        ])
      + Option.section(
        "Judgement",
        [
          .float("slo", default: 0.25, .above(0, atMost: 1000), metavar: "S", help: "Response-time goal, seconds."),
          .int("seeds", default: 10, in: 1...10_000, help: "Episodes per policy, each with a seed of its own."),
          .int("seed", default: 1000, in: 0...1_000_000_000, help: "The first seed."),
          .int(
            "duration", in: 1...1_000_000, metavar: "S",
            help: "Length of an episode, seconds.  Default: 600, or the whole trace."),
          .int(
            "jobs", default: ProcessInfo.processInfo.activeProcessorCount, in: 1...256,
            help: "Episodes played at the same time."),
          .flag("json", help: "Print the result as JSON."),
        ]) + PodOptions.pods + WorkloadOptions.options() + PodOptions.service
  }

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    let count = options.int("n_agents")
    let pool = options.int("init_resources")
    let shield = try PodOptions.shield(options, pool: pool, count: count)
    let priorities = try PodOptions.priorities(options, count: count)
    let workload = try Workload(WorkloadOptions.settings(options, randomWindow: false))
    let pods = try PodOptions.simulatedPods(options, count: count)
    let duration = options.optionalInt("duration") ?? workload.recordedSeconds.map { min($0, 1_000_000) } ?? 600
    var scenario = Scenario(
      pods: pods,
      descriptions: (0..<count).map { PodDescription(name: "pod\($0)", priority: priorities[$0]) },
      settings: DecisionSettings(pool: ResourcePool(capacity: pool), shield: shield),
      sharedCores: options.optionalFloat("node_cores"), seconds: duration,
      initialLimit: shield.limit(for: max(pool / count, shield.minimum)), slo: options.float("slo"), workload: workload)
    scenario.metrics = try PodOptions.metrics(options)
    scenario.resizeLatency = PodOptions.resizeLatency(options)
    (scenario.schedules, scenario.churn) = try PodOptions.comingAndGoing(options, count: count)
    scenario.graph = try PodOptions.graph(options, count: count)
    let contestants = try contestants(options, pods: count)
    let seeds = (0..<options.int("seeds")).map { UInt64(options.int("seed") + $0) }
    let comparison = Comparison(scenario: scenario, contestants: contestants, seeds: seeds)

    let bar = ProgressBar("eval", total: contestants.count * seeds.count, unit: "episodes")
    let results = try comparison.run(jobs: options.int("jobs")) { bar.update($0) }
    bar.finish()
    if options.flag("json") {
      try Output.standardOutput.write(
        EvaluationReport(comparison: comparison, results: results, workload: workload.settings).json())
    } else {
      let what =
        "\(count) pods sharing \(pool)m, \(describe(workload.settings)), \(duration) s, \(seeds.count) seeds, "
        + "SLO \(Number.short(scenario.slo * 1000)) ms"
      try Output.standardOutput.write(what + "\n\n" + table(results).plain(style: Style.detect(descriptor: 1)))
    }
    return .finished
  }

  /// Baselines by name, files by path.
  private static func contestants(_ options: ParsedOptions, pods: Int) throws -> [Contestant] {
    let hack = options.optionalInt("hack")
    let scale = options.optionalInt("scale_action")
    func trained(_ path: String, _ name: String) throws -> Contestant {
      let agents = try TrainedAgents(loading: path, scale: scale)
      _ = try agents.policy(pods: pods, hack: hack)
      return Contestant(
        name: name, observation: agents.observation, action: agents.action, compatibility: agents.compatibility
      ) { try agents.policy(pods: pods, hack: hack) }
    }
    var contestants: [Contestant] = []
    for name in options.strings("policies") {
      if let (baseline, values) = try parse(name, options) {
        contestants.append(Contestant(baseline, values: values, name: name))
      } else if FileManager.default.fileExists(atPath: name) {
        contestants.append(try trained(name, name))
      } else {
        throw unknown(name, options)
      }
    }
    for path in options.strings("checkpoint") {
      let agents = try TrainedAgents(loading: path, scale: scale)
      let name = agents.algorithm.name
      contestants.append(try trained(path, contestants.contains { $0.name == name } ? path : name))
    }
    return contestants
  }

  private static func parse(_ name: String, _ options: ParsedOptions) throws -> (Baseline, [Double])? {
    do {
      return try Baselines.parse(name)
    } catch let error as BaselineError {
      throw options.rejection("policies", "is wrong: \(error)")
    }
  }

  private static func unknown(_ name: String, _ options: ParsedOptions) -> any Error {
    let names = Baselines.all.map(\.name)
    let hint = Suggestion.clause(name, among: names)
    return options.rejection(
      "policies", "has '\(name)', which is neither a file nor a baseline\(hint)   (\(names.joined(separator: " ")))")
  }

  private static func describe(_ settings: WorkloadSettings) -> String {
    guard let trace = settings.trace else {
      return "\(settings.name) load of \(Number.short(settings.mean)) requests/s each"
    }
    let scale = trace.isRescaled ? ", rescaled to \(Number.short(settings.mean)) requests/s each" : ""
    return "trace \(trace.path)\(scale)"
  }

  private static func table(_ results: [Comparison.Result]) -> Table {
    var table = Table([.text("policy")] + MetricColumn.all.map { .number($0.title) })
    for result in results {
      table.add(
        [.text(result.name)]
          + MetricColumn.all.map {
            let estimate = result.estimate($0)
            return .estimate(estimate.mean, estimate.halfWidth, decimals: $0.decimals)
          })
    }
    return table
  }
}
