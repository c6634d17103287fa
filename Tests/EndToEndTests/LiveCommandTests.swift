import Checkpoints
import Foundation
import Glibc
import Testing

/// `infer` and its companions against `marlise emulate`, both as processes of their own.
@Suite("On a cluster")
struct LiveCommandTests {
  /// An emulated cluster for as long as the test needs it.
  final class Emulator {
    let folder: TemporaryFolder
    private let program: Program

    init(_ arguments: [String] = []) throws {
      folder = try TemporaryFolder()
      let growth = try FolderWatch(folder.url.path)
      program = try Program(
        ["emulate", "--kubeconfig", "kubeconfig", "--housekeeping", "1"] + arguments, in: folder,
        output: folder.path("out"),
        errors: folder.path("err"))
      try growth.wait { [folder] in
        folder.has("kubeconfig") && (try? folder.text("kubeconfig").contains("token")) == true
      }
    }

    deinit {
      program.signal(SIGTERM)
      _ = try? program.end()
    }

    /// Runs `infer` on it to its end.
    func infer(_ arguments: String...) throws -> Program.Result {
      try Program.run(
        ["infer", "--kubeconfig", "kubeconfig", "--metrics", "kubelet", "--state-file", "s", "--hack", "0"]
          + arguments, in: folder)
    }

    /// Starts it.
    func start(_ arguments: String...) throws -> Program {
      try Program(
        ["infer", "--kubeconfig", "kubeconfig", "--metrics", "kubelet", "--state-file", "s", "--hack", "0"]
          + arguments, in: folder, output: folder.path("infer-out"), errors: folder.path("infer-err"))
    }

    /// The limits that a look without acting finds.
    /// The limits once they are as `expected`, or after eight looks: a kubelet takes its time to bring a limit into force.
    func limits(awaiting expected: [Int]) throws -> [Int] {
      var seen = try limits()
      for _ in 0..<7 where seen != expected { seen = try limits() }
      return seen
    }

    func limits() throws -> [Int] {
      let look = try infer("--once", "--json")
      #expect(look.code == 0, "\(look.errors)")
      let round = try JSONSerialization.jsonObject(with: Data(look.output.utf8)) as? [String: Any]
      return ((round?["pods"] as? [[String: Any]]) ?? []).compactMap { $0["limit"] as? Int }
    }
  }

  /// Waits, without polling, for something in a folder.
  struct FolderWatch: ~Copyable {
    private let watch: Int32

    init(_ folder: String) throws {
      watch = inotify_init1(Int32(IN_CLOEXEC))
      let added = inotify_add_watch(watch, folder, UInt32(IN_MODIFY | IN_MOVED_TO | IN_CLOSE_WRITE))
      try #require(watch >= 0 && added >= 0, "cannot watch \(folder)")
    }

    deinit { close(watch) }

    func wait(until isThere: () -> Bool) throws {
      var bytes = [UInt8](repeating: 0, count: 4096)
      while !isThere() {
        var waiting = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
        try #require(poll(&waiting, 1, 60_000) == 1, "nothing happened for a minute")
        _ = read(watch, &bytes, bytes.count)
      }
    }
  }

  @Test("without --apply nothing is changed", .timeLimit(.minutes(3)))
  func recommends() throws {
    let emulator = try Emulator()
    let run = try emulator.infer("--duration", "5", "--json")
    #expect(run.code == 0, "\(run.errors)")
    #expect(run.output.split(separator: "\n").count >= 3)
    #expect(try emulator.limits(awaiting: [330, 330, 330]) == [330, 330, 330])
    #expect(!emulator.folder.has("s"))
  }

  @Test(
    "with --apply limits move, the log can be replayed and explained, and at the end the originals are back",
    .timeLimit(.minutes(3)))
  func applies() throws {
    let emulator = try Emulator()
    let run = try emulator.infer("--apply", "--duration", "12", "--json", "--log", "decisions.jsonl")
    #expect(run.code == 0, "\(run.errors)")
    #expect(run.output.contains("\"sent\":true"))
    #expect(try emulator.limits(awaiting: [330, 330, 330]) == [330, 330, 330])
    let replay = try Program.run("replay", "decisions.jsonl", in: emulator.folder)
    #expect(replay.code == 0, "\(replay.output)\(replay.errors)")
    #expect(replay.output.contains("all the same"))
    let why = try Program.run("why", "demo-0", "--log", "decisions.jsonl", in: emulator.folder)
    #expect(why.code == 0, "\(why.errors)")
    #expect(why.output.contains("measured") && why.output.contains("outcome"))
  }

