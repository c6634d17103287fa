import Autoscaling
import Control
import Foundation
import Learning
import PodSimulation
import Terminal

/// `marlise infer`: lets trained agents scale pods.
enum InferCommand {
  static let command = Command(
    "infer", summary: "Let trained agents scale pods, one decision per pod and interval.",
    discussion: """
      Drives simulated pods through the same decision path as training and evaluation: sample, observation, action, pool, \
      shield, resize. Pod k is driven by the checkpoint's agent k; --hack K gives every pod the weights of agent K.
      """,
    options: options,
    examples: [
      Example("marlise infer --load_model runs/mdqn/last.h5", "Three simulated pods, in real time, until Ctrl-C"),
      Example(
        "marlise infer --n_agents 5 --hack 0 --load_model runs/mdqn/last.h5 --duration 60 --fast",
        "A minute of five pods with agent 0's weights, without waiting"),
    ]
  ) { try run($0) }

  private static let options: [Option] =
    Option.section(
      "Agents",
      [
        .path(
          "load_model", help: "The checkpoint with the agents.  Default: the shipped one of --algorithm.",
          aliases: ["checkpoint"]),
        .choice(
          "algorithm", Algorithms.names,
          help: "What the checkpoint must hold.  Default: whatever it holds, or \(ShippedCheckpoints.defaultAlgorithm)."
        ),
        .int("hack", in: 0...1_000_000, metavar: "K", help: "Give every pod the weights of the checkpoint's agent K."),
        .int(
          "scale_action", in: 1...1_000_000, metavar: "M",
          help: "Millicores per unit of a continuous action, in place of what the agents were trained with."),
      ])
    + Option.section(
      "Loop",
      [
        .choice("cluster", ["simulated"], default: "simulated", help: "Where the pods are."),
        .float(
          "action_interval", default: 1, .atLeast(1, atMost: 3600), metavar: "S", help: "Seconds between decisions."),
        .int("duration", in: 1...10_000_000, metavar: "S", help: "Seconds to run.  Default: until Ctrl-C."),
        .flag("once", help: "Decide once and end."),
        .flag("fast", help: "Do not wait for simulated time to pass."),
        .flag("debug", help: "Print a line per pod and decision instead of the live table."),
        .flag("json", help: "Print a JSON object per decision round."),
        .int("seed", default: 1, in: 0...Int.max, help: "Seed of the simulated load."),
      ]) + PodOptions.pods + WorkloadOptions.options() + PodOptions.service

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    let count = options.int("n_agents")
    let path =
      try options.optionalString("load_model") ?? ShippedCheckpoints.path(of: options.optionalString("algorithm"))
    let agents = try TrainedAgents(
      loading: path, scale: options.optionalInt("scale_action"))
    if let wanted = options.optionalString("algorithm"), wanted != agents.algorithm.name {
      throw options.rejection("algorithm", "is \(wanted), but \(agents.path) holds \(agents.algorithm.name) agents")
    }
    var policy = try agents.policy(pods: count, hack: options.optionalInt("hack"))

    let pool = options.int("init_resources")
    let shield = try PodOptions.shield(options, pool: pool, count: count)
    let priorities = try PodOptions.priorities(options, count: count)
    let interval = options.float("action_interval")
    guard interval == interval.rounded() else {
      throw options.rejection("action_interval", "is \(interval); simulated pods need whole seconds")
    }
    let names = (0..<count).map { "pod\($0)" }
    let fast = options.flag("fast") || options.flag("once")
    let configuration = try PodOptions.cluster(options, count: count, seed: UInt64(options.int("seed")))
    let cluster = try SimulatedCluster(
      configuration,
      names: names, workload: try Workload(WorkloadOptions.settings(options, randomWindow: false)),
      limit: shield.limit(for: max(pool / count, shield.minimum)), seconds: options.optionalInt("duration"),
      isRealTime: !fast, shouldStop: { Interruption.requested })
    let group = PodGroup(
      pods: zip(names, priorities).map { PodDescription(name: $0, priority: $1) },
      settings: DecisionSettings(
        pool: ResourcePool(capacity: pool), observation: agents.observation, action: agents.action, shield: shield,
        compatibility: agents.compatibility))

    Interruption.install()
    let loop = ControlLoop(cluster: cluster, group: group, interval: interval, applies: true)
    let report = InferReport(options.flag("json") ? .json : options.flag("debug") ? .lines : .table, group: group)
    try loop.run(
      policy: &policy, rounds: options.flag("once") ? 1 : nil, shouldStop: { Interruption.requested }
    ) { round, _ in try report.show(round.number, at: round.time) }
    try report.finish()
    return .finished
  }
}
