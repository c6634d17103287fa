import Autoscaling
import Foundation
import PodSimulation
import Synchronization
import Testing

@testable import Evaluation

@Suite("Finished episodes")
struct FinishedCellsTests {
  private let path = FileManager.default.temporaryDirectory
    .appendingPathComponent("marlise-episodes-\(UUID().uuidString).jsonl").path

  private func study(
    rps: Double = 20, slo: Double = 0.25, targets: [Double] = [0.5, 0.6], seeds: [UInt64] = [1, 2, 3]
  )
    throws -> Study
  {
    let scenario = Scenario(
      pods: [PodParameters()], descriptions: [PodDescription(name: "pod")],
      settings: DecisionSettings(pool: ResourcePool(capacity: 500)), seconds: 20, initialLimit: 300, slo: slo,
      workload: try Workload(WorkloadSettings("noisy", mean: rps, minimum: 0)))
    return Study(
      loads: [Study.Load(name: "noisy", scenario: scenario)],
      contestants: targets.map { Contestant(ProportionalBaseline.entry, values: [$0], name: "\($0)") }, seeds: seeds)
  }

  @Test("an interrupted study goes on, and ends as if it had never stopped")
  func resume() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let study = try study()
    let whole = try study.run(jobs: 1)[0].policies
    let asked = Mutex(0)
    #expect(throws: Study.Interrupted.self) {
      try study.run(
        jobs: 1, kept: try FinishedCells(path: path),
        shouldStop: {
          asked.withLock { count in
            count += 1
            return count > 2
          }
        })
    }
    let kept = try FinishedCells(path: path)
    #expect(study.finished(in: kept) == 2)
    let played = Mutex<[Int]>([])
    let resumed = try study.run(jobs: 2, kept: kept, finished: { done in played.withLock { $0.append(done) } })
    #expect(resumed[0].policies == whole)
    // Two were there, four had to be played.
    #expect(played.withLock { $0.sorted() } == [2, 3, 4, 5, 6])
    #expect(try study.run(jobs: 2, kept: try FinishedCells(path: path))[0].policies == whole)
    #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count == 6)
  }

  @Test("episodes of another load, policy, goal or seed are not taken for these")
  func others() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let kept = try FinishedCells(path: path)
    _ = try study().run(jobs: 1, kept: kept)
    #expect(try study().finished(in: kept) == 6)
    #expect(try study(rps: 21).finished(in: kept) == 0)
    #expect(try study(slo: 0.3).finished(in: kept) == 0)
    #expect(try study(targets: [0.5, 0.7]).finished(in: kept) == 3)
    #expect(try study(seeds: [1, 9]).finished(in: kept) == 2)
  }

  @Test("a line that was cut off is dropped")
  func cutOff() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    let study = try study()
    _ = try study.run(jobs: 1, kept: try FinishedCells(path: path))
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    try data.dropLast(40).write(to: URL(fileURLWithPath: path))
    let kept = try FinishedCells(path: path)
    #expect(study.finished(in: kept) == 5)
    _ = try study.run(jobs: 1, kept: kept)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == data)
  }

  @Test("a file that holds something else is refused by its line")
  func foreign() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("second,rps\n0,1\n".utf8).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: EvaluationError.self) { try FinishedCells(path: path) }
    #expect(error?.description.hasPrefix(path + ":1: ") == true)
  }
}
