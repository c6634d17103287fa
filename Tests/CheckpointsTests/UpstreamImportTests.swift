import Foundation
import NeuralNetwork
import Testing
import TestSupport

@testable import Checkpoints

@Suite("Published upstream agents")
struct UpstreamImportTests {
  @Test(
    "are read with the meaning that they were trained with",
    .enabled(if: SharedMaterial.has("reference/upstream-weights/ppo.h5"), "the published weights are not here"),
    arguments: [
      ("dqn", "mdqn", ["q": [42, 64, 128, 64, 3]], ["q": "relu,relu,relu,identity"]),
      (
        "ppo", "ppo", ["actor": [42, 64, 128, 128, 64, 1], "critic": [42, 64, 128, 128, 64, 1]],
        ["actor": "relu,relu,relu,tanh,identity", "critic": "relu,relu,relu,relu,identity"]
      ),
      (
        "ddpg", "ddpg", ["actor": [42, 64, 128, 128, 64, 1], "critic": [43, 64, 128, 128, 64, 1]],
        ["actor": "relu,relu,relu,relu,tanh", "critic": "relu,relu,relu,relu,identity"]
      ),
    ])
  func published(name: String, algorithm: String, widths: [String: [Int]], activations: [String: String]) throws {
    let path = SharedMaterial.file("reference/upstream-weights/\(name).h5").path
    let checkpoint = try Checkpoint.importUpstream(path)
    #expect(checkpoint.metadata.algorithm == algorithm)
    #expect(checkpoint.metadata.compatibility == "upstream")
    #expect(checkpoint.metadata.observation.kind == "shared")
    #expect(checkpoint.metadata.observation.fields.count * checkpoint.metadata.observation.history == 42)
    #expect(checkpoint.metadata.action.kind == (name == "dqn" ? .discrete : .delta))
    #expect(checkpoint.agents.count == 3)
    for agent in checkpoint.agents {
      #expect(agent.mapValues { [$0.inputs] + $0.layers.map(\.outputs) } == widths)
      #expect(agent.mapValues { $0.layers.map(\.activation.rawValue).joined(separator: ",") } == activations)
    }

    let folder = try TemporaryFolder()
    try checkpoint.write(to: folder.path())
    #expect(try Checkpoint.read(folder.path(), including: .everything) == checkpoint)
  }

  @Test(
    "give their published outputs",
    .enabled(if: SharedMaterial.has("reference/upstream-weights/dqn.h5"), "the published weights are not here"),
    arguments: [("dqn", "q", "q_values"), ("ppo", "actor", "actor_mean"), ("ddpg", "actor", "actor_action")])
  func outputs(file: String, network: String, key: String) throws {
    let folder = SharedMaterial.file("reference/upstream-weights")
    let checkpoint = try Checkpoint.importUpstream(folder.appendingPathComponent("\(file).h5").path)
    let goldens = try Golden.load(file: folder.appendingPathComponent("goldens.json"))
    let observations = try goldens["observations"].rows.map { try $0["values"].doubles }
    #expect(observations.count == 77)
    for (index, agent) in checkpoint.agents.enumerated() {
      let parameters = try #require(agent[network])
      let expected = try goldens["agents/\(file)"].rows[index][key].rows
      #expect(expected.count == observations.count)
      for (observation, row) in zip(observations, expected) {
        let output = parameters.output(of: observation)
        #expect(firstDifference(output, try row.doubles, tolerance: 2e-5) == nil)
      }
    }
  }

  @Test("anything else is refused")
  func refused() throws {
    let folder = try TemporaryFolder()
    try save(Array("text".utf8), to: folder.path())
    #expect(
      refusal { try Checkpoint.importUpstream(folder.path()) }?.description
        == "\(folder.path()): is not an HDF5 file, expected published upstream agents")
    let ours = try Checkpoint.example().encoded(for: "")
    try save(Array(ours.dropFirst(UserBlock.size)), to: folder.path())
    #expect(refusal { try Checkpoint.importUpstream(folder.path()) } != nil)
    #expect(refusal { try Checkpoint.importUpstream(folder.path("none")) }?.reason == .system)
  }
}

extension NetworkParameters {
  /// The plain meaning of the weights, in double precision.
  fileprivate func output(of input: [Double]) -> [Double] {
    layers.reduce(input) { x, layer in
      (0..<layer.outputs).map { row in
        var sum = Double(layer.bias[row])
        for column in 0..<layer.inputs { sum += Double(layer.weight[row * layer.inputs + column]) * x[column] }
        switch layer.activation {
        case .relu: return max(0, sum)
        case .tanh: return tanh(sum)
        default: return sum
        }
      }
    }
  }
}
