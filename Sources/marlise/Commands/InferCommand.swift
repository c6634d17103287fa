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
      Drives the pods of a Kubernetes cluster, or simulated ones, through the same decision path as training and evaluation: \
      sample, observation, action, pool, shield, resize. Pod k is driven by the checkpoint's agent k; --hack K gives every pod \
      the weights of agent K. On a cluster nothing is changed unless --apply is given, and at the end every pod gets the limits \
      back that it came with.
      """,
    options: options,
    examples: [
      Example("marlise infer --cluster simulated", "Three simulated pods, in real time, until Ctrl-C"),
      Example("marlise infer --selector app=web --resources 2000", "Recommend for the pods of a cluster"),
      Example("marlise infer --selector app=web --resources 2000 --apply --log decisions.jsonl", "Act, and log it"),
      Example(
        "marlise infer --cluster simulated --n_agents 5 --hack 0 --duration 60 --fast",
        "A minute of five simulated pods with agent 0's weights, without waiting"),
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
          help: "What the checkpoint must hold.  Default: whatever it holds, or \(ShippedCheckpoints.defaultName)."
        ),
        .int("hack", in: 0...1_000_000, metavar: "K", help: "Give every pod the weights of the checkpoint's agent K."),
        .int(
          "scale_action", in: 1...1_000_000, metavar: "M",
          help: "Millicores per unit of a continuous action, in place of what the agents were trained with."),
        .float(
          "caution", .atLeast(-4, atMost: 4), metavar: "D",
          help:
            "How dear late requests are to the agents, in doublings of the price that they were trained around, in place "
            + "of the checkpoint's own."),
      ])
    + Option.section(
      "Loop",
      [
        .choice(
          "cluster", ["auto", "simulated", "kubernetes"], default: "auto",
          help: "Where the pods are; auto: on a cluster if one is configured, else simulated."),
        .float(
          "action_interval", default: 1, .atLeast(0.1, atMost: 3600), metavar: "S", help: "Seconds between decisions."),
        .int("duration", in: 1...10_000_000, metavar: "S", help: "Seconds to run.  Default: until Ctrl-C."),
        .flag("once", help: "Decide once and end."),
        .flag("fast", help: "Do not wait for simulated time to pass."),
        .flag("debug", help: "Print a line per pod and decision instead of the live table."),
        .flag("json", help: "Print a JSON object per decision round."),
        LogOptions.format,
        .path("log", help: "Write every decision and what it rests on to this file, for `why` and `replay`."),
        .flag("log_observations", default: true, help: "Also log what the networks saw."),
        .int("seed", default: 1, in: 0...Int.max, help: "Seed of the simulated load."),
      ]) + LiveOptions.connection + ActingOptions.options + ElectionOptions.options + LiveOptions.metrics
    + PodOptions.pods
    + WorkloadOptions.options() + PodOptions.service

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    switch options.string("cluster") {
    case "simulated": return try SimulatedInference.run(options)
    case "kubernetes": return try LiveInference.run(options)
    default:
      return LiveOptions.isClusterConfigured(options)
        ? try LiveInference.run(options) : try SimulatedInference.run(options)
    }
  }
}

/// The agents that a command was asked for.
struct ChosenAgents {
  let agents: TrainedAgents
  let hack: Int?
  private let scale: Int?
  private let caution: Double?

  init(_ options: ParsedOptions) throws {
    let path =
      try options.optionalString("load_model") ?? ShippedCheckpoints.path(of: options.optionalString("algorithm"))
    agents = try TrainedAgents(
      loading: path, scale: options.optionalInt("scale_action"), caution: options.optionalFloat("caution"))
    if let wanted = options.optionalString("algorithm"), wanted != agents.algorithm.name {
      throw options.rejection("algorithm", "is \(wanted), but \(agents.path) holds \(agents.algorithm.name) agents")
    }
    hack = options.optionalInt("hack")
    scale = options.optionalInt("scale_action")
    caution = options.optionalFloat("caution")
  }

  /// Other agents, with the same scale and caution.
  init(algorithm: String?, checkpoint: String?, hack: Int?, like other: ChosenAgents) throws {
    (scale, caution) = (other.scale, other.caution)
    agents = try TrainedAgents(
      loading: try checkpoint ?? ShippedCheckpoints.path(of: algorithm), scale: scale, caution: caution)
    if let algorithm, algorithm != agents.algorithm.name {
      throw Failure("\(agents.path) holds \(agents.algorithm.name) agents, not \(algorithm)")
    }
    self.hack = hack
  }

  /// Places that these agents can fill.
  var placesMaximum: Int { agents.pods(hack: hack) }

  func policy(_ places: Int) throws -> AgentPolicy<TrainedActions> { try agents.policy(pods: places, hack: hack) }

  func settings(pool: Millicores, shield: SafetyShield) -> DecisionSettings {
    DecisionSettings(
      pool: ResourcePool(capacity: pool), observation: agents.observation, action: agents.action, shield: shield,
      compatibility: agents.compatibility)
  }
}

/// `infer` on simulated pods.
enum SimulatedInference {
  static func run(_ options: ParsedOptions) throws -> ExitCode {
    let chosen = try ChosenAgents(options)
    let count = options.int("n_agents")
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
      configuration, places: zip(names, priorities).map { Place(PodDescription(name: $0, priority: $1)) },
      workload: try Workload(WorkloadOptions.settings(options, randomWindow: false)),
      limit: shield.limit(for: max(pool / count, shield.minimum)), seconds: options.optionalInt("duration"),
      isRealTime: !fast, shouldStop: { Interruption.requested })

    Interruption.install()
    let loop = try ControlLoop(
      cluster: cluster, settings: chosen.settings(pool: pool, shield: shield), interval: interval, applies: true,
      makePolicy: { try chosen.policy($0) })
    let log = try DecisionLogOptions.writer(options, chosen, loop)
    let report = InferReport(options.flag("json") ? .json : options.flag("debug") ? .lines : .table)
    try loop.run(rounds: options.flag("once") ? 1 : nil, shouldStop: { Interruption.requested }) { round, loop in
      try log?.write(round, loop.group, actions: loop.policy.actions)
      try report.show(round, loop.group)
    }
    try report.finish()
    return .finished
  }
}
