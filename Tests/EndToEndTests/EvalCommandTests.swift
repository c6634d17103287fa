import Foundation
import Testing

@Suite("Judging policies")
struct EvalCommandTests {
  private static let short = ["--seeds", "2", "--duration", "20", "--n-agents", "2"]

  private func json(_ result: Program.Result) throws -> [String: Any] {
    #expect(result.code == 0, "\(result.errors)")
    return try #require(try result.json as? [String: Any])
  }

  @Test("several loads and traces are judged in one run, the same for any number of jobs")
  func loads() throws {
    let folder = try TemporaryFolder()
    try folder.write("day.csv", "second,rps\n" + (0..<40).map { "\($0),\(10 + $0 % 7)\n" }.joined())
    let arguments =
      [
        "eval", "--policies", "static,captain:target=0.2,oracle", "--workload", "noisy", "bursty", "--trace", "day.csv",
        "--json",
      ]
      + EvalCommandTests.short
    let one = try Program.run(arguments + ["--jobs", "1"], in: folder)
    let evaluations = try #require(try json(one)["evaluations"] as? [[String: Any]])
    #expect(evaluations.map { $0["load"] as? String } == ["noisy", "bursty", "day"])
    for evaluation in evaluations {
      let policies = try #require(evaluation["policies"] as? [[String: Any]])
      #expect(policies.map { $0["name"] as? String } == ["static", "captain:target=0.2", "oracle"])
    }
    #expect(try Program.run(arguments + ["--jobs", "2"], in: folder).output == one.output)
  }

  @Test("a sweep compares policies at equal P99, in the table, as JSON, CSV and a page that loads nothing")
  func sweep() throws {
    let folder = try TemporaryFolder()
    let arguments =
      [
        "eval", "--policies", "static", "--sweep", "captain:target=0.05,0.3", "proportional:target=0.3,0.9",
        "--reference", "captain",
      ]
      + ["--workload", "noisy", "bursty"] + EvalCommandTests.short
    let coarse = try Program.run(arguments + ["--out", "results", "--refine", "0"], in: folder)
    #expect(coarse.code == 0, "\(coarse.errors)")
    // A header; two loads of five settings, each with two runs and their mean.
    #expect(try folder.text("results/results.csv").split(separator: "\n").count == 1 + 2 * 5 * 3)
    let result = try Program.run(arguments + ["--out", "results"], in: folder)
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output.contains("CPU that captain needs at equal P99"))
    #expect(folder.names.contains("results"))
    let lines = try folder.text("results/results.csv").split(separator: "\n")
    // On one of the loads a policy both keeps the goal and misses it: three settings between.
    #expect(lines.count == 1 + (2 * 5 + 3) * 3)
    #expect(lines.contains { $0.contains("noisy,captain:target=0.175,") })
    #expect(Set(lines.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }).count == 1)
    #expect(try folder.text("results/table.txt").contains("captain"))
    let object = try JSONSerialization.jsonObject(with: Data(folder.text("results/results.json").utf8))
    #expect(((object as? [String: Any])?["evaluations"] as? [Any])?.count == 2)
    let html = try folder.text("results/report.html")
    for text in ["<svg", "captain:target=0.05", "marlise eval", "rps: 15"] { #expect(html.contains(text), "\(text)") }
    for forbidden in ["<script", "http://", "https://", "src=", "href="] { #expect(!html.contains(forbidden)) }
    // Everything is there: the second time nothing is played, and the outcome is the same.
    let again = try Program.run(arguments + ["--out", "results"], in: folder)
    #expect(again.output == result.output)
    #expect(try folder.text("results/episodes.jsonl").split(separator: "\n").count == 26)
  }

  @Test("every metric can be asked for, and by name")
  func metrics() throws {
    let all = try Program.run(
      ["eval", "--metrics", "all", "--decision-time", "--priorities", "1,0.1", "--warmup", "5"] + EvalCommandTests.short
    )
    #expect(all.code == 0, "\(all.errors)")
    for text in [
      "P99.9 ms", "bad minutes %", "requested core·h", "over limit %", "decision µs", "after 5 s", "priority 0.1",
    ] {
      #expect(all.output.contains(text), "\(text)")
    }
    let few = try Program.run(["eval", "--metrics", "p99", "unfairness"] + EvalCommandTests.short)
    #expect(few.output.contains("unfair %") && !few.output.contains("P50"))
  }

  @Test(
    "what cannot be judged is refused in one sentence",
    arguments: [
      (["--sweep", "captian"], "did you mean 'captain'?", 2), (["--sweep", "static"], "nothing to tune", 2),
      (["--sweep", "captain:target=7"], "from 0.0 to 1.0", 2), (["--reference", "nobody"], "one of the policies", 2),
      (["--metrics", "p98"], "is no metric", 2), (["--series-pod", "2"], "a pod from 0 to 1", 2),
      (["--policies", "oracle", "--node-cores", "1"], "pods that stay", 1),
      (["--policies", "oracle", "--pod-schedule", "churn"], "pods that stay", 1),
      (["--learning-curves", "nowhere", "--html", "page.html"], "nowhere/metrics.csv", 1),
      (["--policies", "a.h5+b.h5"], "neither a file nor a policy", 2),
    ])
  func refusals(arguments: [String], text: String, code: Int32) throws {
    let folder = try TemporaryFolder()
    let result = try Program.run(["eval"] + arguments + EvalCommandTests.short, in: folder)
    #expect(result.code == code, "\(result.errors)")
    #expect(result.errors.contains(text), "\(result.errors)")
    #expect(result.output == "")
  }
}
