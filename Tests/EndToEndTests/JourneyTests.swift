import Foundation
import Glibc
import Testing

@Suite("From training to inference")
struct JourneyTests {
  static let tiny = ["--episodes", "2", "--steps", "5", "--n-agents", "2"]

  @Test("a trained run is judged and used", arguments: ["mdqn", "ippo", "ddpg"])
  func journey(algorithm: String) throws {
    let folder = try TemporaryFolder()
    let train = try Program.run(["train", "--algorithm", algorithm, "--out", "run"] + JourneyTests.tiny, in: folder)
    #expect(train.code == 0, "\(train.errors)")
    #expect(train.output == "")
    #expect(train.errors.contains("train \(algorithm): 2/2 episodes"))
    #expect(folder.has("run/last.h5"))
    #expect(try folder.text("run/metrics.csv").split(separator: "\n").count == 3)

    let again = try Program.run("train", "--config", "run/config.yaml", "--out", "again", in: folder)
    #expect(again.code == 0, "\(again.errors)")
    #expect(
      FileManager.default.contentsEqual(atPath: folder.path("run/last.h5"), andPath: folder.path("again/last.h5")))

    let evaluation = try Program.run(
      "eval", "--checkpoint", "run/last.h5", "--n-agents", "2", "--seeds", "2", "--duration", "10", "--json", in: folder
    )
    #expect(evaluation.code == 0, "\(evaluation.errors)")
    let policies = try #require((evaluation.json as? [String: Any])?["policies"] as? [[String: Any]])
    #expect(policies.map { $0["name"] as? String } == ["static", "threshold", algorithm])

    let inference = try Program.run(
      "infer", "--load-model", "run/last.h5", "--n-agents", "2", "--fast", "--duration", "5", "--json", in: folder)
    #expect(inference.code == 0, "\(inference.errors)")
    let rounds = inference.output.split(separator: "\n")
    #expect(rounds.count == 5)
    for round in rounds {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(round.utf8)) as? [String: Any])
      #expect((object["pods"] as? [Any])?.count == 2)
    }
  }

  @Test("an output folder that exists is refused, unless --force")
  func existingFolder() throws {
    let folder = try TemporaryFolder()
    #expect(try Program.run(["train", "--out", "run"] + JourneyTests.tiny, in: folder).code == 0)
    let before = try Data(contentsOf: folder.url.appendingPathComponent("run/last.h5"))
    let refused = try Program.run(["train", "--seed", "2", "--out", "run"] + JourneyTests.tiny, in: folder)
    #expect(refused.code == 1)
    #expect(try #require(refused.sentence).contains("--force"))
    #expect(try Data(contentsOf: folder.url.appendingPathComponent("run/last.h5")) == before)
    #expect(
      try Program.run(["train", "--seed", "2", "--out", "run", "--force"] + JourneyTests.tiny, in: folder).code == 0)
    #expect(try Data(contentsOf: folder.url.appendingPathComponent("run/last.h5")) != before)
  }

  @Test(
    "missing, cut off and foreign checkpoints are refused in one sentence",
    arguments: [["eval", "--checkpoint"], ["infer", "--once", "--load-model"]],
    ["none.h5", "cut.h5", "foreign.h5", "."])
  func badCheckpoint(command: [String], name: String) throws {
    let folder = try TemporaryFolder()
    #expect(try Program.run(["train", "--out", "run"] + JourneyTests.tiny, in: folder).code == 0)
    let whole = try Data(contentsOf: folder.url.appendingPathComponent("run/last.h5"))
    try whole.prefix(whole.count / 2).write(to: folder.url.appendingPathComponent("cut.h5"))
    try folder.write("foreign.h5", "weights, honestly")
    let result = try Program.run(command + [name, "--n-agents", "2"], in: folder)
    #expect(result.code == 1)
    #expect(result.output == "")
    #expect(try #require(result.sentence).hasPrefix(name + ": "), "\(result.errors)")
  }

  @Test("Ctrl-C during training saves what was learnt and ends with 130", .timeLimit(.minutes(5)))
  func interruption() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.path("run"), withIntermediateDirectories: true)
    let growth = try FileGrowth(folders: folder.path("run"))
    #expect(mkfifo(folder.path("errors"), 0o600) == 0)
    // Opened for both directions, so that neither side waits for the other.
    let errors = open(folder.path("errors"), O_RDWR | O_NONBLOCK | O_CLOEXEC)
    defer { close(errors) }
    let program = try Program(
      ["train", "--episodes", "100000000", "--steps", "5", "--out", "run", "--force"], in: folder, output: "/dev/null",
      errors: folder.path("errors"))
    // Rows of metrics.csv, or a complaint: whatever comes first.
    let grew = try growth.wait(for: "metrics.csv", or: errors)
    program.signal(SIGINT)
    #expect(try program.end() == 130)
    #expect(grew)
    #expect(try Program.run("checkpoint", "verify", "run/last.h5", in: folder).code == 0)
    let rows = try folder.text("run/metrics.csv").split(separator: "\n")
    #expect(rows.count > 1)
    #expect(Set(rows.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }).count == 1)
  }
}

