import Autoscaling
import PodSimulation
import Testing

@testable import Evaluation

@Suite("Oracle")
struct OracleTests {
  /// One pod whose requests come equally spaced, each of the same demand; overhead and losses left out.
  private func scenario(rps: Double, demand: Double, pods: Int = 1, seconds: Int = 60) throws -> Scenario {
    var pod = PodParameters()
    pod.demand = ServiceDemand(.deterministic, mean: demand)
    pod.arrivals = Arrivals(.deterministic)
    (pod.overhead, pod.latency, pod.speed, pod.phase) = (0, 0, 1, 0)
    return Scenario(
      pods: Array(repeating: pod, count: pods), descriptions: (0..<pods).map { PodDescription(name: "pod\($0)") },
      settings: DecisionSettings(pool: ResourcePool(capacity: 1000 * pods)), seconds: seconds, initialLimit: 500,
      slo: 0.25, workload: try Workload(WorkloadSettings("constant", mean: rps, minimum: 0)))
  }

  private func oracle(_ price: Double) -> Contestant { Contestant(OracleBaseline.entry, values: [price, 1]) }

  @Test("a steady stream gets what it needs and next to nothing more")
  func steady() throws {
    // 20 requests/s of 10 ms need 200m; a little less does, because every change of the limit brings a fresh quota.
    let metrics = try scenario(rps: 20, demand: 0.01).rollout(oracle(1), seed: 1)
    #expect(metrics.violationRate == 0)
    #expect((185...206).contains(metrics.allocatedCoreSeconds / 60 * 1000))
    #expect(metrics.utilisation > 0.97)
  }

  @Test("what a late request is worth decides whether one gets the CPU to be on time")
  func price() throws {
    // One request a second of 100 ms: 100m serve it some time. Within 250 ms it gets the quota of three periods at most,
    // which makes 340m; a quota freshly written helps, and what is left of one second is done in the next.
    let scenario = try scenario(rps: 1, demand: 0.1)
    let dear = try scenario.rollout(oracle(10), seed: 1)
    #expect(dear.violationRate == 0)
    #expect((100...400).contains(dear.allocatedCoreSeconds / 60 * 1000))
    let cheap = try scenario.rollout(oracle(0.0001), seed: 1)
    #expect(cheap.allocatedCoreSeconds / 60 * 1000 < 110)
    #expect(cheap.violationRate > 0.9)
  }

  @Test("no policy that meets the same tail needs less", arguments: [1, 2] as [UInt64])
  func bound(seed: UInt64) throws {
    var scenario = try scenario(rps: 20, demand: 0.01, pods: 2, seconds: 120)
    scenario.cluster = PodClusterConfiguration(pods: [PodParameters(), PodParameters()])
    scenario.workload = try Workload(WorkloadSettings("bursty", mean: 12))
    let settings = try #require(try Baselines.parseSweep("oracle")).settings
    let oracles = try settings.map { try scenario.rollout(Contestant(OracleBaseline.entry, values: $0), seed: seed) }
    for baseline in [CaptainBaseline.entry, UsagePeakBaseline.fast, ProportionalBaseline.entry] {
      for value in baseline.parameters[0].sweep {
        let metrics = try scenario.rollout(Contestant(baseline, values: [value]), seed: seed)
        guard metrics.p99 <= 0.25 else { continue }
        let best = oracles.filter { $0.p99 <= max(metrics.p99, 0.25) }.map(\.allocatedCoreSeconds).min()
        #expect(try #require(best) < metrics.allocatedCoreSeconds, "\(baseline.name) \(value)")
      }
    }
  }

  @Test("a forecast of the rates needs more than knowing the requests, and less than no foresight at all")
  func forecast() throws {
    var scenario = try scenario(rps: 20, demand: 0.01, pods: 2, seconds: 120)
    scenario.cluster = PodClusterConfiguration(pods: [PodParameters(), PodParameters()])
    scenario.workload = try Workload(WorkloadSettings("step", mean: 15))
    func cheapest(_ name: String) throws -> Double {
      let (baseline, settings) = try #require(try Baselines.parseSweep(name))
      let runs = try settings.map { try scenario.rollout(Contestant(baseline, values: $0), seed: 3) }
      return try #require(runs.filter { $0.p99 <= 0.25 }.map(\.allocatedCoreSeconds).min())
    }
    let (all, rates, none) = (try cheapest("oracle"), try cheapest("forecast"), try cheapest("k8s-cpu-fast"))
    #expect(all < rates)
    #expect(rates < none)
  }

  @Test("plans the very episode that is played, with a pool that is too small too")
  func scarce() throws {
    var scenario = try scenario(rps: 40, demand: 0.01, pods: 3)
    scenario.settings.pool = ResourcePool(capacity: 900)
    scenario.initialLimit = 300
    let metrics = try scenario.rollout(oracle(1), seed: 5)
    #expect(metrics.poolViolations == 0)
    #expect(metrics.allocatedCoreSeconds <= 0.9 * 60 + 1e-9)
    #expect(metrics == (try scenario.rollout(oracle(1), seed: 5)))
  }

  @Test("refuses what it cannot play pod by pod")
  func refusals() throws {
    var shared = try scenario(rps: 10, demand: 0.01)
    shared.cluster.sharedCores = 1
    #expect(throws: BaselineError.self) { try shared.rollout(oracle(1), seed: 1) }
    var late = try scenario(rps: 10, demand: 0.01)
    late.metrics = .kubelet
    #expect(throws: BaselineError.self) { try late.rollout(oracle(1), seed: 1) }
    var slow = try scenario(rps: 10, demand: 0.01)
    slow.resizeLatency = Randomization.Range(0.1, 1)
    #expect(throws: BaselineError.self) { try slow.rollout(oracle(1), seed: 1) }
  }
}
