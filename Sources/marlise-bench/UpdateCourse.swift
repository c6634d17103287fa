import Learning
import NeuralNetwork
import RandomStreams

/// Agents that take `updates` gradient steps each whenever they are told to.
final class UpdateCourse {
  private let group: AgentGroup
  private let updates: Int
  private let observations: FloatBuffer
  private let actions: FloatBuffer
  private let rewards: FloatBuffer
  private let ends: FloatBuffer
  private var random = RandomStream(seed: 2, purpose: "bench")

  init(_ name: String, agents: Int, threads: Int, updates: Int, inputs: Int) throws {
    let algorithm = try Algorithms.named(name)
    var settings = algorithm.settings
    if var dqn = settings as? DQNSettings {
      dqn.updatesPerRound = updates
      settings = dqn
    }
    if var ppo = settings as? PPOSettings {
      ppo.epochs = updates
      // Epochs by the hundred on one rollout are for timing; small steps keep them finite.
      ppo.actorOptimiser.learningRate = 1e-6
      ppo.criticOptimiser.learningRate = 1e-6
      settings = ppo
    }
    if var ddpg = settings as? DDPGSettings {
      ddpg.updatesPerRound = updates
      settings = ddpg
    }
    group = try AgentGroup(algorithm, settings: settings, count: agents, inputs: inputs, seed: 1, threads: threads)
    self.updates = updates
    observations = FloatBuffer(agents * inputs)
    actions = FloatBuffer(agents)
    rewards = FloatBuffer(agents)
    ends = FloatBuffer(agents)
  }

  /// Seconds per update, without the acting and storing that make updates due.
  func run(_ clock: Clock) throws -> Double {
    while !group.agents[0].isUpdateDue { step() }
    let start = clock.now()
    try group.learn()
    return (clock.now() - start) / Double(group.agents.count * updates)
  }

  private func step() {
    for index in 0..<observations.count { observations.pointer[index] = random.uniform() }
    for index in 0..<rewards.count { rewards.pointer[index] = random.uniform() }
    group.act(observations.pointer, exploring: true, into: actions.pointer)
    group.store(
      observations: observations.pointer, actions: actions.pointer, rewards: rewards.pointer,
      nextObservations: observations.pointer, ends: ends.pointer)
  }
}