@Suite("Runs that are gone on with")
struct ResumedRunTests {
  static let run = [
    "train", "--episodes", "60", "--steps", "10", "--n-agents", "4", "--clusters", "2", "--init-resources", "1000",
    "--share-parameters", "--observation", "autoscale-v1", "--action-basis", "usage", "--reward", "slo", "--curriculum",
    "episodes=25 load=0.5 pods=2", "pods=2-4 pool_per_pod=150-400",
  ]

  private static let files = ["last.h5", "best.h5", "metrics.csv", "metrics.jsonl", "result.json"]

  @Test("a run that stops early says why, on the screen and in its folder", arguments: ["mdqn", "ppo"])
  func stopsEarly(algorithm: String) throws {
    let folder = try TemporaryFolder()
    let words = Self.run + ["--algorithm", algorithm, "--patience", "2", "--min-delta", "1e9"]
    let whole = try Program.run(words + ["--out", "whole"], in: folder)
    #expect(whole.code == 0, "\(whole.errors)")
    #expect(
      whole.errors.contains("stopped early after 30 episodes, because 2 validations in a row were no better than"))
    #expect(try folder.text("whole/result.json").contains("\"reason\" : \"stopped early\""))
    #expect(whole.errors.contains("stage 2 of 2 from episode 25 on: pods=2-4 pool_per_pod=150-400"))

