import NeuralNetwork
import RandomStreams
import TestSupport
import Testing

@testable import Learning

/// One step, one number seen, one number wanted: reward 1 − (action − wanted(observation))².
enum TargetTask {
  static func wanted(_ observation: Float, _ kind: ActionKind) -> Float {
    kind == .instant ? 0.5 + 0.3 * observation : -0.2 + 0.5 * observation
  }

  /// - Returns: the largest distance from the wanted action over the range of observations.
  static func train(_ name: String, _ settings: any AgentSettings, rows: Int, steps: Int, seed: UInt64) throws -> Float
  {
    let algorithm = try Algorithms.named(name)
    let agent = try algorithm.makeAgent(
      settings: settings,
      AgentContext(
        algorithm: name, actionKind: algorithm.actionKind, inputs: 1, rows: rows, seed: seed, episodeSteps: 1,
        plannedSteps: steps))
    var random = RandomStream(seed: seed, purpose: "target task")
    let (x, action, reward, end) = (FloatBuffer(rows), FloatBuffer(rows), FloatBuffer(rows), FloatBuffer(rows))
    for _ in 0..<steps {
      for row in 0..<rows { x.pointer[row] = 2 * random.uniform() - 1 }
      agent.act(x.pointer, rows: rows, exploring: true, into: action.pointer)
      for row in 0..<rows {
        let distance = action.pointer[row] - wanted(x.pointer[row], algorithm.actionKind)
        reward.pointer[row] = 1 - distance * distance
        end.pointer[row] = StepEnd.terminal.rawValue
      }
      agent.store(
        Transitions(
          rows: rows, observations: x.pointer, actions: action.pointer, rewards: reward.pointer,
          nextObservations: x.pointer, ends: end.pointer))
      try agent.learn()
    }
    var worst: Float = 0
    for point in stride(from: Float(-1), through: 1, by: 0.25) {
      x.pointer[0] = point
      agent.act(x.pointer, rows: 1, exploring: false, into: action.pointer)
      worst = max(worst, abs(action.pointer[0] - wanted(point, algorithm.actionKind)))
    }
    withExtendedLifetime((x, action, reward, end)) {}
    return worst
  }
}

@Suite("Continuous control")
struct ContinuousTests {
  @Test("PPO finds the best action", arguments: ["ppo", "ippo"], Compatibility.allCases)
  func ppo(name: String, compatibility: Compatibility) throws {
    var settings = PPOSettings()
    settings.hidden = [32, 32]
    settings.updateEvery = 1
    settings.actorOptimiser.learningRate = 2e-3
    settings.criticOptimiser.learningRate = 3e-3
    settings.deviation = ActionDeviationSchedule(start: 0.5, decrement: 0.05, floor: 0.05, drops: 20)
    settings.compatibility = compatibility
    #expect(try TargetTask.train(name, settings, rows: 256, steps: 150, seed: 3) < 0.1)
  }

  @Test("PPO with generalised advantages and minibatches finds it too")
  func minibatches() throws {
    var settings = PPOSettings()
    settings.hidden = [32, 32]
    settings.updateEvery = 1
    settings.epochs = 5
    settings.minibatches = 4
    settings.advantage = .gae(lambda: 0.95)
    settings.actorOptimiser.learningRate = 1e-3
    settings.deviation = ActionDeviationSchedule(start: 0.5, decrement: 0.05, floor: 0.05, drops: 20)
    #expect(try TargetTask.train("ppo", settings, rows: 256, steps: 150, seed: 3) < 0.1)
  }

  @Test("DDPG finds the best action", arguments: ["ddpg", "iddpg"])
  func ddpg(name: String) throws {
    var settings = DDPGSettings()
    settings.hidden = [32, 32]
    settings.memory = 2000
    settings.noise = OrnsteinUhlenbeckSettings(sigmaMax: 0.5, sigmaMin: 0.1, decayShare: 1)
    let worst = try TargetTask.train(name, settings, rows: 4, steps: 3000, seed: 3)
    #expect(worst < 0.1)
  }

  @Test("discrete PPO learns which arm pays")
  func bandit() throws {
    var settings = PPOSettings()
    settings.hidden = [16]
    settings.updateEvery = 1
    settings.actorOptimiser.learningRate = 3e-3
    let agent = try PPO(
      settings, AgentContext(algorithm: "dppo", actionKind: .discrete(3), inputs: 1, rows: 64, seed: 5, episodeSteps: 1)
    )
    let actions = FloatBuffer(64)
    let x = FloatBuffer(64)
    for _ in 0..<60 {
      agent.act(x.pointer, rows: 64, exploring: true, into: actions.pointer)
      agent.store(
        x.values, actions: actions.values, rewards: actions.values.map { $0 == 1 ? 1 : 0 }, next: x.values,
        ends: [Float](repeating: 2, count: 64))
      try agent.learn()
    }
    agent.act(x.pointer, rows: 64, exploring: true, into: actions.pointer)
    #expect(actions.values.filter { $0 == 1 }.count > 55)
    withExtendedLifetime(x) {}
  }

