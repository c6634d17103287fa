import Autoscaling
import Checkpoints
import Foundation
import Learning
import PodSimulation

/// A run as a checkpoint, and back: the agents for those who use them, the rest for going on as if never interrupted.
extension Trainer {
  /// The agents as they are between two episodes. Equal runs give equal checkpoints.
  ///
  /// - Parameter portion: `.everything` also has what decides the episodes to come, so that the run can be resumed.
  public func checkpoint(_ portion: Checkpoint.Portion = .everything) throws -> Checkpoint {
    let settings = settings
    let decision = settings.decisionSettings(of: algorithm)
    let kind: ActionDescription.Kind
    switch settings.actionKind(of: algorithm) {
    case .discrete: kind = .discrete
    case .delta: kind = .delta
    case .instant: kind = .instant
    }
    let metadata = Metadata(
      algorithm: algorithm.name,
      observation: ObservationDescription(
        kind: decision.observation.name, fields: decision.observation.fields.map(\.rawValue),
        history: decision.observation.history),
      action: ActionDescription(
        kind: kind, count: settings.actionKind(of: algorithm).outputs, increment: settings.increment,
        scale: settings.scale, minimum: settings.minimum, maximum: settings.maximum ?? settings.pool),
      normalisation: settings.observationSpec.needsHistory ? "level" : "pool",
      reward: settings.slo == nil ? String(settings.reward) : "slo", seed: settings.seed,
      configuration: String(decoding: try WrittenSettings(settings, agentSettings).json, as: UTF8.self),
      trainingSteps: environmentSteps, libraryVersions: LibraryVersions.current,
      compatibility: settings.compatibility.rawValue,
      extra: extra)
    let networks = agents.agents.map { agent in
      Dictionary(uniqueKeysWithValues: agent.networks.map { ($0.name, $0.parameters) })
    }
    return Checkpoint(
      metadata: metadata, agents: networks, training: portion == .everything ? trainingArrays : nil)
  }

  /// What the format's fixed attributes have no place for; absent where it is as published.
  private var extra: [String: String] {
    var extra: [String: String] = [:]
    if settings.sharesParameters { extra["shared_parameters"] = "true" }
    if settings.basis != .limit {
      extra["action_basis"] = settings.basis.rawValue
      extra["headroom_band"] = "\(settings.headroomBand)"
    }
    if let slo = settings.slo { extra["slo"] = "\(slo.slo)" }
    return extra
  }

  private var trainingArrays: [String: TrainingArray] {
    var training: [String: TrainingArray] = [
      "trainer/episode": .int64([Int64(nextEpisode)], shape: [1]),
      "trainer/limits": .int64(limits.map(Int64.init), shape: [settings.pods.count, settings.clusters]),
    ]
    if settings.compatibility == .upstream {
      training["trainer/readings"] = .float32(
        queuedReadings, shape: [settings.clusters, settings.pods.count, settings.observationSpec.size])
    }
    if let best {
      training["trainer/best_score"] = .float64([best.score], shape: [1])
      training["trainer/best_episode"] = .int64([Int64(best.episode)], shape: [1])
    }
    if settings.stopping != nil {
      training["trainer/waited"] = .int64([Int64(progress.waited), Int64(progress.episode)], shape: [2])
      if let best = progress.best { training["trainer/waited_for"] = .float64([best], shape: [1]) }
    }
    for (index, agent) in agents.agents.enumerated() {
      let state = agent.trainingState
      for (name, values) in state.floats {
        training["agents/\(index)/\(name)"] = .float32(values, shape: [values.count])
      }
      for (name, values) in state.integers {
        training["agents/\(index)/\(name)"] = .int64(values, shape: [values.count])
      }
      for (name, values) in state.words {
        training["agents/\(index)/\(name)"] = .uint64(values, shape: [values.count])
      }
    }
    return training
  }

  /// Takes over the agents' networks, also as targets: a run that begins with what another has learnt.
  ///
  /// - Throws: `LearningError` when they do not fit; agents before the first misfit have then taken theirs over.
  public func load(_ checkpoint: Checkpoint) throws {
    guard checkpoint.agents.count >= agents.agents.count else {
      throw TrainingError(
        "the checkpoint holds \(checkpoint.agents.count) agents, expected at least \(agents.agents.count)")
    }
    for (agent, networks) in zip(agents.agents, checkpoint.agents) { try agent.load(networks: networks) }
  }

  /// Goes on where `checkpoint()` was taken. The settings must be those of the saved run, except for the number of
  /// episodes and for when to stop early.
  ///
  /// - Throws: `TrainingError` or `LearningError` when the checkpoint does not belong to this run.
  public func resume(_ checkpoint: Checkpoint) throws {
    try requireSameRun(checkpoint)
    let saved = try SavedRun(checkpoint)
    guard saved.limits.count == limits.count else {
      throw LearningError.state(
        "trainer/limits", found: "\(saved.limits.count) limits", expected: "\(limits.count), one per pod and cluster")
    }
    if let readings = saved.readings, readings.count != queuedReadings.count {
      throw LearningError.state(
        "trainer/readings", found: "\(readings.count) numbers", expected: "\(queuedReadings.count)")
    }
    let steps = settings.steps * limits.count
    guard checkpoint.metadata.trainingSteps.quotientAndRemainder(dividingBy: steps) == (saved.episode, 0) else {
      throw TrainingError(
        "the checkpoint counts \(checkpoint.metadata.trainingSteps) steps, which are not \(saved.episode) episodes of "
          + "\(steps)")
    }
    try load(checkpoint)
    for (agent, state) in zip(agents.agents, saved.agents) { try agent.restore(state) }
    resume(saved)
  }

  /// Refuses a checkpoint of other settings; what only says how long to go on may differ.
  private func requireSameRun(_ checkpoint: Checkpoint) throws {
    guard
      var saved = try? JSONDecoder().decode(WrittenSettings.self, from: Data(checkpoint.metadata.configuration.utf8))
    else {
      throw TrainingError("the checkpoint does not say which settings it was trained with, so it cannot be resumed")
    }
    saved.training.episodes = settings.episodes
    saved.training.checkpointEvery = settings.checkpointEvery
    saved.training.stopping = settings.stopping
    guard let difference = try saved.difference(to: WrittenSettings(settings, agentSettings)) else { return }
    throw TrainingError(
      "the checkpoint was trained with other settings: \(difference.name) was \(difference.here) and is "
        + "\(difference.there); resuming needs the options of the first run")
  }
}
