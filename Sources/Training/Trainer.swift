import Autoscaling
import Checkpoints
import Learning
import NeuralNetwork
import PodSimulation

/// What one round of episodes (one per cluster) came to.
public struct EpisodeSummary: Sendable, Equatable {
  /// Counts from 0.
  public var episode: Int
  /// Σ over steps of the mean reward over agents and clusters.
  public var reward: Double
  /// The same per agent, `[pods]`.
  public var agentRewards: [Double]
  /// Mean over steps and pods of the second's mean response time, seconds; of the pods that were there, as all that follows.
  public var meanLatency: Double
  /// Mean limit of a pod, millicores.
  public var meanLimit: Double
  /// Resizes per cluster.
  public var resizes: Double
  /// ε, σ or the action's standard deviation of the first agent.
  public var exploration: Double
  /// Mean loss of the agents that learnt.
  public var loss: Double
  /// Gradient steps of all agents in this round.
  public var updates: Int
}

/// Learns: plays episodes in the simulated clusters, through the one decision path, and lets the agents learn from them.
public final class Trainer {
  public let settings: TrainingSettings
  public let agentSettings: any AgentSettings
  public let algorithm: AlgorithmDescription
  public let agents: AgentGroup
  public let environment: ScalingEnvironment
  /// The episode that comes next.
  public private(set) var nextEpisode = 0
  /// Steps of all environments so far.
  public var environmentSteps: Int { nextEpisode * settings.steps * settings.clusters * settings.pods.count }

  private let schedule: EpisodeSchedule
  /// The load of every stage of the curriculum.
  private let workloads: [Workload]
  /// The limits that the next episode begins with, `[pods × clusters]`.
  private(set) var limits: [Millicores]

  /// Called after each step, before the agents learn from it.
  public var onStep: ((_ trainer: Trainer, _ step: Int) -> Void)?

  /// What the agent of a pod of the first cluster did last, and what it got for it.
  public func action(ofPod pod: Int) -> Float { actions.pointer[pod * settings.clusters] }
  public func reward(ofPod pod: Int) -> Float { rewards.pointer[pod * settings.clusters] }

  private var validation: Validation?
  private let places: Int
  private let actions: FloatBuffer
  private let rewards: FloatBuffer
  private let ends: FloatBuffer
  /// Whether each pod was there when it acted, `[pods × clusters]`.
  private var wasPresent: [Bool]
  private var rewardReader: RewardReader

  /// - Parameter threads: 1 or 2; results do not depend on it.
  /// - Throws: `TrainingError`, `LearningError` or `SimulationError` for settings that do not fit.
  public init(_ settings: TrainingSettings, agentSettings: (any AgentSettings)? = nil, threads: Int) throws {
    try settings.validate()
    self.settings = settings
    algorithm = try Algorithms.named(settings.algorithm)
    self.agentSettings = agentSettings ?? algorithm.settings
    schedule = EpisodeSchedule(settings: settings)
    workloads = try schedule.workloads()
    let count = settings.pods.count
    environment = try ScalingEnvironment(
      settings.cluster(seed: settings.seed, clusters: settings.clusters, threads: threads),
      pods: (0..<count).map { PodDescription(name: "pod\($0)") }, settings: settings.decisionSettings(of: algorithm),
      workload: try Workload(settings.workload), seconds: settings.steps)
    agents = try AgentGroup(
      algorithm, settings: self.agentSettings, actionKind: settings.actionKind(of: algorithm), count: count,
      clusters: settings.clusters, inputs: settings.observationSpec.size, seed: settings.seed,
      episodeSteps: settings.steps, plannedSteps: settings.steps * settings.episodes,
      shareParameters: settings.sharesParameters, threads: threads)
    places = count * settings.clusters
    actions = FloatBuffer(places)
    rewards = FloatBuffer(places)
    ends = FloatBuffer(places)
    wasPresent = Array(repeating: true, count: places)
    rewardReader = try RewardReader(settings, algorithm: algorithm)
    limits = Array(repeating: settings.firstLimit(pool: settings.pool, anew: false), count: places)
  }

  /// Plays and learns from the next round of episodes.
  ///
  /// - Throws: `LearningError.nonFinite`; the agents are then not worth keeping.
  public func runEpisode() throws -> EpisodeSummary {
    let episode = nextEpisode
    begin(episode)
    var summary = EpisodeSummary(
      episode: episode, reward: 0, agentRewards: Array(repeating: 0, count: environment.pods), meanLatency: 0,
      meanLimit: 0, resizes: 0, exploration: 0, loss: 0, updates: 0)
    var losses = 0.0
    var learners = 0
    var samples = 0
    for step in 0..<settings.steps {
      agents.act(environment.observations.values, exploring: true, into: actions.pointer)
      notePresence()
      for cluster in 0..<settings.clusters {
        environment.groups[cluster].decide(actions: actions.pointer + cluster, stride: settings.clusters)
      }
      environment.advance()
      samples += collectRewards(into: &summary)
      if let onStep { onStep(self, step) }
      noteEnds(isLast: step == settings.steps - 1)
      agents.store(
        observations: environment.observations.lastValues, actions: actions.pointer, rewards: rewards.pointer,
        nextObservations: environment.observations.values, ends: ends.pointer)
      try agents.learn()
      for diagnostics in agents.diagnostics where diagnostics.updates > 0 {
        summary.updates += diagnostics.updates
        losses += diagnostics.loss
        learners += 1
      }
    }
    summary.meanLatency /= Double(max(samples, 1))
    summary.meanLimit /= Double(max(samples, 1))
    summary.reward = summary.agentRewards.reduce(0, +) / Double(environment.pods)
    summary.resizes = Double(environment.resizes) / Double(settings.clusters)
    summary.exploration = agents.diagnostics.first?.exploration ?? 0
    summary.loss = learners > 0 ? losses / Double(learners) : 0
    limits = environment.limits
    nextEpisode += 1
    return summary
  }

