import Foundation
import NeuralNetwork
import Testing

@testable import Checkpoints

@Suite("What is written is read")
struct RoundTripTests {
  @Test("every field, every element type, unicode", arguments: [1, 2, 3, 11] as [Int])
  func everything(agents: Int) throws {
    let folder = try TemporaryFolder()
    let checkpoint = Checkpoint.example(agents: agents, seed: UInt64(agents))
    try checkpoint.write(to: folder.path())
    #expect(try Checkpoint.read(folder.path(), including: .everything) == checkpoint)
    #expect(folder.names == ["a.h5"])
  }

  @Test("weights only leaves the training state in the file")
  func weightsOnly() throws {
    let folder = try TemporaryFolder()
    var checkpoint = Checkpoint.example()
    try checkpoint.write(to: folder.path())
    checkpoint.training = nil
    #expect(try Checkpoint.read(folder.path(), including: .weights) == checkpoint)
  }

  @Test("no training state and an empty one are different things")
  func emptyTraining() throws {
    let folder = try TemporaryFolder()
    var checkpoint = Checkpoint.example(training: false)
    try checkpoint.write(to: folder.path("none.h5"))
    #expect(try Checkpoint.read(folder.path("none.h5"), including: .everything).training == nil)
    checkpoint.training = [:]
    try checkpoint.write(to: folder.path("empty.h5"))
    #expect(try Checkpoint.read(folder.path("empty.h5"), including: .everything).training == [:])
  }

  @Test("sign of zero and subnormal numbers survive")
  func exactBits() throws {
    let folder = try TemporaryFolder()
    var checkpoint = Checkpoint.example(training: false)
    let values: [Float] = [-0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -.leastNormalMagnitude]
    checkpoint.agents[1]["actor"]?.layers[0].weight.replaceSubrange(0..<4, with: values)
    try checkpoint.write(to: folder.path())
    let read = try Checkpoint.read(folder.path(), including: .weights)
    let weight = try #require(read.agents[1]["actor"]?.layers[0].weight)
    #expect(weight.prefix(4).map(\.bitPattern) == values.map(\.bitPattern))
  }

  @Test("a replay memory of 5000 observations of 42 numbers")
  func largeArray() throws {
    let folder = try TemporaryFolder()
    var random = TestRandom(seed: 5)
    var checkpoint = Checkpoint.example()
    let values = (0..<5000 * 42).map { _ in Float(bitPattern: UInt32.random(in: 0..<0x7f80_0000, using: &random)) }
    checkpoint.training = ["agents/0/replay/observations": .float32(values, shape: [5000, 42])]
    try checkpoint.write(to: folder.path())
    #expect(try Checkpoint.read(folder.path(), including: .everything) == checkpoint)
  }

  @Test("long texts and many entries")
  func bigMetadata() throws {
    let folder = try TemporaryFolder()
    var checkpoint = Checkpoint.example()
    checkpoint.metadata.configuration = String(repeating: "{\"é\": 1}", count: 40_000)
    checkpoint.metadata.observation = ObservationDescription(
      kind: "independent", fields: (0..<6).map { "field \($0)" }, history: 1)
    for index in 0..<300 { checkpoint.metadata.extra["key \(index)"] = "value \(index)" }
    checkpoint.metadata.trainingSteps = .max
    try checkpoint.write(to: folder.path())
    #expect(try Checkpoint.read(folder.path(), including: .everything) == checkpoint)
  }

  @Test("writing over an old file replaces it; through a symbolic link, the link stays")
  func overwrite() throws {
    let folder = try TemporaryFolder()
    try Checkpoint.example(agents: 3, seed: 1).write(to: folder.path())
    try FileManager.default.createSymbolicLink(atPath: folder.path("latest.h5"), withDestinationPath: "a.h5")
    let second = Checkpoint.example(agents: 1, seed: 2)
    try second.write(to: folder.path("latest.h5"))
    #expect(try Checkpoint.read(folder.path(), including: .everything) == second)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.path("latest.h5")) == "a.h5")
    #expect(folder.names == ["a.h5", "latest.h5"])
  }

  @Test("equal content gives equal bytes")
  func deterministicBytes() throws {
    let folder = try TemporaryFolder()
    try Checkpoint.example(agents: 11).write(to: folder.path("a.h5"))
    try Checkpoint.example(agents: 1).write(to: folder.path("other.h5"))
    try Checkpoint.example(agents: 11).write(to: folder.path("b.h5"))
    #expect(try load(folder.path("a.h5")) == load(folder.path("b.h5")))
    // A second generation, from what was read.
    try Checkpoint.read(folder.path("a.h5"), including: .everything).write(to: folder.path("c.h5"))
    #expect(try load(folder.path("a.h5")) == load(folder.path("c.h5")))
  }

  @Test("many threads write and read at once")
  func concurrency() async throws {
    let folder = try TemporaryFolder()
    let paths = (0..<8).map { folder.path("\($0).h5") }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for (index, path) in paths.enumerated() {
        group.addTask {
          let checkpoint = Checkpoint.example(seed: UInt64(index))
          for _ in 0..<5 {
            try checkpoint.write(to: path)
            if try Checkpoint.read(path, including: .everything) != checkpoint { return false }
            if (try? Checkpoint.read(path + ".missing", including: .weights)) != nil { return false }
          }
          return true
        }
      }
      for try await same in group { #expect(same) }
    }
  }
}
