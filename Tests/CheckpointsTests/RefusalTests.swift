import CHDF5
import Foundation
import NeuralNetwork
import Testing

@testable import Checkpoints

/// The error of a call that must fail with one; any other outcome is a failed test.
func refusal<Result>(_ body: () throws -> Result) -> CheckpointError? {
  do {
    _ = try body()
    Issue.record("accepted, expected an error")
  } catch let error as CheckpointError {
    return error
  } catch {
    Issue.record("threw \(type(of: error)): \(error)")
  }
  return nil
}

/// One thing that is wrong in an otherwise good checkpoint.
struct Defect: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let reason: CheckpointError.Reason
  /// The sentence, after the file's name.
  let sentence: String
  let spoil: @Sendable (inout Checkpoint) -> Void

  init(
    _ name: String, _ reason: CheckpointError.Reason, _ sentence: String,
    _ spoil: @escaping @Sendable (inout Checkpoint) -> Void
  ) {
    testDescription = name
    self.reason = reason
    self.sentence = sentence
    self.spoil = spoil
  }
}

@Suite("Refused content")
struct RefusalTests {
  static let unwritable: [Defect] = [
    Defect("no agents", .schema, "/agents is empty, expected at least one agent") { $0.agents = [] },
    Defect("other networks", .schema, "/agents/1 has the networks 'actor', expected 'actor', 'critic' as in /agents/0")
    {
      $0.agents[1]["critic"] = nil
    },
    Defect("layers do not chain", .shape, "/agents/0/actor/layer1/weight is 4×6, expected 4×5: layer0 has 5 outputs") {
      $0.agents[0]["actor"]?.layers[1] = LayerParameters(
        inputs: 6, outputs: 4, weight: [Float](repeating: 0, count: 24), bias: [0, 0, 0, 0], activation: .relu)
    },
    Defect("NaN weight", .nonFinite, "/agents/1/critic/layer0/weight holds nan at [2, 1], expected finite numbers") {
      $0.agents[1]["critic"]?.layers[0].weight[13] = .nan
    },
    Defect("infinite bias", .nonFinite, "/agents/0/actor/layer2/bias holds -inf at [0], expected finite numbers") {
      $0.agents[0]["actor"]?.layers[2].bias[0] = -.infinity
    },
    Defect("no layers", .shape, "/agents/0/actor has 0 layers, expected 1 to 64") {
      $0.agents[0]["actor"]?.layers = []
    },
    Defect(
      "other observation", .shape,
      "/agents/0 has no network with 18 inputs, expected one for 6 readings of 3 fields (observation 'shared')"
    ) { $0.metadata.observation.history = 6 },
    Defect(
      "other action", .shape, "/agents/0 has no network with 3 outputs, expected one for the action 'discrete'"
    ) {
      $0.metadata.action.kind = .discrete
      $0.metadata.action.count = 3
    },
    Defect(
      "later format", .version, "/@format_version is 2, expected 1: written by another version of marlise"
    ) { $0.metadata.formatVersion = 2 },
    Defect("no algorithm", .schema, "/@algorithm is empty, expected a name") { $0.metadata.algorithm = "" },
    Defect("negative steps", .schema, "/@training_steps is -1, expected 0 or more") { $0.metadata.trainingSteps = -1 },
    Defect("no fields", .shape, "/@observation_fields has 0 names, expected 1 to 4096") {
      $0.metadata.observation.fields = []
    },
    Defect("limits upside down", .schema, "/@action_maximum is 40 millicores, expected at least the minimum, 50") {
      $0.metadata.action.maximum = 40
    },
    Defect("NaN in training state", .nonFinite, "/training/x holds a value that is not a number") {
      $0.training = ["x": .float64([1, .nan], shape: [2])]
    },
  ]

  @Test("neither written nor read", arguments: unwritable)
  func refused(_ defect: Defect) throws {
    let folder = try TemporaryFolder()
    var checkpoint = Checkpoint.example()
    defect.spoil(&checkpoint)
    let written = refusal { try checkpoint.write(to: folder.path()) }
    #expect(written?.reason == defect.reason)
    #expect(written?.description == "\(folder.path()): \(defect.sentence)")
    #expect(folder.names == [])

    // A file that says so in spite of that, with a right digest.
    try save(try checkpoint.encoded(for: ""), to: folder.path())
    let read = refusal { try Checkpoint.read(folder.path(), including: .everything) }
    #expect(read?.reason == defect.reason)
  }

  @Test(
    "not writable",
    arguments: [
      Defect("text with a zero byte", .schema, "/@reward contains a zero byte, expected text") {
        $0.metadata.reward = "a\0b"
      },
      Defect("bias too long", .shape, "/agents/0/actor/layer0/bias has 6 values, expected 5, the rows of weight") {
        $0.agents[0]["actor"]?.layers[0].bias.append(0)
      },
      Defect("weights of another number", .shape, "/agents/0/actor/layer0/weight has 31 values, expected 5×6") {
        $0.agents[0]["actor"]?.layers[0].weight.append(0)
      },
      Defect("array of another number", .shape, "/training/x has 3 values, expected 2×2 and at most 268435456") {
        $0.training = ["x": .int64([1, 2, 3], shape: [2, 2])]
      },
      Defect("array without dimensions", .shape, "/training/x has 0 dimensions, expected 1 to 4") {
        $0.training = ["x": .uint64([1], shape: [])]
      },
      Defect(
        "sizes that overflow", .shape, "/training/x has a dimension of 9223372036854775807, expected 0 to 268435456"
      ) {
        $0.training = ["x": .float32([], shape: [.max, .max])]
      },
      Defect("array inside an array", .schema, "/training/a/b lies inside 'a', which is itself an array") {
        $0.training = ["a": .int64([], shape: [0]), "a/b": .int64([], shape: [0])]
      },
      Defect("too deep", .shape, "/training/1/2/3/4/5/6/7/8/9 is 9 levels deep, expected at most 8") {
        $0.training = ["1/2/3/4/5/6/7/8/9": .int64([], shape: [0])]
      },
    ])
  func notWritable(_ defect: Defect) throws {
    let folder = try TemporaryFolder()
    var checkpoint = Checkpoint.example()
    defect.spoil(&checkpoint)
    let written = refusal { try checkpoint.write(to: folder.path()) }
    #expect(written?.reason == defect.reason)
    #expect(written?.description == "\(folder.path()): \(defect.sentence)")
    #expect(folder.names == [])
  }

  @Test("names that are no names", arguments: ["", "/", "a/", "/a", "a//b", ".", "..", "a b", "a\0", "a\n"])
  func names(_ name: String) throws {
    let folder = try TemporaryFolder()
    var checkpoint = Checkpoint.example()
    checkpoint.training = [name: .int64([1], shape: [1])]
    #expect(refusal { try checkpoint.write(to: folder.path()) }?.reason == .schema)
  }

  @Test("the networks that an algorithm needs")
  func wrongNetworks() {
    let checkpoint = Checkpoint.example()
    #expect(throws: Never.self) { try checkpoint.requireNetworks(["critic", "actor"], file: "a.h5") }
    #expect(
      refusal { try checkpoint.requireNetworks(["q"], file: "a.h5") }?.description
        == "a.h5: /agents/0 has the networks 'actor', 'critic', expected 'q' (algorithm 'ppo')")
  }
}
