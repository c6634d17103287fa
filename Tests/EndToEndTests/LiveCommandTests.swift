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
    let restored = try emulator.infer("--restore", "--originals", originals)
    #expect(restored.code == 0, "\(restored.errors)")
    #expect(restored.errors.contains("original limits are back"))
    #expect(try emulator.limits(awaiting: [330, 330, 330]) == [330, 330, 330])
    let replay = try Program.run("replay", "decisions.jsonl", in: emulator.folder)
    #expect(replay.code == 0, "\(replay.output)\(replay.errors)")
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
