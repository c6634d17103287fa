import Foundation
import Glibc
import Testing

/// What commands that run for long say, and what they do while there is nothing to do.
@Suite("Long-running commands")
struct LongRunningTests {
  /// Lines of a log as objects; fails for a line that is none.
  private func lines(_ text: String) throws -> [[String: Any]] {
    try text.split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      let fields = try #require(object, "\(line)")
      #expect(fields["time"] is String && fields["level"] is String && fields["message"] is String, "\(line)")
      return fields
    }
  }

  @Test(
    "with --log_format json every line on standard error is an object", .timeLimit(.minutes(2)),
    arguments: [
      (["demo-service", "--port", "0", "--duration", "1"], "serving"),
      (["emulate", "--duration", "1"], "emulating"),
      (["serve", "--cluster", "simulated", "--port", "0", "--duration", "1"], "serving"),
      (["load", "--url", "http://127.0.0.1:1/", "--duration", "2", "--report", "1"], "sending"),
    ])
  func structured(arguments: [String], message: String) throws {
    let result = try Program.run(arguments + ["--log_format", "json"])
    #expect(result.code == 0, "\(result.errors)")
    #expect(try lines(result.errors).contains { $0["message"] as? String == message })
  }

  @Test("on a cluster as well", .timeLimit(.minutes(3)))
  func structuredOnCluster() throws {
    let emulator = try LiveCommandTests.Emulator()
    let infer = try emulator.infer("--once", "--json", "--log_format", "json")
    #expect(infer.code == 0, "\(infer.errors)")
    #expect(try lines(infer.errors).contains { $0["pods"] as? Int == 3 })
    let share = try Program.run(
      "share", "--kubeconfig", "kubeconfig", "--resources", "900", "--duration", "2", "--log_format", "json",
      in: emulator.folder)
    #expect(share.code == 0, "\(share.errors)")
    #expect(try lines(share.errors).contains { $0["message"] as? String == "handing out" })
  }

  @Test(
    "so is the error that ends one",
    arguments: [
      (["infer", "--cluster", "kubernetes"], 1 as Int32, "no kubeconfig"),
      (["load"], 2, "--url is required"),
      (["load", "--url", "ftp://somewhere/"], 2, "--url is 'ftp://somewhere/'"),
      (["share"], 2, "--resources is required"),
    ])
  func error(arguments: [String], code: Int32, text: String) throws {
    let result = try Program.run(arguments + ["--log_format", "json"])
    #expect(result.code == code)
    let line = try #require(try lines(result.errors).last)
    #expect(line["level"] as? String == "error")
    #expect((line["message"] as? String)?.contains(text) == true, "\(result.errors)")
  }

  @Test("a load reaches a service, and every answer is counted", .timeLimit(.minutes(2)))
  func load() throws {
    let folder = try TemporaryFolder()
    let growth = try LiveCommandTests.FolderWatch(folder.url.path)
    let service = try Program(
      ["demo-service", "--port", "0", "--cpu_ms", "1", "--log_format", "json"], output: folder.path("out"),
      errors: folder.path("err"))
    defer {
      service.signal(SIGTERM)
      _ = try? service.end()
    }
    try growth.wait { ((try? folder.text("err")) ?? "").hasSuffix("\n") }
    let url = try #require(try lines(try folder.text("err")).first?["url"] as? String)
    let result = try Program.run(
      "load", "--url", url, url + "?second=1", "--workload", "constant", "--rps", "20", "--duration", "4", "--report",
      "1", "--log_format", "json")
    #expect(result.code == 0, "\(result.errors)")
    let counts = result.output.split(separator: "\n").dropFirst().map { $0.split(separator: " ") }
    #expect(counts.map { $0[1] } == ["200"], "\(result.output)")
    #expect(try #require(Int(counts[0][0])) > 0)
    let reports = try lines(result.errors).filter { $0["message"] as? String == "answers" }
    #expect(reports.count >= 2 && reports.allSatisfy { $0["good"] is Int && $0["bad"] as? Int == 0 })
  }

  @Test("with --wait a command begins when the first pod comes", .timeLimit(.minutes(5)))
  func waits() throws {
    // Late enough for a slow machine to look before.
    let emulator = try LiveCommandTests.Emulator(["--pods", "1", "--pod_schedule", "0:arrive@40"])
    let result = try emulator.infer("--once", "--wait", "--json", "--log_format", "json")
    #expect(result.code == 0, "\(result.errors)")
    let waiting = try #require(try lines(result.errors).first { $0["message"] as? String == "waiting for pods" })
    #expect(waiting["because"] as? String == "there is no pod in namespace default")
    #expect(result.output.contains("demo-0"))
  }

  @Test("waiting can be ended", .timeLimit(.minutes(3)))
  func waitingEnds() throws {
    let emulator = try LiveCommandTests.Emulator()
    let growth = try LiveCommandTests.FolderWatch(emulator.folder.url.path)
    let program = try emulator.start("--wait", "--selector", "app=nothing")
    try growth.wait { ((try? emulator.folder.text("infer-err")) ?? "").contains("waiting for pods") }
    program.signal(SIGTERM)
    #expect(try program.end() == 128 + SIGTERM)
  }

  @Test("an instance that is elected says so on its own pod", .timeLimit(.minutes(3)))
  func leaderLabel() throws {
    let emulator = try LiveCommandTests.Emulator(["--audit", "audit.jsonl"])
    let growth = try LiveCommandTests.FolderWatch(emulator.folder.url.path)
    let program = try Program(
      ["serve", "--kubeconfig", "kubeconfig", "--metrics", "kubelet", "--election", "--port", "0", "--hack", "0"],
      in: emulator.folder, output: emulator.folder.path("serve-out"), errors: emulator.folder.path("serve-err"),
      environment: ["POD_NAME=demo-2", "POD_NAMESPACE=default"])
    func labels() -> [String] {
      ((try? emulator.folder.text("audit.jsonl")) ?? "").split(separator: "\n").filter {
        $0.contains("/pods/demo-2?") && $0.contains("marlise/leader")
      }.map { $0.contains(#""marlise/leader":"true""#) ? "true" : "false" }
    }
    try growth.wait { labels().contains("true") }
    #expect(labels() == ["false", "true"])
    try growth.wait { ((try? emulator.folder.text("serve-err")) ?? "").contains("serving") }
    program.signal(SIGTERM)
    #expect(try program.end() == 128 + SIGTERM)
  }
}
