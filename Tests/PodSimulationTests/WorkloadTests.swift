import Foundation
import Testing

@testable import PodSimulation

@Suite("Workloads")
struct WorkloadTests {
  static let generated = Workload.names.filter { $0 != "trace" }

  @Test("rates stay within the bounds, differ between episodes and repeat with the seed", arguments: generated)
  func bounds(name: String) throws {
    let load = try Workload(WorkloadSettings(name, mean: 20, minimum: 4, maximum: 60))
    let first = load.rates(pods: 3, seconds: 60, seed: 5, episode: 2)
    #expect(first.count == 3 && first.allSatisfy { $0.count == 60 })
    #expect(first.joined().allSatisfy { (4...60).contains($0) })
    #expect(load.rates(pods: 3, seconds: 60, seed: 5, episode: 2) == first)
    if !["constant", "ramp"].contains(name) {
      #expect(load.rates(pods: 3, seconds: 60, seed: 5, episode: 3) != first)
      #expect(load.rates(pods: 3, seconds: 60, seed: 6, episode: 2) != first)
      #expect(first[0] != first[1])
    }
  }

  @Test("the long-run average is the mean asked for", arguments: generated)
  func mean(name: String) throws {
    let load = try Workload(WorkloadSettings(name, mean: 20, minimum: 0))
    var sum = 0.0
    for episode in 0..<400 {
      for row in load.rates(pods: 2, seconds: 240, seed: 9, episode: episode) { sum += Double(row.reduce(0, +)) / 240 }
    }
    #expect(abs(sum / 800 - 20) < 1)
  }

  @Test("the pods of a diurnal load peak in turn")
  func phases() throws {
    let settings = WorkloadSettings("diurnal", mean: 20, minimum: 0, parameters: ["period": 90])
    let rates = try Workload(settings).rates(pods: 3, seconds: 90, seed: 1, episode: 0)
    let peaks = try rates.map { row in try #require(row.indices.max { row[$0] < row[$1] }) }
    #expect(Set(peaks.map { ($0 - peaks[0] + 90) % 90 }.map { ($0 + 1) / 30 }) == [0, 1, 2])
  }

  @Test("what cannot be meant is refused in a sentence")
  func refusals() {
    func sentence(_ settings: WorkloadSettings) -> String? {
      (#expect(throws: SimulationError.self) { try Workload(settings) })?.description
    }
    #expect(
      sentence(WorkloadSettings("diurnl"))?.contains("unknown workload 'diurnl', expected one of: constant") == true)
    #expect(
      sentence(WorkloadSettings("step", parameters: ["rato": 2]))
        == "workload 'step' has no parameter 'rato', expected one of: ratio at spread")
    #expect(
      sentence(WorkloadSettings("step", parameters: ["at": 2]))
        == "parameter at of workload 'step' is 2.0, expected 0.0…1.0")
    #expect(sentence(WorkloadSettings(mean: .nan)) == "workload mean is nan, expected 0.0…100000.0 requests/s")
    #expect(sentence(WorkloadSettings(mean: 5, minimum: 6)) == "workload minimum is 6.0, expected 0.0…5.0 requests/s")
    #expect(sentence(WorkloadSettings("trace")) == "workload 'trace' has no file, expected trace.path")
  }

  @Test("a trace gives training episodes random windows and an evaluation a fixed one")
  func traceWindows() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("windows-\(UUID().uuidString).csv")
    defer { try? FileManager.default.removeItem(at: file) }
    let rows = (0..<300).map { "\($0),\($0)" }.joined(separator: "\n")
    try Data("second,rps\n\(rows)\n".utf8).write(to: file)
    var settings = WorkloadSettings(
      "trace", mean: 20, minimum: 0, trace: TraceSettings(path: file.path, isRescaled: false))
    let training = try Workload(settings)
    let starts = (0..<20).flatMap { training.rates(pods: 2, seconds: 60, seed: 3, episode: $0).map { $0[0] } }
    #expect(Set(starts).count > 30)
    #expect(
      training.rates(pods: 2, seconds: 60, seed: 3, episode: 0)[0][5]
        == (starts[0] + 5).truncatingRemainder(dividingBy: 300))
    settings.trace?.start = 290
    let fixed = try Workload(settings).rates(pods: 3, seconds: 60, seed: 3, episode: 7)
    #expect(fixed.map { $0[0] } == [290, 90, 190])
    #expect(fixed[0][10] == 0)
  }

  @Test("an episode's load is laid out as the cluster reads it")
  func layout() throws {
    let simulated = try cluster(pods: 2, clusters: 3, seed: 11)
    simulated.reset(episode: 4)
    let load = EpisodeLoad(pods: 2, clusters: 3, seconds: 10)
    let workload = try Workload(WorkloadSettings("random-walk"))
    load.draw(workload, for: simulated)
    let episode = workload.rates(pods: 2, seconds: 10, seed: 11, episode: 4 * 3 + 2)
    #expect((0..<10).map { load.rate(pod: 1, cluster: 2, second: $0) } == episode[1])
    #expect((0..<10).map { load[$0][1 * 3 + 2] } == episode[1])
  }
}
