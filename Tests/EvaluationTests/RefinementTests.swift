import Autoscaling
import PodSimulation
import Synchronization
import Testing

@testable import Evaluation

@Suite("Refinement")
struct RefinementTests {
  /// A setting of a policy whose P99 grows with its knob (seconds, both runs alike), and whose CPU falls.
  private func setting(_ value: Double, line: String = "x") -> Contestant {
    var contestant = Contestant(StaticBaseline.entry, name: "m:\(value)")
    contestant.family = "m"
    contestant.identity = "m \(value)"
    contestant.knobs = [Contestant.Knob(line: line, value) { self.setting($0, line: line) }]
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

  @Test("neighbours are settings that differ in one number only")
  func lines() throws {
    var result = result([0.2, 0.8, 0.4, 0.5])
    result.contestants[3].knobs = setting(0.5, line: "y").knobs
    #expect(try refinement.next(after: result).isEmpty, "the best one is alone on its line")
    result.contestants[1].knobs += setting(0.9, line: "y").knobs
    #expect(try refinement.next(after: result).map(\.name) == ["m:0.7"])
  }

  @Test("a setting with several numbers is refined along each of them, and none is played twice")
  func axes() throws {
    var result = result([0.2, 0.8, 0.9])
    result.contestants[0].knobs += setting(10, line: "y").knobs
    result.contestants[2].knobs = setting(20, line: "y").knobs
    #expect(try refinement.next(after: result).map(\.name) == ["m:0.5", "m:15.0"])
    result.contestants[1].identity = setting(0.5).identity
    #expect(try refinement.next(after: result).map(\.name) == ["m:15.0"])
  }

  @Test("there is nothing to find where every setting keeps the goal, none does, or nothing can be tuned")
  func nothing() throws {
    #expect(try refinement.next(after: result([0.2, 0.4])).isEmpty)
    #expect(try refinement.next(after: result([0.6, 0.8])).isEmpty)
    var fixed = result([0.2, 0.8])
    for index in fixed.contestants.indices { fixed.contestants[index].knobs = [] }
    #expect(try refinement.next(after: fixed).isEmpty)
  }

  @Test("a study that is refined has the settings between, and each is as if it had been on the grid")
  func study() throws {
    let scenario = Scenario(
      pods: [PodParameters()], descriptions: [PodDescription(name: "pod")],
      settings: DecisionSettings(pool: ResourcePool(capacity: 900)), seconds: 60, initialLimit: 300, slo: 0.2,
      workload: try Workload(WorkloadSettings("noisy", mean: 15, minimum: 0)))
    func target(_ value: Double) -> Contestant {
      Contestant(UsagePeakBaseline.fast, values: [value], axes: [0])
    }
    let load = Study.Load(name: "noisy", scenario: scenario)
    let grid = Study(loads: [load], contestants: [target(0.2), target(1)], seeds: [1, 2])
    let played = Mutex(0)
    let refined = try grid.refine(
      try grid.run(jobs: 1), by: Refinement(slo: 0.2, rounds: 3), jobs: 2,
      finished: { count in played.withLock { $0 = max($0, count) } })[0]
    #expect(refined.policies.count == 5 && refined.contestants.count == 5 && played.withLock { $0 } == 6)
    #expect(refined.policies[2].name == "k8s-cpu-fast")
    let whole = Study(loads: [load], contestants: refined.contestants, seeds: [1, 2])
    #expect(try whole.run(jobs: 1)[0].policies == refined.policies)
    let front = try #require(PolicyFront.all(of: refined.policies).first)
    let best = try #require(front.cheapest(meeting: 0.2))
    #expect(best.meanAllocated < refined.policies[0].meanAllocated)
  }
}
