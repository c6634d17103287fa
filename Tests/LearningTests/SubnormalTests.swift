import NeuralNetwork
import RandomStreams
import Testing

@testable import Learning

@Suite("Numbers too small to be normal")
struct SubnormalTests {
  @Test("moments of weights without gradient end at 0, not among the slow subnormal numbers", arguments: [1, 2])
  func moments(threads: Int) throws {
    let algorithm = try Algorithms.named("mdqn")
    var settings = try #require(algorithm.settings as? DQNSettings)
    settings.batchSize = 16
    settings.memory = 32
    let group = try AgentGroup(algorithm, settings: settings, count: 3, inputs: 4, seed: 5, threads: threads)
    var random = RandomStream(seed: 6, purpose: "subnormal test")
    let (observations, actions, rewards) = (FloatBuffer(3 * 4), FloatBuffer(3), FloatBuffer(3))
    let goesOn = FloatBuffer(3)
    for step in 0..<1500 {
      for index in 0..<12 { observations.pointer[index] = random.uniform() }
      // The last input falls silent; soon no remembered transition has it, and its weights' gradients are 0.
      if step >= 64 { for agent in 0..<3 { observations.pointer[agent * 4 + 3] = 0 } }
      for agent in 0..<3 { rewards.pointer[agent] = random.uniform() }
      group.act(observations.pointer, exploring: true, into: actions.pointer)
      group.store(
        observations: observations.pointer, actions: actions.pointer, rewards: rewards.pointer,
        nextObservations: observations.pointer, ends: goesOn.pointer)
      try group.learn()
    }
    for agent in group.agents {
      let first = try #require(agent.trainingState.floats["optimiser/first"])
      #expect(first.contains(0), "the silent input's moments")
      #expect(!first.contains { $0.isSubnormal })
    }
  }

  @Test("learning leaves the thread's arithmetic as it was", arguments: [1, 2])
  func restored(threads: Int) throws {
    let playground = try Playground("mdqn", threads: threads)
    try playground.run(40)
    let small = Float.leastNormalMagnitude
    #expect(playground.group.diagnostics.contains { $0.updates > 0 })
    #expect((small * Float(playground.observations.count) / 1000).isSubnormal)
  }
}
