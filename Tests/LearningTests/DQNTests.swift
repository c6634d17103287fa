import NeuralNetwork
import RandomStreams
import TestSupport
import Testing

@testable import Learning

/// A corridor of five places: left or right, a reward of 1 for arriving at the right end, which is the end. With a discount
/// of ½ the best values are known exactly.
struct Corridor {
  static let length = 5
  static let inputs = 5

  /// Trains on random starts, one transition per step, and returns the agent.
  static func train(
    _ name: String, steps: Int, seed: UInt64, edit: (inout DQNSettings) -> Void = { _ in }
  ) throws
    -> any Agent
  {
    let algorithm = try Algorithms.named(name)
    guard var settings = algorithm.settings as? DQNSettings else { throw LearningError.threads }
    settings.hidden = [32, 32]
    settings.featureWidths = [32]
    settings.streamWidths = [16]
    settings.batchSize = 32
    settings.memory = 500
    settings.discount = 0.5
    settings.tau = 0.05
    settings.optimiser.learningRate = 2e-3
    settings.epsilon = EpsilonSchedule(start: 1, end: 1, decay: 1)
    edit(&settings)
    let agent = try settings.makeAgent(
      AgentContext(algorithm: name, actionKind: .discrete(2), inputs: inputs, seed: seed))
    var random = RandomStream(seed: seed, purpose: "corridor")
    let (x, y) = (FloatBuffer(inputs), FloatBuffer(inputs))
    let (action, reward, end) = (FloatBuffer(1), FloatBuffer(1), FloatBuffer(1))
    for _ in 0..<steps {
      let place = random.below(length - 1)
      observe(place, x)
      agent.act(x.pointer, rows: 1, exploring: true, into: action.pointer)
      let next = max(0, place + (action.pointer[0] == 1 ? 1 : -1))
      observe(next, y)
      reward.pointer[0] = next == length - 1 ? 1 : 0
      end.pointer[0] = next == length - 1 ? StepEnd.terminal.rawValue : StepEnd.goesOn.rawValue
      agent.store(
        Transitions(
          rows: 1, observations: x.pointer, actions: action.pointer, rewards: reward.pointer,
          nextObservations: y.pointer, ends: end.pointer))
      try agent.learn()
    }
    // The pointers above do not keep their buffers alive.
    withExtendedLifetime((x, y, action, reward, end)) {}
    return agent
  }

  static func observe(_ place: Int, _ x: FloatBuffer) {
    for index in 0..<inputs { x.pointer[index] = index == place ? 1 : 0 }
  }

  /// Q*: walk to the end from the place that the action leads to.
  static func value(_ place: Int, _ action: Int) -> Double {
    let next = max(0, place + (action == 1 ? 1 : -1))
    if next == length - 1 { return 1 }
    return (0..<length - 1 - next).reduce(1) { value, _ in value * 0.5 }
  }
}

@Suite("DQN family")
struct DQNTests {
  @Test("learns the exact values of a corridor", arguments: ["mdqn", "dmdqn", "ddmdqn"])
  func corridor(name: String) throws {
    let agent = try #require(try Corridor.train(name, steps: 4000, seed: 11) as? DQN)
    let workspace = QWorkspace(agent.policy, rows: 1, training: false)
    let x = FloatBuffer(Corridor.inputs)
    let action = FloatBuffer(1)
    for place in 0..<Corridor.length - 1 {
      Corridor.observe(place, x)
      agent.policy.forward(x.pointer, stride: Corridor.inputs, rows: 1, in: workspace)
      for choice in 0..<2 {
        #expect(abs(Double(workspace.q[choice]) - Corridor.value(place, choice)) < 0.05, "\(name) \(place) \(choice)")
      }
      agent.act(x.pointer, rows: 1, exploring: false, into: action.pointer)
      #expect(action.pointer[0] == 1)
    }
    withExtendedLifetime((x, action)) {}
  }

  @Test("exploration follows the schedule: decisions count, and only while exploring")
  func exploring() throws {
    var settings = DQNSettings()
    settings.epsilon = EpsilonSchedule(start: 1, end: 0, decay: 50)
    let agent = try DQN(settings, AgentContext(algorithm: "mdqn", actionKind: .discrete(3), inputs: 2, rows: 4))
    let (x, action) = (FloatBuffer(8), FloatBuffer(4))
    agent.act(x.pointer, rows: 4, exploring: false, into: action.pointer)
    #expect(agent.takeDiagnostics().exploration == 1)
    for _ in 0..<10 { agent.act(x.pointer, rows: 4, exploring: true, into: action.pointer) }
    #expect(agent.takeDiagnostics().exploration == settings.epsilon.value(at: 40))
    withExtendedLifetime((x, action)) {}
  }

