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

  @Test("no-limit asks for everything and gets a fair share of the pool")
  func noLimit() {
    #expect(limits(NoLimitBaseline(), usage: [10, 10, 10]) == [334, 333, 333])
    #expect(limits(NoLimitBaseline(), usage: [10, 10], pool: 5000) == [1000, 1000])
  }

  @Test("proportional is usage over its target")
  func proportional() {
    #expect(limits(ProportionalBaseline(target: 0.5), usage: [100, 60, 10]) == [200, 120, 50])
  }

  /// The limits of one pod whose usage is as given, second by second.
  private func trajectory(_ policy: some ScalingPolicy, usage: [Double]) -> [Int] {
    let group = PodGroup(
      pods: [PodDescription(name: "pod")],
      settings: DecisionSettings(pool: ResourcePool(capacity: 2000), shield: SafetyShield(granularity: 1)))
    var policy = policy
    var limit = 500
    return usage.enumerated().map { second, usage in
      let sample = [PodSample(time: Double(second), limit: limit, request: limit, usage: usage)]
      sample.withUnsafeBufferPointer { group.observe($0, at: Double(second)) }
      group.decide(asking: &policy)
      limit = group.resizes[0].limit
      group.noteSent(0, at: Double(second))
      return limit
    }
  }

  @Test("the fast usage peak rises at once and falls when the peak has left its window")
  func usagePeak() {
    let usage = Array(repeating: 60.0, count: 5) + [300] + Array(repeating: 60.0, count: 25)
    let limits = trajectory(UsagePeakBaseline(target: 0.6, interval: 1, window: 20), usage: usage)
    #expect(limits[4] == 100)
    #expect(limits[5...24].allSatisfy { $0 == 500 })
    #expect(limits[25] == 100)
  }

  @Test("the slow usage peak decides every 15 seconds from the mean usage in between")
  func usagePeakSlow() {
    let usage = Array(repeating: 60.0, count: 15) + Array(repeating: 120.0, count: 16)
    let limits = trajectory(UsagePeakBaseline(target: 0.6, interval: 15, window: 300), usage: usage)
    #expect(limits[14] == 100)
    #expect(limits[30] == 200)
  }

  @Test("the vertical autoscaler recommends the percentile plus its margin, once a minute")
  func vertical() {
    let limits = trajectory(VerticalPodAutoscalerBaseline(), usage: Array(repeating: 200, count: 130))
    #expect(limits[59] == limits[0])
    // 200m lies in the bucket from 196.0m to 215.8m; its end times 1.15, rounded up.
    #expect(limits[60] == 249)
  }

  @Test("the catalogue finds each baseline by its name")
  func catalogue() {
    for baseline in Baselines.all { #expect(Baselines.named(baseline.name)?.name == baseline.name) }
    #expect(Set(Baselines.all.map(\.name)).count == Baselines.all.count)
  }

  @Test("a baseline can be named with other parameters")
  func parse() throws {
    let parsed = try #require(try Baselines.parse("threshold:upper=80,increment=50"))
    #expect(parsed.values == [30, 80, 50])
    #expect(try Baselines.parse("nothing") == nil)
    #expect(throws: BaselineError.self) { try Baselines.parse("threshold:upper=x") }
    #expect(throws: BaselineError.self) { try Baselines.parse("threshold:speed=1") }
    #expect(throws: BaselineError.self) { try Baselines.parse("static:share=1") }
    #expect(throws: BaselineError.self) { try Baselines.parse("k8s-cpu:target=0") }
    #expect(throws: BaselineError.self) { try Baselines.parse("captain:target=0.1,0.2") }
    #expect(throws: BaselineError.self) { try Baselines.parse("captain:target=0.1,target=0.2") }
    #expect(throws: BaselineError.self) { try Baselines.parse("captain:0.1") }
  }

  @Test("a sweep is every combination of the values given, or the baseline's own grid")
  func sweep() throws {
    let own = try #require(try Baselines.parseSweep("captain"))
    #expect(own.settings == [0, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5].map { [$0] })
    let given = try #require(try Baselines.parseSweep("threshold:upper=60,80,increment=25,50"))
    #expect(given.settings == [[30, 60, 25], [30, 60, 50], [30, 80, 25], [30, 80, 50]])
    #expect(try #require(try Baselines.parseSweep("static")).settings == [[]])
    #expect(try Baselines.parseSweep("nothing") == nil)
    for baseline in Baselines.all {
      for setting in try #require(try Baselines.parseSweep(baseline.name)).settings {
        #expect(zip(baseline.parameters, setting).allSatisfy { $0.range.contains($1) })
      }
    }
  }

  @Test("a setting's text reads back as the setting")
  func text() throws {
    for baseline in Baselines.all where !baseline.parameters.isEmpty {
      #expect(baseline.text(baseline.defaults) == baseline.name)
      let values = baseline.parameters.map { $0.sweep.last ?? $0.range.upperBound }
      #expect(try #require(try Baselines.parse(baseline.text(values))).values == values)
      #expect(try #require(try Baselines.parse(baseline.text(values, omitsDefaults: false))).values == values)
    }
  }

  @Test(
    "words that a list of words took apart are put together again",
    arguments: [
      (["threshold:upper=80", "increment=50", "static"], ["threshold:upper=80,increment=50", "static"]),
      (["captain:target=0.1", "0.2", "vpa"], ["captain:target=0.1,0.2", "vpa"]),
      (["captain:target=0.1", "mine=a.h5"], ["captain:target=0.1", "mine=a.h5"]),
      (["static", "upper=80"], ["static", "upper=80"]), (["0.5"], ["0.5"]),
    ])
  func joined(words: [String], expected: [String]) {
    #expect(Baselines.joined(words) == expected)
  }
}
