import Foundation
import Glibc
import Testing

@Suite("Sweeps")
struct SweepCommandTests {
  static let sweep = [
    "sweep", "--set", "episodes=2", "steps=5", "n_agents=2", "--grid", "learning_rate=0.001,0.01", "hidden=8,8:8",
    "--seeds", "2", "--jobs", "2",
  ]

  private func ranking(_ folder: TemporaryFolder, _ name: String) throws -> [[String: Any]] {
    let json = try JSONSerialization.jsonObject(with: Data(try folder.text("\(name)/ranking.json").utf8))
    return try #require((json as? [String: Any])?["ranking"] as? [[String: Any]])
  }

  @Test("a sweep ranks its settings, keeps its runs, and a wider one trains only what is new")
  func ranks() throws {
    let folder = try TemporaryFolder()
    let result = try Program.run(Self.sweep + ["--out", "sweep"], in: folder)
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output.contains("learning_rate") && result.output.contains("2/2"))
    let entries = try ranking(folder, "sweep")
    #expect(entries.count == 4)
    let means = entries.compactMap { $0["mean"] as? Double }
    #expect(means == means.sorted(by: >) && means.count == 4)
    #expect(try folder.text("sweep/ranking.csv").split(separator: "\n").count == 5)
    #expect(try folder.text("sweep/runs.csv").split(separator: "\n").count == 9)

