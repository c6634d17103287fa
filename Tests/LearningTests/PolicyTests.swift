import Foundation
import NeuralNetwork
import RandomStreams
import Testing

@testable import Learning

@Suite("Greedy policies from given networks")
struct PolicyTests {
  static func network(_ inputs: Int, _ layers: [(Int, Activation)], seed: UInt64 = 1) -> NetworkParameters {
    var random = RandomStream(seed: seed, purpose: "policy tests")
    return NetworkParameters(
      NetworkShape(inputs: inputs, layers: layers.map { ($0.0, $0.1) }), .linear, using: &random)
  }

  @Test("upstream's published actor form runs: a bounded fourth layer, then a linear one")
  func upstreamActor() throws {
    let actor = Self.network(
      42, [(64, .relu), (128, .relu), (128, .relu), (64, .tanh), (1, .identity)])
    let policy = try GreedyPolicy(algorithm: "ppo", sets: [["actor": actor, "critic": actor]])
    let (x, action) = (FloatBuffer(42), FloatBuffer(1))
    for index in 0..<42 { x.pointer[index] = Float(index) / 42 }
    policy.decide(x.pointer, into: action.pointer)
    let network = try MLP(actor)
    let workspace = Workspace(network.shape, rows: 1, training: false)
    network.forward(x.pointer, stride: 42, rows: 1, in: workspace)
    #expect(action.pointer[0] == workspace.output[0])
    #expect(policy.actionKind == .delta && policy.inputs == 42)
  }

  @Test("the first of equal maxima is chosen")
  func ties() throws {
    var q = Self.network(2, [(5, .identity)])
    q.layers[0].weight = [Float](repeating: 0, count: 10)
    q.layers[0].bias = [0, 3, 1, 3, 3]
    let policy = try GreedyPolicy(algorithm: "mdqn", sets: [["q": q]])
    #expect(policy.actionKind == .discrete(5))
    let (x, action) = (FloatBuffer(2), FloatBuffer(1))
    policy.decide(x.pointer, into: action.pointer)
    #expect(action.pointer[0] == 1)
    withExtendedLifetime(x) {}
  }

  @Test("networks that do not fit are refused in a sentence")
  func refusals() throws {
    let q = Self.network(4, [(8, .relu), (3, .identity)])
    #expect(throws: LearningError.missingNetwork("q, actor, or feature with advantage", found: ["critic"])) {
      try GreedyPolicy(algorithm: "ppo", sets: [["critic": q]])
    }
    #expect(throws: LearningError.self) { try GreedyPolicy(algorithm: "nope", sets: [["q": q]]) }
    #expect(throws: LearningError.self) { try GreedyPolicy(algorithm: "mdqn", sets: []) }
    #expect(throws: LearningError.self) { try GreedyPolicy(algorithm: "mdqn", sets: [["q": q]], assignment: [1]) }
    #expect(throws: LearningError.self) { try GreedyPolicy(algorithm: "ppo", sets: [["actor": q]]) }
    let other = Self.network(5, [(8, .relu), (3, .identity)])
    let error = #expect(throws: LearningError.self) {
      try GreedyPolicy(algorithm: "mdqn", sets: [["q": q], ["q": other]])
    }
    #expect(error?.description == "network 'of agent 1': layer 0 of the network has 5 inputs, expected 4")
  }

  @Test("settings survive JSON", arguments: Algorithms.all.map(\.name))
  func settings(name: String) throws {
    let algorithm = try Algorithms.named(name)
    #expect(try algorithm.settings.survivesJSON())
  }

  @Test("groups refuse what they cannot do")
  func groups() throws {
    let algorithm = try Algorithms.named("mdqn")
    #expect(throws: LearningError.self) { try AgentGroup(algorithm, count: 0, inputs: 4, seed: 1) }
    #expect(throws: LearningError.self) { try AgentGroup(algorithm, count: 1, inputs: 4, seed: 1, threads: 3) }
    #expect(throws: LearningError.self) { try AgentGroup(algorithm, count: 1, clusters: 2000, inputs: 4, seed: 1) }
    #expect(throws: LearningError.self) {
      try AgentGroup(algorithm, actionKind: .delta, count: 1, inputs: 4, seed: 1)
    }
  }
}

extension AgentSettings {
  func survivesJSON() throws -> Bool {
    try JSONDecoder().decode(Self.self, from: try JSONEncoder().encode(self)) == self
  }
}