  private func begin(_ episode: Int) {
    let common = schedule.pool(episode: episode)
    let pools = (0..<settings.clusters).map { schedule.pool(common, episode: episode, cluster: $0) }
    if schedule.startsAnew(episode: episode) {
      limits = Array(repeating: settings.firstLimit(pool: common, anew: true), count: places)
    } else if settings.start == .random {
      for cluster in 0..<settings.clusters {
        let drawn = schedule.randomLimits(episode: episode, cluster: cluster, pool: pools[cluster])
        for pod in 0..<environment.pods { limits[pod * settings.clusters + cluster] = drawn[pod] }
      }
    }
    for (cluster, group) in environment.groups.enumerated() {
      group.settings.observation.hidesResponses = settings.hidesSources && [1, 5].contains(cluster % 8)
      group.settings.observation.hidesPeriods = settings.hidesSources && [3, 5].contains(cluster % 8)
      group.settings.observation.caution = schedule.caution(episode: episode, cluster: cluster)
      group.settings.pool.capacity = pools[cluster]
      group.settings.shield = settings.shield(pool: pools[cluster])
      for pod in 0..<environment.pods {
        group.setPriority(schedule.priority(ofPod: pod, episode: episode), ofPod: pod)
      }
    }
    environment.begin(
      episode: episode, limits: limits,
      conditions: schedule.conditions(episode: episode, clusters: settings.clusters, workloads: workloads))
    rewardReader.begin(environment)
  }

  private func notePresence() {
    for (cluster, group) in environment.groups.enumerated() {
      for pod in 0..<group.count { wasPresent[pod * settings.clusters + cluster] = group.samples[pod].isPresent }
    }
  }

  /// A pod that was not there when it acted, or is not any more, has made no step to learn from.
  private func noteEnds(isLast: Bool) {
    let end: StepEnd = isLast ? .truncated : .goesOn
    for (cluster, group) in environment.groups.enumerated() {
      for pod in 0..<group.count {
        let place = pod * settings.clusters + cluster
        ends.pointer[place] =
          wasPresent[place] && group.samples[pod].isPresent ? end.rawValue : StepEnd.absent.rawValue
      }
    }
  }

  /// The rewards of the second that has just passed, `[pods × clusters]`; 0 for pods that are not there.
  ///
  /// - Returns: how many pods were there.
  private func collectRewards(into summary: inout EpisodeSummary) -> Int {
    let clusters = settings.clusters
    var present = 0
    rewards.pointer.update(repeating: 0, count: places)
    for cluster in 0..<clusters {
      let group = environment.groups[cluster]
      for pod in 0..<group.count where group.samples[pod].isPresent {
        present += 1
        summary.meanLatency += group.samples[pod].responseTimes?.mean ?? 0
        summary.meanLimit += Double(group.samples[pod].limit)
      }
      rewardReader.rewards(of: environment, cluster: cluster) { pod, total in
        rewards.pointer[pod * clusters + cluster] = Float(total)
        summary.agentRewards[pod] += total / Double(clusters)
      }
    }
    return present
  }

  /// Which stage of the curriculum the next episode belongs to, from 0; nil without a curriculum.
  public var stage: Int? { schedule.stageIndex(of: nextEpisode) }

  /// What upstream's quirk carries from episode to episode, of all clusters; empty without.
  var queuedReadings: [Float] {
    get { environment.groups.flatMap(\.queuedReadings) }
    set {
      let size = newValue.count / environment.groups.count
      for (index, group) in environment.groups.enumerated() {
        group.queuedReadings = Array(newValue[index * size..<(index + 1) * size])
      }
    }
  }

  /// Goes on where a saved run stopped.
  func resume(_ saved: SavedRun) {
    nextEpisode = saved.episode
    limits = saved.limits
    if let readings = saved.readings { queuedReadings = readings }
    best = saved.best
    // A run that was not to stop early and now is, waits from here on.
    progress = saved.progress ?? EarlyStopping.Progress(best: best?.score, episode: best?.episode ?? 0)
  }

  // MARK: Validation

  /// The best score so far and how many episodes came before it; nil before the first.
  public private(set) var best: (score: Double, episode: Int)?
  private(set) var progress = EarlyStopping.Progress()

  /// Whether early stopping has waited long enough, and for what, in words; nil while it has not.
  public var reasonToStop: String? {
    guard let stopping = settings.stopping, progress.waited >= stopping.patience else { return nil }
    let than = progress.best.map { " than \($0), the score after \(progress.episode)" } ?? ""
    let by = stopping.minimum > 0 ? " by more than \(stopping.minimum)" : ""
    return "\(progress.waited) validations in a row were no better\(than)\(by)"
  }

  /// Judges the agents as they are, without exploration, on load that they never learn from.
  ///
  /// - Returns: the score (see `Validation`), and whether no earlier score was as high.
  public func validate() throws -> (score: Double, isBest: Bool) {
    let validation = try self.validation ?? Validation(settings, algorithm: algorithm, threads: agents.threads)
    self.validation = validation
    let score = try validation.score(
      agents.agents.map { agent in Dictionary(uniqueKeysWithValues: agent.networks.map { ($0.name, $0.parameters) }) })
    let isBest = best.map { score > $0.score } ?? true
    if isBest { best = (score, nextEpisode) }
    if let stopping = settings.stopping { progress.note(score, episode: nextEpisode, minimum: stopping.minimum) }
    return (score, isBest)
  }
}