  @Test("ε is that of the golden table")
  func epsilonTable() throws {
    let table = try Golden.load("tables")["epsilon"]
    let schedule = EpsilonSchedule(
      start: try table["start"].double, end: try table["end"].double, decay: try table["decay"].double)
    #expect(schedule == EpsilonSchedule())
    for row in try table["rows"].rows {
      #expect(abs(schedule.value(at: try row["step"].int) - (try row["epsilon"].double)) < 1e-12)
    }
  }

  @Test("no update before the memory holds a batch, then as many as asked for, when asked for")
  func updatePeriod() throws {
    var settings = DQNSettings()
    settings.batchSize = 6
    settings.updateEvery = 2
    settings.updatesPerRound = 3
    let agent = try DQN(settings, AgentContext(algorithm: "mdqn", actionKind: .discrete(3), inputs: 2, rows: 2))
    var updates: [Int] = []
    for _ in 0..<6 {
      agent.store([0, 0, 0, 0], actions: [0, 0], rewards: [0, 0], next: [0, 0, 0, 0], ends: [0, 0])
      updates.append(try agent.learn().updates)
    }
    #expect(updates == [0, 0, 0, 3, 0, 3])
  }

  @Test("a time limit does not end the future, unless upstream is asked for", arguments: Compatibility.allCases)
  func timeLimit(compatibility: Compatibility) throws {
    let memory = ReplayBuffer(capacity: 4, inputs: 1, batch: 1)
    memory.append(rewards: [0, 0, 0], ends: [0, 1, 2], stopAtTimeLimit: compatibility == .upstream)
    #expect(Array(memory.continues.values.prefix(3)) == (compatibility == .upstream ? [1, 0, 0] : [1, 1, 0]))
  }

  @Test("a reward that is not a number is reported with agent, step and quantity")
  func nonFinite() throws {
    var settings = DQNSettings()
    settings.batchSize = 2
    let agent = try DQN(settings, AgentContext(algorithm: "mdqn", actionKind: .discrete(3), inputs: 1, index: 7))
    #expect(throws: LearningError.nonFinite(agent: 7, step: 1, quantity: "the loss")) {
      for _ in 0..<2 {
        agent.store([0], actions: [0], rewards: [.nan], next: [0], ends: [0])
        try agent.learn()
      }
    }
  }

  @Test("settings outside their range are refused by name")
  func settings() throws {
    var settings = DQNSettings()
    settings.memory = 100
    #expect(throws: LearningError.setting("memory", found: "100", expected: "batchSize to 100,000,000")) {
      try settings.validate()
    }
    #expect(throws: LearningError.self) {
      try DQNSettings().makeAgent(AgentContext(algorithm: "mdqn", actionKind: .delta, inputs: 3))
    }
  }
}

@Suite("Replay")
struct ReplayTests {
  @Test("a sample holds each transition at most once, and all are equally likely", arguments: 0..<5 as Range<UInt64>)
  func sampling(seed: UInt64) {
    let memory = ReplayBuffer(capacity: 20, inputs: 1, batch: 5)
    for _ in 0..<13 { memory.append(rewards: [0], ends: [0], stopAtTimeLimit: false) }
    var random = RandomStream(seed: seed, purpose: "replay test")
    var hits = [Int](repeating: 0, count: 20)
    for _ in 0..<13_000 {
      memory.draw(5, using: &random)
      let sample = (0..<5).map { Int(memory.sample[$0]) }
      if Set(sample).count != 5 { Issue.record("repeated: \(sample)") }
      for place in sample { hits[place] += 1 }
    }
    #expect(hits[13...].allSatisfy { $0 == 0 })
    #expect(hits[..<13].allSatisfy { abs($0 - 5000) < 300 })
  }

  @Test("the oldest transition makes room")
  func ring() {
    let memory = ReplayBuffer(capacity: 3, inputs: 1, batch: 1)
    for reward in 0..<5 { memory.append(rewards: [Float(reward)], ends: [0], stopAtTimeLimit: false) }
    #expect(memory.rewards.values == [3, 4, 2])
    #expect(memory.count == 3 && memory.position == 2)
  }
}

extension ReplayBuffer {
  /// Transitions between observations of zero.
  func append(rewards: [Float], ends: [Float], stopAtTimeLimit: Bool) {
    let (zero, rewards, ends) = (Rows(rewards.map { _ in 0 }), Rows(rewards), Rows(ends))
    withExtendedLifetime((zero, rewards, ends)) {
      append(
        Transitions(
          rows: rewards.buffer.count, observations: zero.pointer, actions: zero.pointer, rewards: rewards.pointer,
          nextObservations: zero.pointer, ends: ends.pointer), stopAtTimeLimit: stopAtTimeLimit)
    }
  }
}
