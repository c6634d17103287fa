import NeuralNetwork
import Testing

@testable import Checkpoints

@Suite("Summary and transfer")
struct SummaryTests {
  private static var small: Checkpoint {
    let layer = LayerParameters(inputs: 2, outputs: 1, weight: [-1.5, 3], bias: [0.25], activation: .tanh)
    return Checkpoint(
      metadata: Metadata(
        algorithm: "ppo",
        observation: ObservationDescription(kind: "independent", fields: ["limit", "usage"], history: 1),
        action: ActionDescription(kind: .delta, count: 1, increment: 0, scale: 50, minimum: 50, maximum: 1000),
        normalisation: "upstream", reward: "2", seed: 7, configuration: "{}", trainingSteps: 10,
        libraryVersions: ["hdf5": "1.10.8"], extra: ["note": "a\u{1b}[31mb"]),
      agents: [["actor": NetworkParameters(layers: [layer])]],
      training: ["random/exploration": .uint64([1, 2, 3], shape: [3])])
  }

  @Test("says what is in the file, without passing control characters on")
  func text() throws {
    #expect(
      CheckpointSummary(of: Self.small).description == """
        format version  1
        algorithm       ppo
        observation     independent
        fields          limit, usage
        history         1 readings
        action          delta, 1 output
        increment       0m
        scale           50m
        limits          50m to 1000m
        normalisation   upstream
        reward          2
        seed            7
        training steps  10
        compatibility   none
        configuration   {}
        library hdf5    1.10.8
        extra note      a [31mb

        agent 0, actor: 3 parameters, -1.5 to 3.0, mean 0.5833
          layer0  2 → 1  tanh  3 parameters, -1.5 to 3.0, mean 0.5833

        training state: 1 array
          random/exploration  uint64  3
        """)
  }

  @Test("of a file also gives its size and digest")
  func ofFile() throws {
    let folder = try TemporaryFolder()
    try Self.small.write(to: folder.path())
    let summary = try CheckpointSummary(ofFile: folder.path())
    let bytes = try load(folder.path())
    let digest = Array(bytes.dropFirst(512)).withUnsafeBytes { SHA256.hexDigest($0) }
    #expect(summary.fileSize == bytes.count)
    #expect(summary.digest == digest)
    #expect(summary.description.hasSuffix("\n\(bytes.count) bytes, SHA-256 \(digest)"))
    #expect(summary.networks == CheckpointSummary(of: Self.small).networks)
  }

  @Test("transfer copies networks, adds agents, and drops the training state")
  func transfer() throws {
    var checkpoint = Checkpoint.example(agents: 3)
    let before = checkpoint
    try checkpoint.transfer(from: 2, to: [0, 3, 4])
    #expect(checkpoint.agents == [2, 1, 2, 2, 2].map { before.agents[$0] })
    #expect(checkpoint.training == nil)
    #expect(checkpoint.metadata == before.metadata)
  }

  @Test("transfer to the agent itself changes nothing")
  func transferToItself() throws {
    var checkpoint = Checkpoint.example(agents: 2)
    try checkpoint.transfer(from: 1, to: [1])
    #expect(checkpoint == .example(agents: 2))
  }

  @Test(
    "transfer from or to an agent that cannot exist changes nothing", arguments: [(2, [0]), (0, [1, 3]), (0, [-1])])
  func transferRefused(source: Int, targets: [Int]) {
    var checkpoint = Checkpoint.example(agents: 2)
    #expect(refusal { try checkpoint.transfer(from: source, to: targets) }?.reason == .shape)
    #expect(checkpoint == .example(agents: 2))
  }
}
