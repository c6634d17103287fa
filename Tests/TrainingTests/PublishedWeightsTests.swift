import Checkpoints
import Foundation
import Learning
import NeuralNetwork
import TestSupport
import Testing

/// The published agents, through the whole way that `infer --load_weights` takes: import, policy, decision; and their
/// critics, which learning continues from.
@Suite(
  "Published agents reproduce their published outputs",
  .enabled(if: SharedMaterial.has("reference/upstream-weights/goldens.json"), "the published weights are not here"))
struct PublishedWeightsTests {
  static let folder = SharedMaterial.file("reference/upstream-weights")

  private static func agents(_ name: String) throws -> Checkpoint {
    try Checkpoint.importUpstream(folder.appendingPathComponent("\(name).h5").path)
  }

  /// Rows of floats that stay where they are.
  private final class Observations {
    let buffer: FloatBuffer
    let count: Int
    let width: Int
    init(_ rows: [[Float]]) {
      count = rows.count
      width = rows.first?.count ?? 0
      buffer = FloatBuffer(count * width)
      buffer.values = rows.flatMap { $0 }
    }
  }

  private static func observations(_ goldens: Golden) throws -> [[Float]] {
    try goldens["observations"].rows.map { try $0["values"].floats }
  }

  private static func outputs(_ parameters: NetworkParameters, _ rows: [[Float]]) throws -> [Float] {
    let (network, input) = (try MLP(parameters), Observations(rows))
    let workspace = Workspace(network.shape, rows: input.count, training: false)
    network.forward(input.buffer.pointer, stride: input.width, rows: input.count, in: workspace)
    return withExtendedLifetime(input) {
      Array(UnsafeBufferPointer(start: workspace.output, count: input.count * network.shape.outputs))
    }
  }

  private static func decisions(_ checkpoint: Checkpoint, _ agent: Int, _ rows: [[Float]]) throws -> [Float] {
    let policy = try GreedyPolicy(
      algorithm: checkpoint.metadata.algorithm, sets: checkpoint.agents,
      assignment: Array(repeating: agent, count: rows.count))
    let (input, actions) = (Observations(rows), FloatBuffer(rows.count))
    policy.decide(input.buffer.pointer, into: actions.pointer)
    return withExtendedLifetime(input) { actions.values }
  }

  private static func flat(_ golden: Golden) throws -> [Double] { try golden.rows.flatMap { try $0.doubles } }

  @Test("DQN: values and greedy actions", arguments: Kernels.allCases, 0..<3)
  func dqn(kernels: Kernels, agent: Int) throws {
    try Kernels.using(kernels) {
      let goldens = try Golden.load(file: Self.folder.appendingPathComponent("goldens.json"))
      let (checkpoint, rows) = (try Self.agents("dqn"), try Self.observations(goldens))
      let expected = try goldens["agents/dqn"].rows[agent]
      let q = try Self.outputs(try #require(checkpoint.agents[agent]["q"]), rows)
      #expect(firstDifference(q, try Self.flat(try expected["q_values"]), tolerance: 2e-5) == nil)
      let actions = try Self.decisions(checkpoint, agent, rows)
      #expect(actions == (try Self.flat(try expected["greedy_action"])).map(Float.init))
    }
  }

  @Test("PPO: actions and values", arguments: Kernels.allCases, 0..<3)
  func ppo(kernels: Kernels, agent: Int) throws {
    try Kernels.using(kernels) {
      let goldens = try Golden.load(file: Self.folder.appendingPathComponent("goldens.json"))
      let (checkpoint, rows) = (try Self.agents("ppo"), try Self.observations(goldens))
      let expected = try goldens["agents/ppo"].rows[agent]
      let actions = try Self.decisions(checkpoint, agent, rows)
      #expect(firstDifference(actions, try Self.flat(try expected["actor_mean"]), tolerance: 2e-5) == nil)
      let applied = actions.map { min(max($0, -1), 1) }
      #expect(firstDifference(applied, try Self.flat(try expected["applied_action"]), tolerance: 2e-5) == nil)
      let values = try Self.outputs(try #require(checkpoint.agents[agent]["critic"]), rows)
      #expect(firstDifference(values, try Self.flat(try expected["value"]), tolerance: 2e-5) == nil)
    }
  }

  @Test("DDPG: actions, and values of given and of own actions", arguments: Kernels.allCases, 0..<3)
  func ddpg(kernels: Kernels, agent: Int) throws {
    try Kernels.using(kernels) {
      let goldens = try Golden.load(file: Self.folder.appendingPathComponent("goldens.json"))
      let (checkpoint, rows) = (try Self.agents("ddpg"), try Self.observations(goldens))
      let expected = try goldens["agents/ddpg"].rows[agent]
      let actions = try Self.decisions(checkpoint, agent, rows)
      #expect(firstDifference(actions, try Self.flat(try expected["actor_action"]), tolerance: 2e-5) == nil)
      let critic = try #require(checkpoint.agents[agent]["critic"])
      let probes = try Self.flat(try goldens["probe_actions"]).map(Float.init)
      for (key, taken) in [("q_at_probe", probes), ("q_at_actor", actions)] {
        let values = try Self.outputs(critic, zip(rows, taken).map { $0 + [$1] })
        #expect(firstDifference(values, try Self.flat(try expected[key]), tolerance: 2e-5) == nil, "\(key)")
      }
    }
  }
}
