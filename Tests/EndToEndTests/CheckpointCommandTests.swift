import Checkpoints
import Foundation
import TestSupport
import Testing

@Suite("marlise checkpoint")
struct CheckpointCommandTests {
  /// A folder with `run/last.h5`: two agents with different weights.
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    let train = try Program.run(["train", "--out", "run"] + JourneyTests.tiny, in: folder)
    try #require(train.code == 0, "\(train.errors)")
  }

  private func show(_ path: String) throws -> [String: Any] {
    let result = try Program.run("checkpoint", "show", "--json", path, in: folder)
    #expect(result.code == 0, "\(result.errors)")
    return try #require(result.json as? [String: Any])
  }

  /// Per agent: what the weights add up to.
  private func means(_ path: String) throws -> [Double] {
    let networks = try #require(try show(path)["networks"] as? [[String: Any]])
    return try networks.map { try #require(($0["parameters"] as? [String: Any])?["mean"] as? Double) }
  }

  @Test("show describes a file for people and for programs")
  func describes() throws {
    let text = try Program.run("checkpoint", "show", "run/last.h5", in: folder)
    #expect(text.code == 0)
    #expect(text.output.contains(/algorithm +mdqn\n/))
    #expect(text.output.contains("agent 1, q: "))
    #expect(text.output.contains("training state: "))
    let object = try show("run/last.h5")
    #expect(object["agents"] as? Int == 2)
    let metadata = try #require(object["metadata"] as? [String: Any])
    #expect(metadata["algorithm"] as? String == "mdqn")
    let configuration = try #require(metadata["configuration"] as? String)
    #expect(try JSONSerialization.jsonObject(with: Data(configuration.utf8)) is [String: Any])
  }

  @Test("verify says for each file whether it is good, and ends with 1 when one is not")
  func verifies() throws {
    #expect(try Program.run("checkpoint", "verify", "run/last.h5", in: folder).code == 0)
    try folder.write("notes.txt", "no checkpoint")
    var bytes = try Data(contentsOf: folder.url.appendingPathComponent("run/last.h5"))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: folder.url.appendingPathComponent("flipped.h5"))
    let result = try Program.run(
      "checkpoint", "verify", "notes.txt", "run/last.h5", "flipped.h5", "none.h5", in: folder)
    #expect(result.code == 1)
    #expect(result.errors == "")
    let lines = result.output.split(separator: "\n")
    #expect(
      lines.map { String($0.prefix { $0 != ":" }) }
        == ["bad  notes.txt", "ok   run/last.h5", "bad  flipped.h5", "bad  none.h5"])
  }

  @Test("a training state that would lead a resumed run out of its memory is bad, and not resumed")
  func hostile() throws {
    var checkpoint = try Checkpoint.read(folder.path("run/last.h5"), including: .everything)
    let place = "agents/1/replay/actions"
    let count = try #require(checkpoint.training?[place]?.count)
    checkpoint.training?[place] = .float32(Array(repeating: 1e7, count: count), shape: [count])
    try checkpoint.write(to: folder.path("run/last.h5"))
    let sentence =
      "run/last.h5: training state 'agents/1/replay/actions' has 10000000.0 at 0, expected whole numbers from 0 to 2"
    let verified = try Program.run("checkpoint", "verify", "run/last.h5", in: folder)
    #expect(verified.code == 1)
    #expect(verified.output == "bad  \(sentence)\n")
    let resumed = try Program.run(["train", "--out", "run", "--resume"] + JourneyTests.tiny, in: folder)
    #expect(resumed.code == 1)
    #expect(resumed.sentence == sentence)
  }

  @Test("transfer gives one agent's weights to others and adds agents")
  func transfers() throws {
    let before = try means("run/last.h5")
    #expect(before[0] != before[1])
    let result = try Program.run(
      "checkpoint", "transfer", "run/last.h5", "--from", "1", "--to", "0", "2", "--out", "three.h5", in: folder)
    #expect(result.code == 0, "\(result.errors)")
    #expect(try means("three.h5") == [before[1], before[1], before[1]])
    #expect(try show("three.h5")["training"] == nil)
    #expect(try means("run/last.h5") == before)
    let all = ["checkpoint", "transfer", "run/last.h5", "--from", "0", "--to", "all", "--out", "three.h5"]
    let refused = try Program.run(all, in: folder)
    #expect(refused.code == 1)
    #expect(try #require(refused.sentence).contains("--force"))
    #expect(try Program.run(all + ["--force"], in: folder).code == 0)
    #expect(try means("three.h5") == [before[0], before[0]])
    let used = try Program.run("infer", "--load-model", "three.h5", "--n-agents", "2", "--once", in: folder)
    #expect(used.code == 0, "\(used.errors)")
  }

  @Test(
    "transfer refuses agents that do not exist, and writes nothing",
    arguments: [
      (["--from", "7", "--to", "0"], 1), (["--from", "0", "--to", "5"], 1), (["--from", "0", "--to", "x"], 2),
    ])
  func refuses(_ agents: [String], _ code: Int) throws {
    let result = try Program.run(["checkpoint", "transfer", "run/last.h5", "--out", "b.h5"] + agents, in: folder)
    #expect(result.code == Int32(code))
    #expect(result.sentence != nil)
    #expect(folder.names == ["run"])
  }

  @Test("import refuses what is not the published layout")
  func foreign() throws {
    try folder.write("notes.txt", "no weights")
    let result = try Program.run("checkpoint", "import", "notes.txt", "--out", "b.h5", in: folder)
    #expect(result.code == 1)
    #expect(try #require(result.sentence).hasPrefix("notes.txt: "))
    #expect(!folder.has("b.h5"))
  }

  @Test(
    "import turns published agents into a checkpoint that can be run",
    .enabled(if: SharedMaterial.has("reference/upstream-weights/ppo.h5"), "the published weights are not here"),
    arguments: [("dqn", "mdqn"), ("ppo", "ppo"), ("ddpg", "ddpg")])
  func published(name: String, algorithm: String) throws {
    let source = SharedMaterial.file("reference/upstream-weights/\(name).h5").path
    let result = try Program.run("checkpoint", "import", source, "--n-agents", "2", "--out", "b.h5", in: folder)
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output == "b.h5: \(algorithm), 2 agents\n")
    #expect(try Program.run("checkpoint", "verify", "b.h5", in: folder).code == 0)
    let used = try Program.run("infer", "--load-model", "b.h5", "--n-agents", "2", "--once", in: folder)
    #expect(used.code == 0, "\(used.errors)")
    #expect(try Program.run("checkpoint", "import", source, "--n-agents", "4", "--out", "c.h5", in: folder).code == 2)
  }
}
