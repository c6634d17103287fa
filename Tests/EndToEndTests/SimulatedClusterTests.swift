import Foundation
import Testing

@Suite("Simulated clusters, as options")
struct SimulatedClusterTests {
  /// The estimates of the first policy of an evaluation, by metric.
  private func evaluate(_ options: [String], in folder: TemporaryFolder? = nil) throws -> [String: Double] {
    let result = try Program.run(
      ["eval", "--policies", "static", "--workload", "constant", "--seeds", "3", "--duration", "60", "--json"]
        + options,
      in: folder)
    try #require(result.code == 0, "\(result.errors)")
    let policies = try #require((result.json as? [String: Any])?["policies"] as? [[String: Any]])
    let estimates = try #require(policies.first?["estimates"] as? [String: [String: Double]])
    return estimates.compactMapValues { $0["mean"] }
  }

  @Test("in a chain, one starved pod makes all requests slow; side by side it makes its own slow only")
  func starvedPod() throws {
    let starved = ["--rps", "6", "--service-demand", "10", "10", "60"]
    func p50(_ options: [String]) throws -> Double { try #require(try evaluate(options)["p50"]) }
    let healthyChain = try p50(["--rps", "6", "--service-graph", "chain"])
    let starvedChain = try p50(starved + ["--service-graph", "chain"])
    let healthyPods = try p50(["--rps", "6"])
    let starvedPods = try p50(starved)
    #expect(starvedChain > 8 * healthyChain)
    #expect(starvedPods < 2.5 * healthyPods)
  }

  @Test("pods that are not there are allocated nothing")
  func schedule() throws {
    let folder = try TemporaryFolder()
    try folder.write("pods.csv", "second,pod,event\n20,1,leave\n30,0,restart\n41,2,arrive\n")
    let all = try #require(try evaluate([])["allocatedCoreSeconds"])
    let some = try #require(try evaluate(["--pod-schedule", "pods.csv"], in: folder)["allocatedCoreSeconds"])
    // Of the seconds 1 to 60, one pod is there for all, one for 19 and one for 20.
    #expect(abs(some / all - (60 + 19 + 20) / 180) < 1e-9)
  }

  @Test("pods come, restart and go during training and inference")
  func churn() throws {
    let folder = try TemporaryFolder()
    let cluster = [
      "--n-agents", "3", "--pod-schedule", "churn", "--churn-times", "8,4,10", "--service-startup", "0.2",
      "--service-graph", "0>1+2", "--metric-noise", "0.1",
    ]
    let train = try Program.run(["train", "--episodes", "2", "--steps", "30", "--out", "run"] + cluster, in: folder)
    #expect(train.code == 0, "\(train.errors)")
    let again = try Program.run("train", "--config", "run/config.yaml", "--out", "again", in: folder)
    #expect(again.code == 0, "\(again.errors)")
    #expect(
      FileManager.default.contentsEqual(atPath: folder.path("run/last.h5"), andPath: folder.path("again/last.h5")))
    let infer = ["infer", "--load-model", "run/last.h5", "--fast", "--duration", "60"] + cluster
    let rounds = try Program.run(infer + ["--json"], in: folder).output.split(separator: "\n")
    var present = [0, 0, 0]
    for round in rounds {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(round.utf8)) as? [String: Any])
      for (index, pod) in try #require(object["pods"] as? [[String: Any]]).enumerated() {
        let isPresent = try #require(pod["isPresent"] as? Bool)
        if isPresent { present[index] += 1 }
        if !isPresent { #expect(pod["limit"] as? Int == 0 && pod["newLimit"] as? Int == 0) }
      }
    }
    #expect(rounds.count == 60 && present[0] == 60)
    #expect((1..<60).contains(present[1]) && (1..<60).contains(present[2]))
    #expect(try Program.run(infer + ["--debug"], in: folder).output.contains(" pod1: absent\n"))
  }

  @Test(
    "clusters that cannot be are refused in one sentence",
    arguments: [
      (["--service-graph", "web"], "service graph 'web' has 'web', expected routes such as 0>1>2+3"),
      (["--service-graph", "0>3"], "3, expected 0…2"), (["--pod-schedule", "none.csv"], "cannot open none.csv"),
      (["--churn-times", "5", "5", "5"], "needs --pod_schedule churn"),
      (["--pod-schedule", "churn", "--churn-times", "5"], "expected three"),
      (["--service-demand", "5", "6"], "expected one or one per pod (3)"), (["--metric-noise", "2"], "at most 1"),
      (["--shape", "period"], "expected a name, = and a number"), (["--shape", "tempo=3"], "has no parameter 'tempo'"),
      (["--shape", "period=0"], "parameter period of workload 'diurnal' is 0.0, expected 1.0…1000000.0"),
      (["--trace-noise", "0.1"], "needs --trace"), (["--trace", "a.csv", "--trace-part", "9", "3"], "two seconds"),
    ])
  func refusals(_ arguments: [String], _ phrase: String) throws {
    let result = try Program.run(["eval", "--duration", "5", "--seeds", "1"] + arguments)
    #expect(result.code == 1 || result.code == 2)
    #expect(try #require(result.sentence, "\(result.errors)").contains(phrase), "\(result.errors)")
  }
}
