import Autoscaling
import PodSimulation
import Synchronization
import Testing

@testable import Evaluation

@Suite("Refinement")
struct RefinementTests {
  /// A setting of a policy whose P99 grows with its knob (seconds, both runs alike), and whose CPU falls.
  private func setting(_ value: Double) -> Contestant {
    var contestant = Contestant(StaticBaseline.entry, name: "m:\(value)")
    contestant.family = "m"
    contestant.knob = Contestant.Knob(value) { self.setting($0) }
    return contestant
  }

  private func result(_ values: [Double], misses: Set<Double> = []) -> Study.LoadResult {
    let policies = values.map { value in
      PolicyFrontTests.result(
        "m:\(value)", family: "m", p99: [value, misses.contains(value) ? 9 : value], cpu: [10 - value, 10 - value])
    }
    return Study.LoadResult(
      name: "day", policies: policies, contestants: values.map { setting($0) }, decisionTimes: values.map { _ in nil })
  }

  private let refinement = Refinement(slo: 0.5, rounds: 3)

  @Test("the next setting lies half-way between the cheapest that keeps the goal and its neighbour that does not")
  func half() throws {
    #expect(try refinement.next(after: result([0.2, 0.8, 0.4])).map(\.name) == ["m:0.6"])
    #expect(try refinement.next(after: result([0.2, 0.8, 0.4, 0.6])).map(\.name) == ["m:0.5"])
  }

  @Test("one run that misses is enough for a setting not to keep the goal")
  func oneRun() throws {
    #expect(try refinement.next(after: result([0.2, 0.4, 0.8], misses: [0.4])).map(\.name) == ["m:0.3"])
  }

  @Test("there is nothing to find where every setting keeps the goal, none does, or nothing can be tuned")
  func nothing() throws {
    #expect(try refinement.next(after: result([0.2, 0.4])).isEmpty)
    #expect(try refinement.next(after: result([0.6, 0.8])).isEmpty)
    var fixed = result([0.2, 0.8])
    for index in fixed.contestants.indices { fixed.contestants[index].knob = nil }
    #expect(try refinement.next(after: fixed).isEmpty)
  }

  @Test("a study that is refined has the settings between, and each is as if it had been on the grid")
  func study() throws {
    let scenario = Scenario(
      pods: [PodParameters()], descriptions: [PodDescription(name: "pod")],
      settings: DecisionSettings(pool: ResourcePool(capacity: 900)), seconds: 60, initialLimit: 300, slo: 0.2,
      workload: try Workload(WorkloadSettings("noisy", mean: 15, minimum: 0)))
    @Sendable func target(_ value: Double) -> Contestant {
      var contestant = Contestant(UsagePeakBaseline.fast, values: [value], name: "target \(value)")
      contestant.knob = Contestant.Knob(value) { target($0) }
      return contestant
    }
    let load = Study.Load(name: "noisy", scenario: scenario)
    let grid = Study(loads: [load], contestants: [target(0.2), target(1)], seeds: [1, 2])
    let played = Mutex(0)
    let refined = try grid.refine(
      try grid.run(jobs: 1), by: Refinement(slo: 0.2, rounds: 3), jobs: 2,
      finished: { count in played.withLock { $0 = max($0, count) } })[0]
    #expect(refined.policies.count == 5 && refined.contestants.count == 5 && played.withLock { $0 } == 6)
    #expect(refined.policies[2].name == "target 0.6")
    let whole = Study(loads: [load], contestants: refined.contestants, seeds: [1, 2])
    #expect(try whole.run(jobs: 1)[0].policies == refined.policies)
    let front = try #require(PolicyFront.all(of: refined.policies).first)
    let best = try #require(front.cheapest(meeting: 0.2))
    #expect(best.meanAllocated < refined.policies[0].meanAllocated)
  }
}
