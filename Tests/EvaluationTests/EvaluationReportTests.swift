import Autoscaling
import Foundation
import PodSimulation
import Testing

@testable import Evaluation

@Suite("Evaluation report")
struct EvaluationReportTests {
  private let runs = [
    PolicyFrontTests.result("captain", family: "captain", p99: [0.2, 0.2], cpu: [10, 20]),
    PolicyFrontTests.result("captain:target=0.3", family: "captain", p99: [0.4, 0.4], cpu: [11, 21]),
    PolicyFrontTests.result("odd, \"name\"", family: "mine", p99: [0.2, 0.24], cpu: [9, 18]),
  ]

  private func report(trained: Bool) throws -> EvaluationReport {
    let scenario = Scenario(
      pods: [PodParameters()], descriptions: [PodDescription(name: "pod")], settings: DecisionSettings(), seconds: 10,
      initialLimit: 100, slo: 0.25, workload: try Workload(WorkloadSettings("constant")))
    var policies = runs
    policies[2].isTrained = trained
    let study = Study(loads: [Study.Load(name: "day", scenario: scenario)], contestants: [], seeds: [1, 2])
    return EvaluationReport(
      study: study, load: 0,
      result: Study.LoadResult(name: "day", policies: policies, decisionTimes: [nil, 1e-6, 2e-6]))
  }

  @Test("says who keeps the goal, who is on the front, and which setting is cheapest")
  func marks() throws {
    let report = try report(trained: true)
    #expect(report.policies.map(\.meetsSLO) == [true, false, true])
    #expect(report.policies.map(\.missedRuns) == [0, 2, 0])
    #expect(report.policies.map(\.isOnFront) == [true, false, true])
    #expect(report.cheapest == ["captain": "captain", "mine": "odd, \"name\""])
  }

  @Test("compares every trained policy with the others, or the first where none is trained")
  func comparisons() throws {
    let comparisons = try report(trained: true).comparisons
    #expect(comparisons.map(\.subject) == ["mine"] && comparisons.map(\.opponent) == ["captain"])
    #expect(abs(try #require(comparisons[0].atSLO).mean + 0.1) < 1e-9)
    #expect(try report(trained: false).comparisons.map(\.subject) == ["captain"])
  }

  @Test("is one object for one load, a list for several, the same bytes every time")
  func json() throws {
    let report = try report(trained: true)
    let one = try #require(
      try JSONSerialization.jsonObject(with: Data(EvaluationReport.json([report]).utf8)) as? [String: Any])
    #expect((one["policies"] as? [Any])?.count == 3)
    #expect(one["decisionMicroseconds"] == nil)
    let two = try #require(
      try JSONSerialization.jsonObject(with: Data(EvaluationReport.json([report, report]).utf8)) as? [String: Any])
    #expect((two["evaluations"] as? [Any])?.count == 2)
    #expect(try EvaluationReport.json([report]) == EvaluationReport.json([report]))
  }

  @Test("as CSV has a row per run and one with the means, names quoted where they must be")
  func csv() throws {
    let lines = EvaluationReport.csv([try report(trained: true)]).split(separator: "\n")
    #expect(lines.count == 1 + 3 * 3)
    #expect(lines[0].hasPrefix("load,policy,family,seed,meets_slo,p50,"))
    #expect(lines[1].hasPrefix("day,captain,captain,1,true,"))
    #expect(lines[3].hasPrefix("day,captain,captain,mean,true,"))
    #expect(lines[7].hasPrefix("day,\"odd, \"\"name\"\"\",mine,1,true,"))
  }

  @Test("holds decision times only where they are asked for")
  func decisionTimes() throws {
    var report = try report(trained: true)
    report.note(
      decisionTimes: Study.LoadResult(name: "day", policies: runs, decisionTimes: [nil, 1e-6, 2e-6]))
    #expect(report.decisionMicroseconds == ["captain:target=0.3": 1, "odd, \"name\"": 2])
  }
}
