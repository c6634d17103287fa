import Foundation
import NeuralNetwork

@testable import Checkpoints

/// A file name of its own, in a folder of its own; removed with everything in it at the end of its scope.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("marlise-checkpoints-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String = "a.h5") -> String { url.appendingPathComponent(name).path }
  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted() }
}

/// SplitMix64: tests vary content by seed without depending on other rooms.
struct TestRandom: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

extension NetworkParameters {
  /// Random weights for the given widths; relu everywhere but in the last layer.
  static func random(_ widths: [Int], output: Activation = .identity, using random: inout TestRandom) -> Self {
    var layers: [LayerParameters] = []
    for index in 1..<widths.count {
      let (inputs, outputs) = (widths[index - 1], widths[index])
      layers.append(
        LayerParameters(
          inputs: inputs, outputs: outputs,
          weight: (0..<inputs * outputs).map { _ in Float.random(in: -1...1, using: &random) },
          bias: (0..<outputs).map { _ in Float.random(in: -1...1, using: &random) },
          activation: index == widths.count - 1 ? output : .relu))
    }
    return NetworkParameters(layers: layers)
  }
}

extension Checkpoint {
  /// `count` agents with an actor and a critic over two readings of three fields.
  static func example(agents count: Int = 2, seed: UInt64 = 1, training: Bool = true) -> Checkpoint {
    var random = TestRandom(seed: seed)
    let agents: [[String: NetworkParameters]] = (0..<count).map { _ in
      [
        "actor": .random([6, 5, 4, 1], output: .tanh, using: &random),
        "critic": .random([6, 5, 1], using: &random),
      ]
    }
    return Checkpoint(
      metadata: Metadata(
        algorithm: "ppo",
        observation: ObservationDescription(kind: "shared", fields: ["limit", "usage", "müde 🐌"], history: 2),
        action: ActionDescription(kind: .delta, count: 1, increment: 0, scale: 50, minimum: 50, maximum: 1000),
        normalisation: "upstream", reward: "2", seed: .max, configuration: "{\"name\": \"größe – 負荷\\n\"}",
        trainingSteps: 123_456, libraryVersions: ["hdf5": "1.10.8", "openblas.kernel": "SkylakeX"],
        compatibility: "upstream", extra: ["note": "", "ключ": "значение", "many\nlines": "a\tb\nc"]),
      agents: agents, training: training ? exampleTraining : nil)
  }

  private static var exampleTraining: [String: TrainingArray] {
    [
      "agents/0/optimizer/actor/m": .float32(
        [0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -.infinity, 3], shape: [2, 3]),
      "agents/0/optimizer/step": .int64([.min, .max], shape: [2]),
      "agents/0/replay/observations": .float32((0..<24).map { Float($0) / 3 }, shape: [2, 3, 2, 2]),
      "agents/0/replay/empty": .float32([], shape: [0, 42]),
      "best": .float64([-.infinity, .pi, .leastNonzeroMagnitude], shape: [3]),
      "random/exploration": .uint64([.max, 0, 7], shape: [3]),
    ]
  }
}

/// Damages the bytes of a file and makes the header fit again, to reach what lies behind the digest.
func resealed(_ bytes: [UInt8]) -> [UInt8] {
  bytes.withUnsafeBytes { UserBlock(describing: $0) }.bytes + bytes.dropFirst(UserBlock.size)
}

func save(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
func load(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
