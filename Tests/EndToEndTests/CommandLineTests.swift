import Foundation
import Testing

@Suite("A wrong command line or configuration")
struct CommandLineTests {
  @Test(
    "is answered by a suggestion and exit code 2",
    arguments: [
      (["tain"], "did you mean 'train'?"),
      (["train", "--epsodes", "3"], "did you mean '--episodes'?"),
      (["train", "--algorithm", "dpg"], "did you mean 'ddpg'?"),
      (["train", "--workload", "diurnl"], "did you mean 'diurnal'?"),
      (["eval", "--polices", "static"], "did you mean '--policies'?"),
      (["eval", "--policies", "treshold"], "did you mean 'threshold'?"),
      (["infer", "--load-modl", "a.h5"], "did you mean '--load_model'?"),
      (["checkpoint", "shw", "a.h5"], "did you mean 'show'?"),
    ])
  func suggestion(_ arguments: [String], _ hint: String) throws {
    let result = try Program.run(arguments)
    #expect(result.code == 2)
    #expect(result.output == "")
    #expect(try #require(result.sentence).contains(hint), "\(result.errors)")
  }

  @Test(
    "says what was expected",
    arguments: [
      (["train", "--episodes", "many"], "a whole number"), (["train", "--episodes", "0"], "between 1 and"),
      (["train", "--discount", "1.5"], "at most 1"), (["infer", "--hack", "-1"], "--hack"),
      (["train", "--init-resources", "100"], "3 pods"), (["train", "--priorities", "1", "1"], "one per pod (3)"),
      (["eval", "--trace-start", "3"], "needs --trace"), (["train", "--actions", "4"], "3, 5 or 11"),
      (["train", "stray"], "unexpected argument"), (["train", "--episodes", "3", "--episodes", "4"], "given twice"),
      (["checkpoint", "verify"], "FILE"), (["checkpoint", "transfer", "a.h5", "--from", "0"], "--to"),
    ])
  func expectation(_ arguments: [String], _ phrase: String) throws {
    let result = try Program.run(arguments)
    #expect(result.code == 2)
    #expect(try #require(result.sentence).contains(phrase), "\(result.errors)")
  }

  @Test(
    "in a file is named by line and column, and ends with 1",
    arguments: [
      ("episodes: 2\nepsodes: 3\n", "2:1"), ("seed: 1\nepisodes: many\n", "2:11"), ("episodes: [1\n", "2:1"),
      ("algorithm: dpg\n", "1:12"), ("episodes: 2\nepisodes: 3\n", "2:1"), ("- 1\n", "1:1"),
      ("priorities: [1, 1]\n", "1:13"),
    ])
  func file(_ text: String, _ place: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("run.yaml", text)
    let result = try Program.run("train", "--config", "run.yaml", "--out", "run", in: folder)
    #expect(result.code == 1)
    #expect(try #require(result.sentence).hasPrefix("run.yaml:\(place): "), "\(result.errors)")
    #expect(folder.names == ["run.yaml"])
  }

  @Test("a missing configuration file is one sentence")
  func missingFile() throws {
    let folder = try TemporaryFolder()
    let result = try Program.run("train", "--config", "none.yaml", in: folder)
    #expect(result.code == 1)
    #expect(try #require(result.sentence).hasPrefix("none.yaml: "))
  }

  @Test("what --print-config prints is accepted by --config, and a flag overrides it", arguments: ["train", "eval"])
  func roundTrip(_ command: String) throws {
    let folder = try TemporaryFolder()
    let first = try Program.run(
      command, "--workload", "bursty", "--n-agents", "2", "--priorities", "1", "0.5", "--print-config", in: folder)
    #expect(first.code == 0)
    try folder.write("a.yaml", first.output)
    let second = try Program.run(command, "--config", "a.yaml", "--print-config", in: folder)
    #expect(second.code == 0)
    #expect(second.output == first.output)
    let third = try Program.run(command, "--config", "a.yaml", "--seed", "77", "--print-config", in: folder)
    #expect(third.output.contains("seed: 77\n"))
    #expect(folder.names == ["a.yaml"])
  }
}
