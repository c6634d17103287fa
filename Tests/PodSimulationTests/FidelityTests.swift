import Foundation
import TestSupport
import Testing

@testable import PodSimulation

@Suite("Fidelity")
struct FidelityTests {
  static var subset: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("GroundTruth").path
  }

  static var isOptimised: Bool {
    var isDebug = false
    assert(
      {
        isDebug = true
        return true
      }())
    return !isDebug
  }

  private func unmet(_ report: FidelityReport) -> [String] {
    report.acceptance.filter { !$0.isMet }.map { "\($0.quantity): \($0.reached), required \($0.required)" }
  }

  @Test("on a subset of the measurements, the simulator answers as the kernel did")
  func acceptanceOnSubset() throws {
    let report = try FidelityReport.measure(try GroundTruth(folder: Self.subset), phases: 8, replicas: 0)
    #expect(report.steady?.cells.count == 20)
    #expect(report.dynamics.count == 7)
    #expect(report.closedLoop.count == 4)
    #expect(report.missing.isEmpty)
    #expect(report.acceptance.count == 16)
    #expect(unmet(report) == [])
  }

  @Test(
    "on all measurements, every line of the acceptance table is met",
    .enabled(if: SharedMaterial.has("data/ground-truth"), "needs the shared ground truth"),
    .enabled(if: isOptimised, "takes a minute without optimisation"))
  func acceptanceOnAll() throws {
    let truth = try GroundTruth(folder: SharedMaterial.file("data/ground-truth").path)
    let report = try FidelityReport.measure(truth, phases: 16, replicas: 100)
    #expect(report.steady?.cells.count == 98)
    #expect(report.dynamics.count == 16)
    #expect(unmet(report) == [])
  }

  @Test("a report survives JSON, and says for every line whether it is met")
  func json() throws {
    let report = FidelityReport(
      phases: 8, dynamics: [], closedLoop: [],
      acceptance: [
        FidelityReport.Line("p95", required: [0.03, 0.1], reached: [0.02, 0.2]),
        FidelityReport.Line("correlation", required: [0.96], reached: [0.97], isLowerBound: true),
      ], missing: ["steady cells"])
    #expect(report.acceptance.map(\.isMet) == [false, true] && !report.isAccepted)
    let data = try JSONEncoder().encode(report)
    #expect(String(decoding: data, as: UTF8.self).contains("\"isMet\":false"))
    let read = try JSONDecoder().decode(FidelityReport.self, from: data)
    #expect(read.acceptance.map(\.reached) == report.acceptance.map(\.reached))
  }

  @Test("without files there is nothing to compare, which is no error")
  func absent() throws {
    let report = try FidelityReport.measure(try GroundTruth(folder: "/nonexistent"))
    #expect(report.missing == ["steady cells", "dynamic runs", "controller runs"])
    #expect(report.acceptance.isEmpty)
  }

  @Test(
    "a damaged measurement is refused with file and row",
    arguments: [
      ("steady_cells.csv", "poisson", "uniform", "arrivals is 'uniform', expected poisson or const"),
      ("steady_cells.csv", ",steady,", ",wavy,", "load_shape is 'wavy', expected steady or onoff"),
      ("steady_cells.csv", "limit_m", "limit", "has no column 'limit_m'"),
      (
        "steady_cells.csv", "const,steady,0.6", "const,steady,9000",
        "util_nominal is '9000', expected a number in 0.0…20.0"
      ),
      ("steady_cells.csv", ",300,0,0.0,", ",300,0,100,", "throttled_fraction is '100', expected a number in 0.0…1.0"),
      ("steady_requests.csv", ",0\n", ",7\n", "row 2: status is '7', expected a whole number in 0…2"),
      ("dynamic_seconds.csv", "100.0,", "-5,", "limit_m is '-5', expected a whole number in 10…1000000"),
      ("controller_seconds.csv", "ctl_single_twitter,1,", "ctl_single_twitter,3,", "expected 1: seconds ascend"),
      ("runs.csv", ",det,", ",gamma,", "demand_dist is 'gamma', expected exp or det"),
    ])
  func damaged(file: String, text: String, replacement: String, sentence: String) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("truth-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(at: URL(fileURLWithPath: Self.subset), to: folder)
    let path = folder.appendingPathComponent(file)
    var content = try String(contentsOf: path, encoding: .utf8)
    let range = try #require(content.range(of: text))
    content.replaceSubrange(range, with: replacement)
    try content.write(to: path, atomically: true, encoding: .utf8)
    let error = #expect(throws: SimulationError.self) { try GroundTruth(folder: folder.path) }
    let description = try #require(error).description
    #expect(description.contains(sentence) && description.contains(file), "\(description)")
  }

  @Test("a controller's settings are read strictly")
  func controllerSettings() throws {
    let controller = try ThresholdController(
      "controller upper=60 lower=30 step=25 min=50 max=1000 start=200 budget=500")
    #expect(controller.next(limits: [200, 225, 50], usages: [130, 60, 10]) == [225, 200, 50])
    #expect(controller.next(limits: [200, 300], usages: [190, 100]) == [200, 300])
    #expect(throws: SimulationError.self) { try ThresholdController("controller upper=x") }
    #expect(throws: SimulationError.self) { try ThresholdController("controller middle=5") }
  }
}