  @Test(
    "killed at any moment, the next run puts the originals back", .timeLimit(.minutes(3)),
    arguments: ["file", "annotation"])
  func killed(originals: String) throws {
    let emulator = try Emulator()
    let growth = try FolderWatch(emulator.folder.url.path)
    let program = try emulator.start("--apply", "--originals", originals, "--log", "decisions.jsonl")
    try growth.wait {
      let text = (try? emulator.folder.text("decisions.jsonl")) ?? ""
      return text.components(separatedBy: "\"sent\":[0").count > 2
    }
    program.signal(SIGKILL)
    #expect(try program.end() == 1000 + SIGKILL)
    #expect(try emulator.limits() != [330, 330, 330])
    // The pool is what the pods had before they were moved.
    let next = try emulator.infer("--once", "--json")
    #expect(next.errors.contains("pool=990m"), "\(next.errors)")
    // Whether a pod can be driven now makes no difference: here none has opted in.
    let restored = try emulator.infer("--restore", "--originals", originals, "--opt_in", "nobody")
    #expect(restored.code == 0, "\(restored.errors)")
    #expect(restored.errors.contains("original limits are back"))
    #expect(try emulator.limits(awaiting: [330, 330, 330]) == [330, 330, 330])
    let replay = try Program.run("replay", "decisions.jsonl", in: emulator.folder)
    #expect(replay.code == 0, "\(replay.output)\(replay.errors)")
  }

  @Test(
    "where none of the pods can be driven, what a killed run left on them is put back first", .timeLimit(.minutes(3)))
  func noneToDrive() throws {
    let emulator = try Emulator()
    let growth = try FolderWatch(emulator.folder.url.path)
    let program = try emulator.start("--apply", "--originals", "file", "--log", "decisions.jsonl")
    try growth.wait { ((try? emulator.folder.text("decisions.jsonl")) ?? "").contains("\"sent\":[0") }
    program.signal(SIGKILL)
    #expect(try program.end() == 1000 + SIGKILL)
    let run = try emulator.infer("--apply", "--once", "--originals", "file", "--container", "web")
    #expect(run.code == 1)
    #expect(run.errors.contains("original limits are back"), "\(run.errors)")
    #expect(run.errors.split(separator: "\n").last?.contains("has no container 'web'") == true, "\(run.errors)")
    #expect(try emulator.limits(awaiting: [330, 330, 330]) == [330, 330, 330])
  }

  @Test("SIGTERM puts the originals back and ends with 143", .timeLimit(.minutes(3)))
  func terminated() throws {
    let emulator = try Emulator()
    let growth = try FolderWatch(emulator.folder.url.path)
    let program = try emulator.start("--apply", "--log", "decisions.jsonl")
    try growth.wait { ((try? emulator.folder.text("decisions.jsonl")) ?? "").contains("\"sent\":[0") }
    program.signal(SIGTERM)
    #expect(try program.end() == 128 + SIGTERM)
    #expect(try emulator.limits(awaiting: [330, 330, 330]) == [330, 330, 330])
  }

  @Test(
    "what cannot work is said in one sentence before anything is touched", .timeLimit(.minutes(3)),
    arguments: [
      (["--context", "nowhere"], "there is no context 'nowhere'"),
      (["--selector", "app=nothing"], "there is no pod with labels app=nothing in namespace default"),
      (["--container", "web"], "has no container 'web'; it has demo"),
      (["--resources", "100"], "the pool of 100m is too small"),
      (["--min_cpu", "400", "--max_cpu", "300"], "--max_cpu is 300, expected at least --min_cpu (400)"),
      (["--metrics", "cadvisor"], "needs --cadvisor"),
      (["--metrics", "prometheus"], "give --prometheus"),
      (["--hack", "77"], "has no agent 77"),
      (["--load_model", "nothing.h5"], "nothing.h5"),
      (["--dry_run", "--apply"], "contradicts --apply"),
      (["--apply", "--state-file", "/proc/1/x/state.json"], "--state-file"),
    ])
  func refused(arguments: [String], complaint: String) throws {
    let emulator = try Emulator()
    var words = ["infer", "--kubeconfig", "kubeconfig", "--once", "--originals", "file"]
    if !arguments.contains("--apply") { words.append("--apply") }
    if !arguments.contains("--metrics") { words += ["--metrics", "kubelet"] }
    if !arguments.contains("--hack") { words += ["--hack", "0"] }
    if !arguments.contains("--state-file") { words += ["--state-file", "s"] }
    let result = try Program.run(words + arguments, in: emulator.folder)
    #expect(result.code == 1 || result.code == 2)
    // The last line; warnings may stand before it.
    #expect(result.errors.split(separator: "\n").last?.hasPrefix("error: ") == true)
    #expect(result.errors.contains(complaint), "\(result.errors)")
    #expect(try emulator.limits(awaiting: [330, 330, 330]) == [330, 330, 330])
  }

