import NeuralNetwork
import RandomStreams

@testable import Learning

/// A random run of steps with random ends.
final class Episode {
  let rewards: Rows
  let values: Rows
  let ends: Rows
  let bootstrap: Rows

  init(seed: UInt64, steps: Int) {
    var random = RandomStream(seed: seed, purpose: "episode")
    func numbers() -> Rows { Rows((0..<steps).map { _ in Float(random.normal()) }) }
    rewards = numbers()
    values = numbers()
    bootstrap = numbers()
    ends = Rows((0..<steps).map { _ in random.below(5) == 0 ? Float(1 + random.below(2)) : 0 })
  }
}

/// A group of agents on a made-up environment, for tests of bits: observations and rewards are random but depend on the
/// actions, so that a difference anywhere spreads.
final class Playground {
  let group: AgentGroup
  let observations: FloatBuffer
  private let next: FloatBuffer
  private let actions: FloatBuffer
  private let rewards: FloatBuffer
  private let ends: FloatBuffer
  private var random: RandomStream
  private var step = 0
  private let episodeSteps: Int

  static func settings(_ algorithm: AlgorithmDescription) -> any AgentSettings {
    if var settings = algorithm.settings as? DQNSettings {
      settings.batchSize = 17
      settings.memory = 64
      return settings
    }
    if var settings = algorithm.settings as? PPOSettings {
      settings.updateEvery = 2
      settings.epochs = 3
      settings.minibatches = 2
      settings.advantage = .gae(lambda: 0.95)
      return settings
    }
    if var settings = algorithm.settings as? DDPGSettings {
      settings.batchSize = 15
      settings.memory = 64
      return settings
    }
    return algorithm.settings
  }

  init(
    _ name: String, agents: Int = 3, clusters: Int = 2, threads: Int, shared: Bool = false,
    settings: (any AgentSettings)? = nil, episodeSteps: Int = 7
  ) throws {
    let algorithm = try Algorithms.named(name)
    group = try AgentGroup(
      algorithm, settings: settings ?? Self.settings(algorithm), count: agents, clusters: clusters, inputs: 11,
      seed: 77,
      episodeSteps: episodeSteps, plannedSteps: 200, shareParameters: shared, threads: threads)
    let rows = agents * clusters
    observations = FloatBuffer(rows * 11)
    next = FloatBuffer(rows * 11)
    actions = FloatBuffer(rows)
    rewards = FloatBuffer(rows)
    ends = FloatBuffer(rows)
    random = RandomStream(seed: 1, purpose: "playground")
    self.episodeSteps = episodeSteps
    for index in 0..<observations.count { observations.pointer[index] = random.uniform() }
  }

  func run(_ steps: Int) throws {
    for _ in 0..<steps {
      step += 1
      group.act(observations.pointer, exploring: true, into: actions.pointer)
      for row in 0..<actions.count {
        for place in row * 11..<row * 11 + 11 {
          next.pointer[place] = (random.uniform() as Float) + 0.1 * actions.pointer[row]
        }
        rewards.pointer[row] = observations.pointer[row * 11] - abs(actions.pointer[row] - 0.5)
        ends.pointer[row] = step % episodeSteps == 0 ? 1 : random.below(20) == 0 ? 2 : 0
      }
      group.store(
        observations: observations.pointer, actions: actions.pointer, rewards: rewards.pointer,
        nextObservations: next.pointer, ends: ends.pointer)
      try group.learn()
      observations.copy(from: next)
    }
  }

  /// Everything the agents hold.
  var contents: [[String: NetworkParameters]] {
    group.agents.map { Dictionary(uniqueKeysWithValues: $0.networks.map { ($0.name, $0.parameters) }) }
  }
  var states: [AgentTrainingState] { group.agents.map(\.trainingState) }

  /// Goes on where another playground is now.
  func take(over other: Playground) throws {
    for (agent, source) in zip(group.agents, other.group.agents) {
      try agent.load(networks: Dictionary(uniqueKeysWithValues: source.networks.map { ($0.name, $0.parameters) }))
      try agent.restore(source.trainingState)
    }
    observations.copy(from: other.observations)
    random = other.random
    step = other.step
  }
}
