import Autoscaling
import PodSimulation
import Testing

@testable import Evaluation

@Suite("Comparison")
struct ComparisonTests {
  private func scenario(rps: Double, seconds: Int = 60, pool: Int = 1000, limit: Int = 330) throws -> Scenario {
    Scenario(
      pods: Array(repeating: PodParameters(), count: 3), descriptions: (0..<3).map { PodDescription(name: "pod\($0)") },
      settings: DecisionSettings(pool: ResourcePool(capacity: pool)), seconds: seconds, initialLimit: limit, slo: 0.25,
      workload: try Workload(WorkloadSettings("constant", mean: rps, minimum: 0)))
  }

  private let contestants = Baselines.all.map { Contestant($0) }

  @Test("the result does not depend on the number of jobs")
  func jobs() throws {
    let comparison = Comparison(scenario: try scenario(rps: 20), contestants: contestants, seeds: [1, 2, 3])
    let one = try comparison.run(jobs: 1)
    #expect(try comparison.run(jobs: 2) == one)
    #expect(one.map(\.name) == Baselines.all.map(\.name))
    #expect(one.allSatisfy { $0.runs.count == 3 })
    #expect(one[0].runs[0] != one[0].runs[1])
  }

  @Test("policies meet the same requests on the same seed")
  func sameLoad() throws {
    let results = try Comparison(scenario: try scenario(rps: 20), contestants: contestants, seeds: [7]).run(jobs: 2)
    // Requests still on their way at the end are not counted, so the counts may differ by the queue.
    #expect(abs(results[0].runs[0].requests - results[1].runs[0].requests) < 10)
  }

  @Test("static allocates the pool for as long as the episode lasts and resizes once to get there")
  func allocation() throws {
    let metrics = try scenario(rps: 20, seconds: 60).rollout(Contestant(StaticBaseline.entry), seed: 1)
    #expect(abs(metrics.allocatedCoreSeconds - 3 * 0.33 * 60) < 1e-9)
    #expect(metrics.resizes == 0)
    #expect(metrics.poolViolations == 0)
  }

  @Test("the pool holds also where resizes take time and metrics are late", arguments: 1...4)
  func slowResizes(seed: UInt64) throws {
    var scenario = try scenario(rps: 20, seconds: 200)
    scenario.workload = try Workload(WorkloadSettings("bursty", mean: 20))
    scenario.resizeLatency = Randomization.Range(0.1, 2)
    scenario.metrics = .any
    scenario.settings.shield.allow(for: scenario.metrics, resizeLatency: scenario.resizeLatency)
    for baseline in Baselines.all {
      #expect(try scenario.rollout(Contestant(baseline), seed: seed).poolViolations == 0, "\(baseline.name)")
    }
  }

  @Test("an overloaded pod times out and misses the goal, an idle one does neither")
  func extremes() throws {
    let overloaded = try scenario(rps: 80).rollout(Contestant(StaticBaseline.entry), seed: 1)
    #expect(overloaded.timeouts > 100)
    #expect(overloaded.violationRate > 0.5)
    #expect(overloaded.p99 == 2)
    let idle = try scenario(rps: 0).rollout(Contestant(StaticBaseline.entry), seed: 1)
    #expect(idle.requests == 0)
    #expect(idle.p99 == 0)
  }

  @Test("used CPU is requests times their demand")
  func usage() throws {
    let metrics = try scenario(rps: 10, seconds: 300).rollout(Contestant(StaticBaseline.entry), seed: 3)
    #expect(abs(metrics.usedCoreSeconds / Double(metrics.requests) - 0.0101) < 0.0005)
  }
}
