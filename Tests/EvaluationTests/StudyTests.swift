import Autoscaling
import PodSimulation
import Testing

@testable import Evaluation

@Suite("Study")
struct StudyTests {
  private func scenario(rps: Double, seconds: Int = 60, pool: Int = 1000, limit: Int = 330) throws -> Scenario {
    Scenario(
      pods: Array(repeating: PodParameters(), count: 3), descriptions: (0..<3).map { PodDescription(name: "pod\($0)") },
      settings: DecisionSettings(pool: ResourcePool(capacity: pool)), seconds: seconds, initialLimit: limit, slo: 0.25,
      workload: try Workload(WorkloadSettings("constant", mean: rps, minimum: 0)))
  }

  private let contestants = Baselines.all.map { Contestant($0) }

  private func study(_ scenario: Scenario, seeds: [UInt64]) -> Study {
    Study(loads: [Study.Load(name: "constant", scenario: scenario)], contestants: contestants, seeds: seeds)
  }

  @Test("the result does not depend on the number of jobs")
  func jobs() throws {
    let study = study(try scenario(rps: 20), seeds: [1, 2, 3])
    let one = try study.run(jobs: 1)[0].policies
    #expect(try study.run(jobs: 2)[0].policies == one)
    #expect(one.map(\.name) == Baselines.all.map(\.name))
    #expect(one.allSatisfy { $0.runs.count == 3 })
    #expect(one[0].runs[0] != one[0].runs[1])
  }

  @Test("several loads are played one after the other, each as if it were alone")
  func loads() throws {
    let scenarios = try [scenario(rps: 20, seconds: 20), scenario(rps: 10, seconds: 30)]
    let loads = scenarios.enumerated().map { Study.Load(name: "\($0)", scenario: $1) }
    let contestants = [Contestant(StaticBaseline.entry), Contestant(CaptainBaseline.entry)]
    let both = try Study(loads: loads, contestants: contestants, seeds: [1, 2]).run(jobs: 2)
    #expect(both.map(\.name) == ["0", "1"])
    for (load, result) in zip(loads, both) {
      let alone = try Study(loads: [load], contestants: contestants, seeds: [1, 2]).run(jobs: 1)
      #expect(alone[0].policies == result.policies)
    }
  }

  @Test("policies meet the same requests on the same seed")
  func sameLoad() throws {
    let results = try study(try scenario(rps: 20), seeds: [7]).run(jobs: 2)[0].policies
    // Requests still on their way at the ends are not counted, so the counts may differ by the queues.
    #expect(abs(results[0].runs[0].requests - results[1].runs[0].requests) < 10)
  }

  @Test("a warm-up does not count")
  func warmUp() throws {
    var scenario = try scenario(rps: 20, seconds: 60)
    scenario.warmUp = 30
    let metrics = try scenario.rollout(Contestant(UsagePeakBaseline.fast), seed: 1)
    #expect(metrics.resizesPerPodHour == Double(metrics.resizes) * 20)
    let settled = try scenario.rollout(Contestant(StaticBaseline.entry), seed: 1)
    #expect(abs(settled.allocatedCoreSeconds - 3 * 0.33 * 60) < 1e-9)
  }

  @Test("writing unchanged limits gives more CPU than the limits allow")
  func rewrites() throws {
    var scenario = try scenario(rps: 60, seconds: 60)
    let plain = try scenario.rollout(Contestant(StaticBaseline.entry), seed: 1)
    scenario.rewritesLimits = true
    let rewritten = try scenario.rollout(Contestant(StaticBaseline.entry), seed: 1)
    #expect(plain.resizes == 0 && rewritten.resizes == 180)
    #expect(rewritten.cumulativeChange == 0)
    #expect(plain.excessFraction < 0.01)
    #expect(rewritten.excessFraction > 0.02)
    #expect(rewritten.usedCoreSeconds > plain.usedCoreSeconds * 1.05)
  }

  @Test("important pods keep the goal where a pool too small for all is shared by priority")
  func priorities() throws {
    var scenario = try scenario(rps: 30, seconds: 120, pool: 600, limit: 200)
    for (pod, priority) in [1, 0.5, 0.1].enumerated() { scenario.descriptions[pod].priority = priority }
    let metrics = try scenario.rollout(Contestant(NoLimitBaseline.entry), seed: 1)
    let met = metrics.priorities.map(\.metRate)
    #expect(metrics.priorities.map(\.priority) == [1, 0.5, 0.1])
    #expect(met[0] >= 2 * met[2])
    #expect(met[0] > 0.7)
    #expect(metrics.poolViolations == 0)
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
    for baseline in Baselines.all where !baseline.knowsFuture {
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
