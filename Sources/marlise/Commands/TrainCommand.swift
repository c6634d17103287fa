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
      on), metrics.csv (a row per episode) and config.yaml (this run, for \
      --config). Ctrl-C finishes the episode, saves and exits with 130.

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
        .path("load_weights", help: "Begin with the agents of this checkpoint."),
        .flag(
          "resume",
          help: "Go on with the run in the output folder as if it had never stopped; give it the same options."),
        .flag("make_checkpoints", help: "Write a numbered checkpoint every 50 episodes."),
      ]) + PodOptions.pods
    + Option.section(
      "Agents",
      [
        .choice(
          "observation", ObservationSpec.all.map(\.name), default: ObservationSpec.shared.name,
          help: "What an agent sees: the pod and its neighbours' means, or the pod alone."),
        .flag("independent_state", help: "The same as --observation independent."),
        .int("actions", default: 3, in: 3...11, help: "Choices of a discrete algorithm: 3, 5 or 11."),
        .int("increment_action", default: 25, in: 1...1_000_000, metavar: "M", help: "Millicores per discrete step."),
        .int(
          "scale_action", default: 50, in: 1...1_000_000, metavar: "M",
          help: "Millicores per unit of a continuous action."),
        .int("reward_function", default: 2, in: 1...42, help: "Published reward by number: 1 to 5, or 42."),
        .float(
          "alpha", default: 0.75, .atLeast(0, atMost: 1e6),
          help: "Weight of response times in the reward; the published DQN and PPO trainers use 5."),
        .int(
          "priority", in: 0...3, metavar: "N",
          help: "Published priorities: 0 draws them every 4 episodes, 1 to 3 are fixed patterns."),
        .flag("variable_resources", help: "Draw the pool from 500, 750, … 2000 every 5 episodes."),
        .flag("reset_env", help: "Start every 10th episode with limits of 100m."),
        .flag(
          "randomize",
          help:
            "Draw every pod's service anew for every episode (demand 3 to 30 ms, 1 to 8 workers, metrics 1 to 15 s old "
            + "and off by up to 5 %, resizes that take 0.1 to 2 s and more), so that agents do not learn one service by heart."
        ),
        .choice(
          "start", TrainingSettings.Start.allCases.map(\.rawValue), default: "random",
          help: "Limits that an episode begins with: drawn anew, or carried over from the last one as published."),
        .choice(
          "compatibility", DecisionSettings.Compatibility.allCases.map(\.rawValue), default: "none",
          help: "upstream reproduces the published system's quirks."),
      ]) + AgentOptions.options + PublishedOptions.options + WorkloadOptions.options() + PodOptions.service

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    let settings = try settings(options)
    let algorithm = try PublishedOptions.algorithm(options)
    let agentSettings = try AgentOptions.settings(
      options, for: algorithm, compatibility: settings.compatibility == .upstream ? .upstream : .correct)
    let trainer = try Trainer(settings, agentSettings: agentSettings, threads: options.int("threads"))
    if let path = options.optionalString("load_weights") {
      do {
        try trainer.load(try Checkpoint.read(path, including: .weights))
      } catch let error as LearningError {
        throw Failure("\(path): \(error)")
      } catch let error as TrainingError {
        throw Failure("\(path): \(error)")
      }
    }
    warnIfOverloaded(trainer)
    if options.flag("debug") {
      trainer.onStep = { trainer, step in
        for line in StepLog.lines(trainer, step: step) { Screen.standardError.line(line) }
      }
    }
    let resumes = options.flag("resume")
    let folder = try RunFolder(options.string("out"), force: options.flag("force") || resumes)
    if resumes { try resume(trainer, options, from: folder.path("last.h5")) }
    try folder.write("config.yaml", options.yaml(program: "marlise"))
    return try train(trainer, into: folder)
  }

  private static func resume(_ trainer: Trainer, _ options: ParsedOptions, from path: String) throws {
    if options.wasGiven("load_weights") { throw options.rejection("resume", "contradicts --load_weights") }
    let saved = try Checkpoint.read(path, including: .everything)
    do {
      try trainer.resume(saved)
    } catch let error as TrainingError {
      throw Failure("\(path): \(error)")
    } catch let error as LearningError {
      throw Failure("\(path): \(error)")
    }
  }

  /// Episodes between two saves of last.h5: what a crash or a number that is not finite can cost.
  private static let saveInterval = 50

  /// Episodes between two looks at what the agents are worth without exploration.
  private static let validationInterval = 10

  private static func train(_ trainer: Trainer, into folder: RunFolder) throws -> ExitCode {
    let settings = trainer.settings
    Interruption.install()
    var curve = try LearningCurve(in: folder, agents: settings.pods.count, from: trainer.nextEpisode)
    let bar = ProgressBar(
      "train \(settings.algorithm)", total: settings.episodes, unit: "episodes", done: trainer.nextEpisode)
    var recent = RecentMean()
    let path = folder.path("last.h5")
    var saved: String?
    var validated: Double?
    while trainer.nextEpisode < settings.episodes, !Interruption.requested {
      let summary: EpisodeSummary
      do {
        summary = try trainer.runEpisode()
      } catch {
        bar.finish()
        try curve.close()
        throw Failure("\(error); \(saved.map { "\($0) keeps the last good agents" } ?? "nothing was saved yet")")
      }
      try curve.add(summary)
      recent.add(summary.reward)
      bar.update(trainer.nextEpisode) {
        [
          ("reward", Number.fixed(recent.value, 2)), ("latency", Number.fixed(summary.meanLatency * 1000, 0) + " ms"),
          ("explore", Number.fixed(summary.exploration, 2)),
          ("validation", validated.map { Number.fixed($0, 3) } ?? "–"),
        ]
      }
      if trainer.nextEpisode % saveInterval == 0 {
        try trainer.checkpoint().write(to: path)
        saved = path
      }
      if trainer.nextEpisode % validationInterval == 0 || trainer.nextEpisode == settings.episodes {
        let (score, isBest) = try trainer.validate()
        validated = score
        if isBest { try trainer.checkpoint(.weights).write(to: folder.path("best.h5")) }
      }
      if let every = settings.checkpointEvery, trainer.nextEpisode % every == 0 {
        try trainer.checkpoint().write(to: folder.path("ep_\(trainer.nextEpisode).h5"))
      }
    }
    bar.finish {
      [
        ("reward", Number.fixed(recent.value, 2)),
        ("best validation", trainer.bestScore.map { Number.fixed($0, 3) } ?? "–"),
      ]
    }
    try curve.close()
    try trainer.checkpoint().write(to: path)
    Screen.standardError.line(
      Interruption.requested ? "interrupted after \(trainer.nextEpisode) episodes; saved \(path)" : "saved \(path)")
    return .finished
  }

  private static func settings(_ options: ParsedOptions) throws -> TrainingSettings {
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
    settings.variablePool = options.flag("variable_resources")
    settings.resetsLimits = options.flag("reset_env")
    settings.start = TrainingSettings.Start(rawValue: options.string("start")) ?? .random
    settings.compatibility = DecisionSettings.Compatibility(rawValue: options.string("compatibility")) ?? .none
    settings.workload = try WorkloadOptions.settings(options, randomWindow: true)
    if settings.workload.trace == nil {
      settings.workload.mean = PublishedOptions.rate(settings.workload.mean, options)
      settings.workload.minimum = min(settings.workload.minimum, settings.workload.mean)
    }
    settings.randomization = options.flag("randomize") ? .withLags : nil
    if settings.metrics.noise.to > 0 { settings.randomization?.metrics?.noise = settings.metrics.noise }
    settings.checkpointEvery = options.flag("make_checkpoints") ? 50 : nil
    return settings
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

/// The mean of the last fifty values, for the progress line.
private struct RecentMean {
  private var values: [Double] = []

  mutating func add(_ value: Double) {
    values.append(value)
    if values.count > 50 { values.removeFirst() }
  }

  var value: Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }
}