    // Every run is an ordinary one.
    let first = try #require((entries[0]["runs"] as? [[String: Any]])?.first?["folder"] as? String)
    let again = try Program.run("train", "--config", "sweep/\(first)/config.yaml", "--out", "again", in: folder)
    #expect(again.code == 0, "\(again.errors)")
    #expect(
      FileManager.default.contentsEqual(
        atPath: folder.path("sweep/\(first)/best.h5"), andPath: folder.path("again/best.h5")))

    let logs = try runs(folder, "sweep").map { try folder.text("sweep/runs/\($0)/log.txt") }
    var wider = Self.sweep
    wider[9] = "3"
    #expect(try Program.run(wider + ["--out", "sweep", "--json"], in: folder).code == 0)
    #expect(try runs(folder, "sweep").count == 12)
    let kept = try runs(folder, "sweep").map { try folder.text("sweep/runs/\($0)/log.txt") }
    #expect(logs.allSatisfy(kept.contains))
  }

  private func runs(_ folder: TemporaryFolder, _ name: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path("\(name)/runs")).sorted()
  }

  @Test("a sweep that was killed, and one that was interrupted, go on to the same end", .timeLimit(.minutes(5)))
  func resumes() throws {
    let folder = try TemporaryFolder()
    let long = [
      "sweep", "--set", "episodes=120", "steps=5", "n_agents=2", "--grid", "hidden=8,16", "--seeds", "1", "--jobs", "2",
    ]
    #expect(try Program.run(long + ["--out", "long"], in: folder).code == 0)
    let names = try runs(folder, "long")
    for name in names {
      try FileManager.default.createDirectory(
        atPath: folder.path("cut/runs/\(name)"), withIntermediateDirectories: true)
    }
    // In the midst of a run's first save; and when anything is written: by the sweep, or by a run that it left behind.
    for (signal, file) in [(SIGKILL, "last.h5"), (SIGTERM, "")] {
      let growth = try FileGrowth(folders: folder.path("cut"), folder.path("cut/runs/\(names[0])"))
      let program = try Program(long + ["--out", "cut"], in: folder, output: "/dev/null", errors: "/dev/null")
      try growth.wait(for: file)
      program.signal(signal)
      _ = try program.end()
    }
    let result = try Program.run(long + ["--out", "cut"], in: folder)
    #expect(result.code == 0, "\(result.errors)")
    for name in ["ranking.json", "ranking.csv", "runs.csv"] {
      #expect(try folder.text("cut/\(name)") == folder.text("long/\(name)"))
    }
    for run in names {
      for name in ["last.h5", "best.h5", "metrics.csv", "metrics.jsonl", "result.json"] {
        let paths = ["long", "cut"].map { folder.path("\($0)/runs/\(run)/\(name)") }
        #expect(FileManager.default.contentsEqual(atPath: paths[0], andPath: paths[1]), "\(run)/\(name)")
      }
    }
  }

  @Test("a sweep of runs that begin with other weights goes on after an interruption")
  func loadedWeights() throws {
    let folder = try TemporaryFolder()
    #expect(try Program.run(["train", "--out", "first"] + JourneyTests.tiny, in: folder).code == 0)
    let words = [
      "sweep", "--set", "episodes=2", "steps=5", "n_agents=2", "load_weights=first/last.h5", "--grid",
      "learning_rate=0.0003", "--seeds", "1", "--out", "sweep",
    ]
    #expect(try Program.run(words, in: folder).code == 0)
    let ranking = try folder.text("sweep/ranking.csv")
    // As an interruption after the last save leaves it.
    let run = try #require(try runs(folder, "sweep").first)
    try FileManager.default.removeItem(atPath: folder.path("sweep/runs/\(run)/result.json"))
    let again = try Program.run(words, in: folder)
    #expect(again.code == 0, "\(again.errors)")
    #expect(try folder.text("sweep/ranking.csv") == ranking)
  }

  @Test("a setting that cannot be trained is marked, and the others are ranked; only failures are a failure")
  func failures() throws {
    let folder = try TemporaryFolder()
    var words = [
      "sweep", "--set", "episodes=2", "steps=5", "n_agents=2", "--grid", "algorithm=mdqn,ppo", "clip=0.1", "--seeds",
      "1",
    ]
    let result = try Program.run(words + ["--out", "sweep"], in: folder)
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output.contains("clip is nothing that mdqn has"))
    let entries = try ranking(folder, "sweep")
    #expect((entries[0]["setting"] as? [String: String])?["algorithm"] == "ppo")
    #expect(entries[1]["mean"] is NSNull)
    #expect(result.errors.contains("1 of 2 runs failed"))

    words[6] = "algorithm=mdqn,ddpg"
    let failed = try Program.run(words + ["--out", "failed"], in: folder)
    #expect(failed.code == 1)
    #expect(failed.errors.contains("error: all 2 runs failed; the first: "))
  }

  @Test(
    "what cannot be swept is refused before anything is trained",
    arguments: [
      ([], "needs --grid"), (["--grid", "lerning_rate=1,2"], "did you mean 'learning_rate'?"),
      (["--grid", "learning_rate=x"], "learning_rate"), (["--grid", "learning_rate"], "KEY=VALUE"),
      (["--grid", "seed=1,2"], "--seeds"), (["--grid", "clip=0.1..0.2"], "--random"),
      (["--grid", "out=a,b"], "the sweep decides"), (["--grid", "clip=0.1", "clip=0.2"], "twice"),
      (["--set", "episodes", "--grid", "clip=0.1"], "KEY=VALUE"),
    ])
  func refusals(arguments: [String], expected: String) throws {
    let folder = try TemporaryFolder()
    let result = try Program.run(["sweep"] + arguments, in: folder)
    #expect(result.code == 2)
    #expect(try #require(result.sentence).contains(expected), "\(result.errors)")
    #expect(folder.names == [])
  }

  @Test("a sweep is a file, too")
  func file() throws {
    let folder = try TemporaryFolder()
    try folder.write("base.yaml", "episodes: 2\nsteps: 5\nn_agents: 2\nalgorithm: ppo\n")
    try folder.write(
      "sweep.yaml", "train: base.yaml\ngrid: [\"learning_rate=1e-4..1e-2:log\"]\nrandom: 2\nseeds: 1\nout: sweep\n")
    let result = try Program.run("sweep", "sweep.yaml", in: folder)
    #expect(result.code == 0, "\(result.errors)")
    #expect(try ranking(folder, "sweep").count == 2)
    #expect(try Program.run("sweep", "sweep.yaml", "--config", "sweep.yaml", in: folder).code == 2)
  }
}
