import Autoscaling
import Checkpoints
import Foundation
import Learning
import PodSimulation
import Terminal
import Training

/// `marlise train`: learns a policy in the simulator and writes a checkpoint.
enum TrainCommand {
  static let command = Command(
    "train", summary: "Train one agent per pod in the simulator.",
    discussion: """
      Plays episodes of one-second steps in a simulated cluster, learns from them, and writes to the output folder: \
      best.h5 (the agents that did best on load they never learn from), last.h5 (the newest, and everything needed to go \
      on), metrics.csv, metrics.jsonl and metrics.tfevents (a row per episode, as a table, as JSON, and for TensorBoard), \
      result.json (how it ended) and config.yaml (this run, for --config). Ctrl-C finishes the episode, saves and exits with 130.

      Algorithms: \(Algorithms.all.map { "\($0.name) (\($0.summary))" }.joined(separator: "; ")).
      """,
    options: options,
    examples: [
      Example("marlise train --algorithm mdqn --episodes 300 --out runs/mdqn", "Three agents on the diurnal load"),
      Example("marlise train --trace rates.csv --trace-mean-rps 20 --out runs/mine", "On a recorded load"),
    ]
  ) { try run($0) }

  private static let options: [Option] =
    Option.section(
      "Run",
      [
        .choice("algorithm", Algorithms.names, default: "mdqn", help: "What learns."),
        .int("episodes", default: 300, in: 1...100_000_000, help: "Episodes to train for."),
        .int("steps", default: 60, in: 1...1_000_000, help: "Steps of an episode, one second each."),
        .int("seed", default: 1, in: 0...Int.max, help: "Same seed, same bytes, with any number of threads."),
        .int("clusters", default: 1, in: 1...100_000, help: "Clusters simulated side by side."),
        .flag("share_parameters", help: "One network learns from, and acts for, all pods."),
        .int("threads", default: 2, in: 1...2, help: "Threads to learn on; the result does not depend on it."),
        .path("out", default: "runs/last", metavar: "DIR", help: "Output folder; must not exist yet, unless --force."),
        .flag("force", help: "Write into an output folder that exists."),
        .path(
          "load_weights", help: "Begin with the agents of this checkpoint; with --resume, the run goes on with its own."
        ),
        .flag(
          "resume",
          help: "Go on with the run in the output folder as if it had never stopped; give it the same options."),
        .flag("make_checkpoints", help: "Write a numbered checkpoint every 50 episodes."),
        .int(
          "patience", in: 1...1_000_000, metavar: "N",
          help: "Stop early after so many looks at validation load, one every 10 episodes, without an improvement."),
        .float(
          "min_delta", default: 0, .atLeast(0, atMost: 1e12), metavar: "D",
          help: "By how much a validation score must exceed the best one to count as an improvement for --patience."),
        .strings(
          "curriculum", metavar: "STAGE",
          help:
            "Stages with conditions of their own, each one text: episodes=200 workload=constant load=0.5-1 pods=3-5 "
            + "pool_per_pod=200-400. All but the last say how many episodes they last; load multiplies every rate; pods is "
            + "how many of --n_agents are there. Validation has the last stage's conditions."),
      ]) + PodOptions.pods
    + Option.section(
      "Agents",
      [
        .choice(
          "observation", ObservationSpec.all.map(\.name), default: ObservationSpec.shared.name,
          help:
            "What an agent sees: the pod and its neighbours' means, the pod alone, or our own, for any number of pods."),
        .flag("independent_state", help: "The same as --observation independent."),
        .int("actions", default: 3, in: 3...11, help: "Choices of a discrete algorithm: 3, 5 or 11."),
        .int("increment_action", default: 25, in: 1...1_000_000, metavar: "M", help: "Millicores per discrete step."),
        .int(
          "scale_action", default: 50, in: 1...1_000_000, metavar: "M",
          help: "Millicores per unit of a continuous action."),
        .flag(
          "hide_sources",
          help:
            "Hide response times, CFS periods or both in three of eight clusters, so that agents learn to do without."),
        .choice(
          "action_basis", ActionSpace.Basis.allCases.map(\.rawValue), default: "limit",
          help: "What actions mean: a change of the limit, or how much headroom over recent usage."),
        .float(
          "headroom_band", default: 0.1, .atLeast(0, atMost: 1), metavar: "B",
          help: "A wish for headroom this close to the present limit, as a share of it, keeps the limit."),
        .choice("reward", ["published", "slo"], default: "published", help: "The published reward, or our own."),
        .float(
          "reward_slo", default: 0.25, .above(0, atMost: 1000), metavar: "S",
          help: "Response-time goal of the slo reward, seconds."),
        .float(
          "slo_weight", default: SLOReward().weight, .atLeast(0, atMost: 1e6), metavar: "L",
          help:
            "How many requests' CPU a late request costs in the slo reward: more saves response time, less saves CPU."),
        .float(
          "slo_weight_doublings", default: 0, .atLeast(0, atMost: 4), metavar: "D",
          help:
            "Draw that weight within so many doublings for every episode and let agents see it: --caution of eval and "
            + "infer then chooses among response times and CPU."),
        .float(
          "resize_weight", default: SLOReward().resizeWeight, .atLeast(0, atMost: 1e6), metavar: "K",
          help: "What a resize costs in the slo reward, in seconds of the pod's highest demand."),
        .int("reward_function", default: 2, in: 1...42, help: "Published reward by number: 1 to 5, or 42."),
        .float(
          "alpha", default: 0.75, .atLeast(0, atMost: 1e6),
          help: "Weight of response times in the reward; the published DQN and PPO trainers use 5."),
        .int(
          "priority", in: 0...3, metavar: "N",
          help: "Published priorities: 0 draws them every 4 episodes, 1 to 3 are fixed patterns."),
        .flag("variable_resources", help: "Draw the pool from 500, 750, … 2000 every 5 episodes."),
        .float(
          "pool_spread", default: 1, .atLeast(1, atMost: 100), metavar: "F",
          help: "Draw every episode's pool between --init_resources ÷ F and × F."),
        .flag("reset_env", help: "Start every 10th episode with limits of 100m."),
        .flag(
          "randomize",
          help:
            "Draw every pod's service anew for every episode (demand 3 to 30 ms, 1 to 8 workers, metrics 1 to 15 s old "
            + "and off by up to 5 %, resizes that take 0.1 to 2 s and more), so that agents do not learn one service by heart."
        ),
        .flag("randomize_service", help: "The same without the lags: metrics and resizes stay as they are."),
        .choice(
          "start", TrainingSettings.Start.allCases.map(\.rawValue),
          help:
            "Limits that an episode begins with: drawn anew, or carried over from the last one as published.  Default: "
            + "random; with --compatibility upstream, carried."),
        .choice(
          "compatibility", DecisionSettings.Compatibility.allCases.map(\.rawValue), default: "none",
          help:
            "upstream reproduces the published system's quirks, and trains from carried limits and with each trainer's own "
            + "patterns of --priority."),
      ]) + AgentOptions.options + PublishedOptions.options + WorkloadOptions.options() + PodOptions.service

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    let settings = try settings(options)
    let algorithm = try PublishedOptions.algorithm(options)
    let agentSettings = try AgentOptions.settings(
      options, for: algorithm, compatibility: settings.compatibility == .upstream ? .upstream : .correct)
    let trainer = try Trainer(settings, agentSettings: agentSettings, threads: options.int("threads"))
    let resumes = options.flag("resume")
    // A run that goes on has its own weights; what it once began with may even be gone.
    if !resumes, let path = options.optionalString("load_weights") {
      let checkpoint = try Checkpoint.read(path, including: .weights)
      try TrainedAgents.naming(path) { try trainer.load(checkpoint) }
    }
    warnIfOverloaded(trainer)
    if options.flag("debug") {
      trainer.onStep = { trainer, step in
        for line in StepLog.lines(trainer, step: step) { Screen.standardError.line(line) }
      }
    }
    let folder = try RunFolder(options.string("out"), force: options.flag("force") || resumes)
    if resumes { try resume(trainer, from: folder.path("last.h5")) }
    try folder.write("config.yaml", options.yaml(program: "marlise"))
    return try TrainingRun(trainer, into: folder).train()
  }

  private static func resume(_ trainer: Trainer, from path: String) throws {
    let saved = try Checkpoint.read(path, including: .everything)
    try TrainedAgents.naming(path) { try trainer.resume(saved) }
  }

  /// The run that the options describe.
  static func settings(_ options: ParsedOptions) throws -> TrainingSettings {
    var settings = TrainingSettings()
    let count = options.int("n_agents")
    settings.algorithm = try PublishedOptions.algorithm(options).name
    settings.episodes = options.int("episodes")
    settings.steps = options.int("steps")
    settings.seed = UInt64(options.int("seed"))
    settings.clusters = options.int("clusters")
    settings.sharesParameters = options.flag("share_parameters")
    settings.pods = try PodOptions.simulatedPods(options, count: count)
    settings.nodeCores = options.optionalFloat("node_cores")
    settings.metrics = try PodOptions.metrics(options)
    settings.resizeLatency = PodOptions.resizeLatency(options)
    (settings.schedules, settings.churn) = try PodOptions.comingAndGoing(options, count: count)
    settings.graph = try PodOptions.graph(options, count: count)
    settings.pool = options.int("init_resources")
    let shield = try PodOptions.shield(options, pool: settings.pool, count: count)
    settings.minimum = shield.minimum
    settings.maximum = options.optionalInt("max_cpu")
    settings.observation = options.string("observation")
    if options.flag("independent_state") {
      if options.wasGiven("observation"), settings.observation != ObservationSpec.independent.name {
        throw options.rejection("independent_state", "contradicts --observation \(settings.observation)")
      }
      settings.observation = ObservationSpec.independent.name
    }
    settings.choices = try PublishedOptions.choices(options)
    guard [3, 5, 11].contains(settings.choices) else {
      throw options.rejection("actions", "is \(settings.choices), expected 3, 5 or 11")
    }
    settings.increment = options.int("increment_action")
    settings.scale = options.int("scale_action")
    settings.reward = options.int("reward_function")
    guard PublishedReward.numbers.contains(settings.reward) else {
      throw options.rejection("reward_function", "is \(settings.reward), expected 1 to 5 or 42")
    }
    settings.alpha = options.float("alpha")
    settings.priorities = try priorities(options, count: count)
    settings.poolSpread = options.float("pool_spread")
    settings.variablePool = options.flag("variable_resources")
    settings.resetsLimits = options.flag("reset_env")
    settings.compatibility = DecisionSettings.Compatibility(rawValue: options.string("compatibility")) ?? .none
    settings.start =
      options.optionalString("start").flatMap(TrainingSettings.Start.init)
      ?? (settings.compatibility == .upstream ? .carried : .random)
    settings.workload = try WorkloadOptions.settings(options, randomWindow: true)
    settings.randomization = try randomization(options)
    settings.headroomBand = options.float("headroom_band")
    settings.hidesSources = options.flag("hide_sources")
    settings.basis = ActionSpace.Basis(rawValue: options.string("action_basis")) ?? .limit
    settings.slo = sloReward(options)
    if settings.workload.trace == nil {
      settings.workload.mean = PublishedOptions.rate(settings.workload.mean, options)
      settings.workload.minimum = min(settings.workload.minimum, settings.workload.mean)
    }
    if settings.metrics.noise.to > 0 { settings.randomization?.metrics?.noise = settings.metrics.noise }
    settings.curriculum = try curriculum(options)
    settings.stopping = try stopping(options)
    settings.checkpointEvery = options.flag("make_checkpoints") ? 50 : nil
    return settings
  }

  private static func randomization(_ options: ParsedOptions) throws -> Randomization? {
    guard options.flag("randomize_service") else { return options.flag("randomize") ? .withLags : nil }
    if options.flag("randomize") { throw options.rejection("randomize_service", "contradicts --randomize; give one") }
    return Randomization()
  }

  private static func curriculum(_ options: ParsedOptions) throws -> [CurriculumStage]? {
    let stages = options.strings("curriculum")
    guard !stages.isEmpty else { return nil }
    do {
      return try stages.map { try CurriculumStage($0) }
    } catch let error as TrainingError {
      throw options.rejection("curriculum", "is wrong: \(error)")
    }
  }

  private static func stopping(_ options: ParsedOptions) throws -> EarlyStopping? {
    let minimum = options.float("min_delta")
    guard let patience = options.optionalInt("patience") else {
      // A run's config.yaml names every option; its default is no mistake.
      if minimum > 0 { throw options.rejection("min_delta", "needs --patience") }
      return nil
    }
    return EarlyStopping(patience: patience, minimum: minimum)
  }

  private static func sloReward(_ options: ParsedOptions) -> SLOReward? {
    // A run's config.yaml names every option, so those of the other reward are no mistake.
    guard options.string("reward") == "slo" else { return nil }
    var reward = SLOReward()
    reward.slo = options.float("reward_slo")
    reward.weight = options.float("slo_weight")
    reward.weightDoublings = options.float("slo_weight_doublings")
    reward.resizeWeight = options.float("resize_weight")
    return reward
  }

  private static func priorities(_ options: ParsedOptions, count: Int) throws -> TrainingSettings.Priorities {
    let given = options.floats("priorities")
    guard let number = options.optionalInt("priority") else {
      return given.isEmpty ? .fixed([1]) : .fixed(try PodOptions.priorities(options, count: count))
    }
    if !given.isEmpty { throw options.rejection("priority", "contradicts --priorities; give one of them") }
    return number == 0 ? .random : .published(number)
  }

  /// A load that the pool cannot serve teaches little; a trace at its source's scale is the usual reason.
  private static func warnIfOverloaded(_ trainer: Trainer) {
    let settings = trainer.settings
    let mean = trainer.environment.workload.mean
    let needed = settings.pods.reduce(0) { $0 + $1.demandMillicores(rate: mean) }
    guard needed > Double(settings.pool) else { return }
    let hint = settings.workload.trace == nil ? "--rps lowers it" : "--trace-mean-rps rescales the trace"
    Screen.standardError.line(
      "warning: \(Number.short(mean)) requests/s per pod need \(Number.fixed(needed, 0))m on average, more than the "
        + "pool of \(settings.pool)m; \(hint)")
  }
}
