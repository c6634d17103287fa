import NeuralNetwork
import Testing

@testable import Learning

/// Promised of our own kernels.
@Suite("Same seed, same bytes")
struct DeterminismTests {
  @Test("one thread and two give the same bytes", arguments: Algorithms.names, [1, 2, 3])
  func threads(name: String, agents: Int) throws {
    try Kernels.using(.own) { try threads(name, agents: agents) }
  }

  private func threads(_ name: String, agents: Int) throws {
    let one = try Playground(name, agents: agents, clusters: 9, threads: 1)
    let two = try Playground(name, agents: agents, clusters: 9, threads: 2)
    try one.run(40)
    try two.run(40)
    #expect(one.contents == two.contents)
    #expect(one.states == two.states)
    #expect(one.group.diagnostics == two.group.diagnostics)
    let fresh = try Playground(name, agents: agents, clusters: 9, threads: 1)
    #expect(one.contents != fresh.contents, "something was learnt")
  }

  @Test("a resumed run equals one that never stopped", arguments: Algorithms.names, [1, 33])
  func resume(name: String, stop: Int) throws {
    try Kernels.using(.own) { try resume(name, stop: stop) }
  }

  private func resume(_ name: String, stop: Int) throws {
    let whole = try Playground(name, threads: 1)
    try whole.run(stop)
    let resumed = try Playground(name, threads: 2)
    try resumed.take(over: whole)
    #expect(resumed.contents == whole.contents && resumed.states == whole.states)
    try whole.run(30)
    try resumed.run(30)
    #expect(resumed.contents == whole.contents)
    #expect(resumed.states == whole.states)
  }

  @Test("agents that share parameters learn as one", arguments: ["ddmdqn", "ppo", "ddpg"])
  func shared(name: String) throws {
    try Kernels.using(.own) { try shared(name) }
  }

  private func shared(_ name: String) throws {
    let one = try Playground(name, agents: 4, clusters: 3, threads: 1, shared: true)
    let two = try Playground(name, agents: 4, clusters: 3, threads: 2, shared: true)
    #expect(one.group.agents.count == 1 && one.group.rows == 12)
    try one.run(30)
    try two.run(30)
    #expect(one.contents == two.contents)
  }

  @Test("the greedy policy decides as its agent does, alone and in company", arguments: Algorithms.names)
  func greedy(name: String) throws {
    try Kernels.using(.own) { try greedy(name) }
  }

  private func greedy(_ name: String) throws {
    let playground = try Playground(name, agents: 3, clusters: 50, threads: 1)
    try playground.run(20)
    let acted = FloatBuffer(150)
    playground.group.act(playground.observations.pointer, exploring: false, into: acted.pointer)
    for threads in [1, 2] {
      // In blocks that share, and in an order that does not.
      let blocks = try GreedyPolicy(
        algorithm: name, sets: playground.contents, assignment: (0..<150).map { $0 / 50 }, threads: threads)
      let decided = FloatBuffer(150)
      blocks.decide(playground.observations.pointer, into: decided.pointer)
      #expect(decided.values == acted.values)
      let mixed = try GreedyPolicy(
        algorithm: name, sets: playground.contents, assignment: (0..<150).map { $0 % 3 }, threads: threads)
      let shuffled = FloatBuffer(playground.observations.count)
      for row in 0..<150 {
        (shuffled.pointer + row * 11).update(
          from: playground.observations.pointer + (row % 3 * 50 + row / 3) * 11, count: 11)
      }
      mixed.decide(shuffled.pointer, into: decided.pointer)
      #expect((0..<150).allSatisfy { decided.pointer[$0] == acted.pointer[$0 % 3 * 50 + $0 / 3] })
    }
  }

  @Test("a state of another agent is refused and changes nothing", arguments: Algorithms.names)
  func refusal(name: String) throws {
    let playground = try Playground(name, threads: 1)
    try playground.run(10)
    let agent = playground.group.agents[0]
    let before = agent.trainingState
    for key in before.floats.keys {
      var broken = before
      broken.floats[key]?.append(0)
      #expect(throws: LearningError.self) { try agent.restore(broken) }
      if before.floats[key]?.isEmpty == false {
        broken = before
        broken.floats[key]?[0] = .nan
        #expect(throws: LearningError.self) { try agent.restore(broken) }
      }
    }
    for key in before.integers.keys {
      var broken = before
      broken.integers[key] = [-1]
      #expect(throws: LearningError.self) { try agent.restore(broken) }
      broken.integers[key] = [.max]
      #expect(throws: LearningError.self) { try agent.restore(broken) }
    }
    for key in before.words.keys {
      var broken = before
      broken.words[key] = []
      #expect(throws: LearningError.self) { try agent.restore(broken) }
    }
    #expect(agent.trainingState == before)
    let networks = agent.networks.map(\.parameters)
    #expect(throws: LearningError.self) {
      try agent.load(networks: [agent.networks[0].name: networks[0]].filter { _ in agent.networks.count > 1 })
    }
    #expect(agent.networks.map(\.parameters) == networks)
  }
}
