import Autoscaling
import Evaluation
import Foundation
import PodSimulation
import Terminal

/// The options of `marlise eval`, and the study that they ask for.
enum EvalOptions {
  static let all: [Option] =
    Option.section(
      "Policies",
      [
        .strings(
          "policies", default: ["static", "threshold"], metavar: "NAME",
          help: "Baselines, shipped policies and checkpoint files to compare."),
        .paths("checkpoint", help: "Checkpoint files to compare with them.", aliases: ["load_model"]),
        .strings(
          "sweep", metavar: "NAME",
          help:
            "Baselines to play with every setting of their grid, or of one's own: captain:target=0.05,0.1,0.2. `all` "
            + "stands for every baseline of --policies that can be tuned."),
        .int(
          "refine", default: 3, in: 0...20, metavar: "N",
          help:
            "On each load, halve so often the step between a swept policy's cheapest setting that keeps the SLO and the next: "
            + "its best setting may lie between two of the grid."),
        .string(
          "reference", metavar: "NAME",
          help: "The policy that others are compared with.  Default: the first trained one, or the first."),
        .int("hack", in: 0...1_000_000, metavar: "K", help: "Give every pod the weights of a checkpoint's agent K."),
        .int(
          "scale_action", in: 1...1_000_000, metavar: "M",
          help: "Millicores per unit of a continuous action, in place of what the agents were trained with."),
        .floats(
          "caution", .atLeast(-4, atMost: 4), metavar: "D",
          help:
            "How dear late requests are to trained agents, in doublings of the price that they were trained around, in place "
            + "of the checkpoint's own; several make a front of each policy."),
      ])
    + Option.section(
      "Judgement",
      [
        .float("slo", default: 0.25, .above(0, atMost: 1000), metavar: "S", help: "Response-time goal, seconds."),
        .int("seeds", default: 10, in: 1...10_000, help: "Episodes per policy and load, each with a seed of its own."),
        .int("seed", default: 1000, in: 0...1_000_000_000, help: "The first seed."),
        .int(
          "duration", in: 1...1_000_000, metavar: "S",
          help: "Seconds of an episode that count.  Default: 600, or the whole trace."),
        .int(
          "warmup", default: 0, in: 0...1_000_000, metavar: "S",
          help: "Seconds before them, in which histories fill and limits settle."),
        .flag(
          "rewrite_limits",
          help:
            "Write every limit every second, also unchanged ones: each write refills the kernel's quota, and this shows "
            + "what a policy gains from it."),
        .int(
          "jobs", default: ProcessInfo.processInfo.activeProcessorCount, in: 1...256,
          help: "Episodes played at the same time."),
      ])
    + Option.section(
      "Output",
      [
        .strings(
          "metrics", default: ["usual"], metavar: "NAME",
          help: "Metrics of the table: usual, all, or names as in CSV and JSON."),
        .flag("json", help: "Print the result as JSON."),
        .flag(
          "brief", help: "Print JSON without single runs, and of swept policies only the settings that are compared."),
        .path("csv", help: "Also write every run to a file of comma-separated values."),
        .path("html", help: "Also write a page with plots."),
        .path(
          "out", metavar: "DIR",
          help:
            "Also write everything to this folder, and keep finished episodes there: the same command goes on after an "
            + "interruption."),
        OutputFile.force,
        .flag(
          "decision_time", help: "Report how long decisions took; the one number that two equal runs do not share."),
        .int(
          "series_seed", in: 0...1_000_000_000, metavar: "SEED",
          help: "The episode that the page draws second by second.  Default: the first."),
        .int("series_pod", default: 0, in: 0...9999, metavar: "K", help: "The pod that it draws."),
        .strings(
          "series_policies", metavar: "NAME",
          help: "The policies that it draws.  Default: the reference, and the two best others."),
        .paths(
          "learning_curves", metavar: "DIR", help: "Folders of training runs whose learning curves the page shows."),
      ]) + PodOptions.pods + WorkloadOptions.optionsForMany() + PodOptions.service

  static func study(_ options: ParsedOptions) throws -> Study {
    for name in options.strings("metrics") where !["usual", "all"].contains(name) && MetricColumn.named(name) == nil {
      let names = ["usual", "all"] + MetricColumn.all.map(\.key)
      throw options.rejection(
        "metrics",
        "has '\(name)', which is no metric\(Suggestion.clause(name, among: names))   (\(names.joined(separator: " ")))")
    }
    let count = options.int("n_agents")
    guard options.int("series_pod") < count else {
      throw options.rejection("series_pod", "is \(options.int("series_pod")), expected a pod from 0 to \(count - 1)")
    }
    let contestants = try EvalContestants(options).all
    let families = Set(contestants.map(\.family))
    if let reference = options.optionalString("reference"), !families.contains(reference) {
      throw options.rejection(
        "reference", "is '\(reference)', expected one of the policies: \(families.sorted().joined(separator: " "))")
    }
    for name in Baselines.joined(options.strings("series_policies"))
    where !contestants.contains(where: {
      // A setting between those of the grid is known only once it has been played.
      $0.name == name || (!$0.knobs.isEmpty && name.hasPrefix($0.family))
    }) {
      throw options.rejection("series_policies", "has '\(name)', which does not take part")
    }
    let seeds = (0..<options.int("seeds")).map { UInt64(options.int("seed") + $0) }
    return Study(loads: try loads(options), contestants: contestants, seeds: seeds)
  }

  /// Generated loads and traces, each with its own scenario.
  private static func loads(_ options: ParsedOptions) throws -> [Study.Load] {
    let traces = options.strings("trace")
    var names = options.strings("workload")
    if names.isEmpty, traces.isEmpty { names = ["diurnal"] }
    let isMixed = !names.isEmpty && !traces.isEmpty
    func load(_ name: String, workload: String, trace: String?) throws -> Study.Load {
      let settings = try WorkloadOptions.settings(
        options, workload: workload, trace: trace, randomWindow: false, isMixed: isMixed)
      return Study.Load(name: name, scenario: try scenario(options, try Workload(settings)))
    }
    var loads = try names.map { try load($0, workload: $0, trace: nil) }
    loads += try traces.map {
      try load(URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent, workload: "trace", trace: $0)
    }
    for (place, load) in loads.enumerated() {
      let earlier = loads[..<place].filter { $0.name == load.name }.count
      if earlier > 0 { loads[place].name += " (\(earlier + 1))" }
    }
    return loads
  }

  private static func scenario(_ options: ParsedOptions, _ workload: Workload) throws -> Scenario {
    let count = options.int("n_agents")
    let pool = options.int("init_resources")
    let shield = try PodOptions.shield(options, pool: pool, count: count)
    let priorities = try PodOptions.priorities(options, count: count)
    let cluster = try PodOptions.cluster(options, count: count, seed: 0)
    let length = workload.recordedSeconds.map { min($0, 1_000_000) } ?? 600
    var scenario = Scenario(
      pods: cluster.pods,
      descriptions: (0..<count).map { PodDescription(name: "pod\($0)", priority: priorities[$0]) },
      settings: DecisionSettings(pool: ResourcePool(capacity: pool), shield: shield),
      seconds: options.optionalInt("duration") ?? max(length - options.int("warmup"), 1),
      initialLimit: shield.limit(for: max(pool / count, shield.minimum)), slo: options.float("slo"),
      workload: workload)
    scenario.cluster = cluster
    scenario.warmUp = options.int("warmup")
    scenario.rewritesLimits = options.flag("rewrite_limits")
    return scenario
  }
}