    // There is nothing left to do.
    let again = try Program.run(words + ["--out", "whole", "--resume"], in: folder)
    #expect(again.errors.contains("stopped early after 30 episodes"))
  }

  /// Begins with weights of another run, which are gone afterwards, and stops at its first save.
  private func runWithWeights(_ folder: TemporaryFolder) throws {
    let words = ["train", "--steps", "5", "--n-agents", "2", "--learning-rate", "0.001"]
    #expect(try Program.run(words + ["--episodes", "1", "--seed", "9", "--out", "first"], in: folder).code == 0)
    let begun = words + ["--load-weights", "first/last.h5"]
    #expect(try Program.run(begun + ["--episodes", "60", "--out", "whole"], in: folder).code == 0)
    #expect(try Program.run(begun + ["--episodes", "50", "--out", "part"], in: folder).code == 0)
    try FileManager.default.removeItem(atPath: folder.path("first"))
  }

  @Test("a run that began with other weights goes on with its own, from its own config.yaml")
  func loadedWeights() throws {
    let folder = try TemporaryFolder()
    try runWithWeights(folder)
    let resumed = try Program.run(
      "train", "--config", "part/config.yaml", "--episodes", "60", "--out", "part", "--resume", in: folder)
    #expect(resumed.code == 0, "\(resumed.errors)")
    // best.h5 is of before, and says how many episodes were planned then.
    for name in Self.files where name != "best.h5" {
      let paths = ["whole", "part"].map { folder.path("\($0)/\(name)") }
      #expect(FileManager.default.contentsEqual(atPath: paths[0], andPath: paths[1]), "\(name)")
    }
  }

  @Test("a run is not resumed with other settings of its learner, and keeps its config.yaml")
  func otherLearner() throws {
    let folder = try TemporaryFolder()
    try runWithWeights(folder)
    let before = try folder.text("part/config.yaml")
    let refused = try Program.run(
      "train", "--steps", "5", "--n-agents", "2", "--out", "part", "--resume", in: folder)
    #expect(refused.code == 1)
    #expect(
      refused.sentence
        == "part/last.h5: the checkpoint was trained with other settings: optimiser.learningRate was 0.001 and is 0.0001; "
        + "resuming needs the options of the first run")
    #expect(try folder.text("part/config.yaml") == before)
  }

  @Test(
    "under upstream compatibility limits are carried unless --start says otherwise, also from config.yaml",
    arguments: [([], "random"), (["--compatibility", "upstream"], "carried")])
  func start(words: [String], expected: String) throws {
    let folder = try TemporaryFolder()
    func start(_ out: String, _ words: [String]) throws -> String? {
      let train = try Program.run(["train", "--out", out] + words, in: folder)
      #expect(train.code == 0, "\(train.errors)")
      let show = try Program.run("checkpoint", "show", "--json", "\(out)/last.h5", in: folder)
      let metadata = (try show.json as? [String: Any])?["metadata"] as? [String: Any]
      let configuration = Data(try #require(metadata?["configuration"] as? String).utf8)
      let settings = try JSONSerialization.jsonObject(with: configuration) as? [String: Any]
      return (settings?["training"] as? [String: Any])?["start"] as? String
    }
    #expect(try start("run", words + JourneyTests.tiny) == expected)
    #expect(try start("again", ["--config", "run/config.yaml"]) == expected)
    let other = expected == "random" ? "carried" : "random"
    #expect(try start("other", words + ["--start", other] + JourneyTests.tiny) == other)
    #expect(try start("same", ["--config", "other/config.yaml"]) == other)
  }

  @Test("killed at any time, a run goes on to the same files", .timeLimit(.minutes(5)))
  func killed() throws {
    let folder = try TemporaryFolder()
    let words = Self.run.map { $0 == "60" ? "120" : $0 } + ["--patience", "1000"]
    #expect(try Program.run(words + ["--out", "whole"], in: folder).code == 0)
    try FileManager.default.createDirectory(atPath: folder.path("parts"), withIntermediateDirectories: true)
    func start() -> String { folder.has("parts/last.h5") ? "--resume" : "--force" }
    // In the midst of the first save; and whenever the rows so far have been written again.
    for (signal, file) in [(SIGKILL, "last.h5"), (SIGINT, ""), (SIGKILL, "")] {
      let growth = try FileGrowth(folders: folder.path("parts"))
      let program = try Program(
        words + ["--out", "parts", start()], in: folder, output: "/dev/null", errors: "/dev/null")
      try growth.wait(for: file)
      program.signal(signal)
      _ = try program.end()
    }
    let result = try Program.run(words + ["--out", "parts", start()], in: folder)
    #expect(result.code == 0, "\(result.errors)")
    for name in Self.files {
      let paths = ["whole", "parts"].map { folder.path("\($0)/\(name)") }
      #expect(FileManager.default.contentsEqual(atPath: paths[0], andPath: paths[1]), "\(name)")
    }
  }
}

/// Waits, without polling, until a file of some folders is written to.
struct FileGrowth: ~Copyable {
  private let watch: Int32

  init(folders: String...) throws {
    watch = inotify_init1(Int32(IN_CLOEXEC))
    try #require(watch >= 0)
    for folder in folders {
      try #require(inotify_add_watch(watch, folder, UInt32(IN_MODIFY)) >= 0, "cannot watch \(folder)")
    }
  }

  deinit { close(watch) }

  /// - Parameters:
  ///   - name: a part of the file's name; any file where it is empty. A file that is replaced as a whole is written under a name
  ///     that holds its own.
  ///   - other: a descriptor that may be read from first.
  /// - Returns: false when something can be read from `other` first.
  @discardableResult
  func wait(for name: String, or other: Int32 = -1) throws -> Bool {
    var waiting = [
      pollfd(fd: watch, events: Int16(POLLIN), revents: 0), pollfd(fd: other, events: Int16(POLLIN), revents: 0),
    ]
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
      poll(&waiting, 2, -1)
      if waiting[1].revents != 0 { return false }
      guard waiting[0].revents != 0 else { continue }
      let count = read(watch, &bytes, bytes.count)
      try #require(count > 0)
      // A header of 16 bytes, then the name.
      if name.isEmpty || String(decoding: bytes[..<count], as: UTF8.self).contains(name) { return true }
    }
  }
}
