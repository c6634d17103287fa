import Autoscaling
import Testing

@testable import Evaluation

@Suite("Baselines")
struct BaselineTests {
  private func limits(_ policy: some ScalingPolicy, usage: [Double], limit: Int = 300, pool: Int = 1000) -> [Int] {
    let group = PodGroup(
      pods: usage.indices.map { PodDescription(name: "pod\($0)") },
      settings: DecisionSettings(pool: ResourcePool(capacity: pool), shield: SafetyShield(granularity: 1)))
    let samples = usage.map { PodSample(time: 1, limit: limit, request: limit, usage: $0) }
    samples.withUnsafeBufferPointer { group.observe($0, at: 1) }
    var policy = policy
    group.decide(asking: &policy)
    return group.resizes.map(\.limit)
  }

  @Test("static gives everybody the same share of the pool")
  func equalShare() {
    #expect(limits(StaticBaseline(), usage: [10, 200, 300]) == [333, 333, 333])
  }

  @Test("threshold raises above 60 %, lowers below 30 % and keeps in between")
  func threshold() {
    #expect(limits(ThresholdBaseline(), usage: [181, 180, 89], limit: 300) == [325, 300, 275])
  }

  @Test("threshold raises only what the pool has left, first come first served")
  func scarce() {
    #expect(limits(ThresholdBaseline(), usage: [290, 290, 290], limit: 320, pool: 1000) == [345, 320, 320])
  }

  @Test("threshold never lowers below the minimum")
  func minimum() {
    #expect(limits(ThresholdBaseline(), usage: [1], limit: 60) == [50])
  }

  @Test("the catalogue finds each baseline by its name")
  func catalogue() {
    for baseline in Baselines.all { #expect(Baselines.named(baseline.name)?.name == baseline.name) }
    #expect(Set(Baselines.all.map(\.name)).count == Baselines.all.count)
  }
}