  @Test("a cut episode bootstraps from the critic, in units of reward; upstream's does not")
  func bootstrap() throws {
    for compatibility in Compatibility.allCases {
      var settings = PPOSettings()
      settings.hidden = [8]
      settings.updateEvery = 1
      settings.compatibility = compatibility
      let agent = try PPO(
        settings, AgentContext(algorithm: "ppo", actionKind: .delta, inputs: 1, episodeSteps: 3))
      agent.store([0], actions: [0], rewards: [1], next: [0.3], ends: [0])
      agent.store([0], actions: [0], rewards: [1], next: [0.4], ends: [2])
      agent.store([0], actions: [0], rewards: [1], next: [0.5], ends: [1])
      agent.estimateAdvantages()
      let value = Workspace(agent.critic.shape, rows: 1, training: false)
      let x = FloatBuffer(1)
      x.pointer[0] = 0.5
      agent.critic.forward(x.pointer, stride: 1, rows: 1, in: value)
      let cut = compatibility == .upstream ? 0 : value.output[0]
      #expect(agent.rollout.bootstrap.pointer[2] == cut)
      #expect(agent.rollout.bootstrap.pointer[0] == 0)
    }
  }
}

@Suite("The catalogue")
struct CatalogueTests {
  @Test("eight algorithms, by name")
  func names() throws {
    #expect(Algorithms.names == ["mdqn", "dmdqn", "ddmdqn", "ppo", "ippo", "dppo", "ddpg", "iddpg"])
    #expect(throws: LearningError.unknownAlgorithm("dpg", known: Algorithms.names)) { try Algorithms.named("dpg") }
    for algorithm in Algorithms.all { try algorithm.settings.validate() }
  }

  @Test("the published switches name algorithms of the catalogue")
  func switches() throws {
    func name(_ base: String, _ switches: PublishedSwitches) throws -> String {
      try Algorithms.variant(of: Algorithms.named(base), switches).name
    }
    #expect(try name("mdqn", PublishedSwitches(double: true)) == "dmdqn")
    #expect(try name("mdqn", PublishedSwitches(double: true, dueling: true)) == "ddmdqn")
    #expect(try name("dmdqn", PublishedSwitches(dueling: true)) == "ddmdqn")
    #expect(try name("ppo", PublishedSwitches(discrete: true)) == "dppo")
    #expect(try name("ppo", PublishedSwitches(instant: true)) == "ippo")
    #expect(try name("ddpg", PublishedSwitches(instant: true)) == "iddpg")
    let dueling = try Algorithms.variant(of: Algorithms.named("mdqn"), PublishedSwitches(dueling: true))
    #expect(dueling.name == "mdqn" && dueling.settings as? DQNSettings == DQNSettings(dueling: true))
    for (base, switches) in [
      ("mdqn", PublishedSwitches(instant: true)), ("ppo", PublishedSwitches(double: true)),
      ("ddpg", PublishedSwitches(discrete: true)), ("ppo", PublishedSwitches(discrete: true, instant: true)),
    ] {
      #expect(throws: LearningError.self) { try name(base, switches) }
    }
  }

  @Test("upstream's DQN gives every memory the last agent's transition")
  func lastAgent() throws {
    var settings = DQNSettings()
    settings.compatibility = .upstream
    let playground = try Playground("mdqn", clusters: 1, threads: 1, settings: settings)
    try playground.run(5)
    let states = playground.states.map { $0.floats["replay/states"] }
    #expect(states[0] == states[2] && states[1] == states[2])
    let correct = try Playground("mdqn", clusters: 1, threads: 1)
    try correct.run(5)
    #expect(correct.states[0].floats["replay/states"] != correct.states[2].floats["replay/states"])
  }

  @Test("actors end as their kind of action asks, upstream's one layer early")
  func outputs() throws {
    func last(_ name: String, _ compatibility: Compatibility) throws -> [Activation] {
      let algorithm = try Algorithms.named(name)
      var settings = algorithm.settings
      if var ppo = settings as? PPOSettings {
        ppo.compatibility = compatibility
        settings = ppo
      }
      if var ddpg = settings as? DDPGSettings {
        ddpg.compatibility = compatibility
        settings = ddpg
      }
      let agent = try algorithm.makeAgent(
        settings: settings, AgentContext(algorithm: name, actionKind: algorithm.actionKind, inputs: 42))
      return agent.networks[0].parameters.layers.suffix(2).map(\.activation)
    }
    #expect(try last("ppo", .correct) == [.relu, .tanh])
    #expect(try last("ppo", .upstream) == [.tanh, .identity])
    #expect(try last("ippo", .correct) == [.relu, .sigmoid])
    #expect(try last("ippo", .upstream) == [.sigmoid, .identity])
    #expect(try last("dppo", .correct) == [.relu, .softmax])
    #expect(try last("dppo", .upstream) == [.relu, .softmax])
    #expect(try last("ddpg", .correct) == [.relu, .tanh])
    #expect(try last("iddpg", .correct) == [.relu, .sigmoid])
    #expect(try last("iddpg", .upstream) == [.relu, .tanh])
  }
}