  @Test(
    "a right that is missing is named with the rule that grants it, before anything is touched",
    .timeLimit(.minutes(3)),
    arguments: [
      ("list:pods", "list pods in default", "resources: [pods], verbs: [list]", "file"),
      ("watch:pods", "watch pods in default", "resources: [pods], verbs: [watch]", "file"),
      ("get:nodes/proxy", "get nodes/proxy node-0", "resources: [nodes/proxy], verbs: [get]", "file"),
      ("patch:pods/resize", "patch pods/resize demo-0", "resources: [pods/resize], verbs: [patch]", "file"),
      ("patch:pods", "--originals annotation", "resources: [pods], verbs: [patch]", "annotation"),
    ])
  func missingRight(right: String, what: String, rule: String, originals: String) throws {
    let emulator = try Emulator(["--forbid", right, "--audit", "audit"])
    let result = try emulator.infer("--apply", "--once", "--originals", originals)
    #expect(result.code == 1)
    let sentence = try #require(result.errors.split(separator: "\n").last)
    #expect(sentence.contains(what) && sentence.contains(rule), "\(result.errors)")
    // Dry runs aside, nothing was written.
    let writes = try emulator.folder.text("audit").split(separator: "\n").filter { $0.contains("\"method\"") }
    #expect(writes.allSatisfy { $0.contains("dryRun=All") }, "\(writes)")
  }

  @Test(
    "credentials that the server does not know any more, and pods that cannot be resized, are said in one sentence",
    .timeLimit(.minutes(3)))
  func strangers() throws {
    let emulator = try Emulator(["--best_effort", "1"])
    let pieces = try emulator.folder.text("kubeconfig").components(separatedBy: "\"token\":\"")
    #expect(pieces.count == 3)
    let expired = pieces.enumerated().map { $0 == 0 ? $1 : "\"token\":\"expired" + $1.drop { $0 != "\"" } }.joined()
    try emulator.folder.write("expired", expired)
    let stranger = try Program.run(
      "infer", "--kubeconfig", "expired", "--apply", "--once", "--hack", "0", in: emulator.folder)
    #expect(stranger.code == 1)
    #expect(
      stranger.sentence?.contains("does not know the credentials of context 'emulated'") == true, "\(stranger.errors)")
    let bestEffort = try emulator.infer("--apply", "--once", "--selector", "app=demo-best-effort")
    #expect(bestEffort.code == 1)
    #expect(
      bestEffort.sentence?.contains(
        "demo-best-effort-0 is BestEffort (no requests, no limits): Kubernetes cannot resize it")
        == true, "\(bestEffort.errors)")
  }

  @Test(
    "agents that see or do what this version does not are refused before anything is touched", .timeLimit(.minutes(3)),
    arguments: ["observation", "action"])
  func foreignAgents(what: String) throws {
    let emulator = try Emulator(["--audit", "audit"])
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    var checkpoint = try Checkpoint.read(root.appendingPathComponent("checkpoints/ppo.h5").path, including: .weights)
    if what == "observation" {
      checkpoint.metadata.observation.kind = "weather-v2"
    } else {
      checkpoint.metadata.extra["action_basis"] = "weather"
    }
    try checkpoint.write(to: emulator.folder.path("foreign.h5"))
    let result = try emulator.infer("--apply", "--once", "--load_model", "foreign.h5")
    #expect(result.code == 1)
    let words =
      what == "observation"
      ? "the agents observe 'weather-v2'" : "/@extra.action_basis is 'weather', expected limit or usage"
    #expect(result.sentence?.contains(words) == true, "\(result.errors)")
    #expect(try !emulator.folder.text("audit").contains("\"method\""))
  }

  @Test("without a cluster one sentence says so")
  func noCluster() throws {
    let folder = try TemporaryFolder()
    let none = try Program.run("infer", "--cluster", "kubernetes", in: folder)
    #expect(none.code == 1)
    #expect(none.sentence?.contains("no kubeconfig") == true, "\(none.errors)")
    try folder.write(
      "kubeconfig",
      """
      {"contexts":[{"name":"a","context":{"cluster":"c"}}],"current-context":"a",
       "clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:1"}}]}
      """)
    let down = try Program.run("infer", "--kubeconfig", "kubeconfig", in: folder)
    #expect(down.code == 1)
    #expect(down.sentence?.contains("cannot be reached") == true, "\(down.errors)")
  }

  @Test("a recording is a trace that can be played", .timeLimit(.minutes(3)))
  func records() throws {
    let emulator = try Emulator()
    let run = try Program.run(
      "record", "--kubeconfig", "kubeconfig", "--metrics", "kubelet", "--service_demand", "10", "--duration", "6",
      in: emulator.folder)
    #expect(run.code == 0, "\(run.errors)")
    let samples = try emulator.folder.text("samples.csv").split(separator: "\n")
    #expect(samples.first == "time,pod,limit,request,usage,throttled,memory,rps,response")
    #expect(samples.count > 6)
    #expect(samples.dropFirst().allSatisfy { $0.contains("default/demo-") })
    let shown = try Program.run("workload", "show", "--trace", "trace.csv", in: emulator.folder)
    #expect(shown.code == 0 || shown.code == 2, "\(shown.errors)")
  }
}
