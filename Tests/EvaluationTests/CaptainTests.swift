import Autoscaling
import Testing

@testable import Evaluation

@Suite("Captain")
struct CaptainTests {
  /// One second as the controller sees it: ten periods of the same usage, or of two in turn, and how many ended throttled.
  private struct Second {
    var usage: [Float]
    var throttled: Int

    init(_ usage: Float..., throttled: Int = 0) {
      self.usage = usage
      self.throttled = throttled
    }
  }

  /// The limits that follow.
  private func limits(_ target: Double, from first: Int, _ seconds: [Second], minimum: Int = 10) -> [Int] {
    let group = PodGroup(
      pods: [PodDescription(name: "pod")],
      settings: DecisionSettings(
        pool: ResourcePool(capacity: 10_000),
        shield: SafetyShield(minimum: minimum, maximum: 10_000, granularity: 1)))
    var policy = CaptainBaseline(target: target)
    var limit = first
    return seconds.enumerated().map { number, second in
      var periods = PeriodUsage()
      for index in 0..<10 { periods.append(second.usage[index % second.usage.count]) }
      periods.throttled = second.throttled
      var sample = PodSample(time: Double(number), limit: limit, request: limit, usage: 100)
      sample.periodUsage = periods
      [sample].withUnsafeBufferPointer { group.observe($0, at: Double(number)) }
      group.decide(asking: &policy)
      limit = group.resizes[0].limit
      group.noteSent(0, at: Double(number))
      return limit
    }
  }

  @Test("cuts by half at most, takes a cut back twice over when it throttles, and grows by the throttled share")
  func sequence() {
    let quiet = Second(100)
    // Half; half; throttled right after: 125 + 2 · (250 − 125); 375 · (1 + 0.5 − 0.3); half; half; then what is used.
    let limits = limits(
      0.1, from: 500, [quiet, quiet, Second(100, throttled: 5), Second(100, throttled: 5), quiet, quiet, quiet])
    #expect(limits == [250, 125, 375, 450, 225, 113, 100])
  }

  @Test("proposes the largest usage plus margin times standard deviation, and cuts only when that saves a tenth")
  func proposal() {
    // Usage of 90m and 110m in turn: σ = 10m; the margin is 3 + 0 − 0.1 after the first second: 110 + 2.9 · 10 = 139.
    #expect(limits(0.1, from: 150, [Second(90, 110)]) == [150])
    #expect(limits(0.1, from: 160, [Second(90, 110)]) == [139])
    #expect(limits(0.1, from: 160, [Second(90, 110), Second(90, 110)]) == [139, 139])
  }

  @Test("the margin grows while more is throttled than is aimed at, and never falls below nothing")
  func margin() {
    // r = 0.2: not above three times the target; the margin is 3 + 0.1, the proposal 110 + 31.
    #expect(limits(0.1, from: 1000, [Second(90, 110, throttled: 2)]) == [500])
    #expect(limits(0.1, from: 160, [Second(90, 110, throttled: 2)]) == [141])
    // A target of 1 takes one off the margin every second, down to nothing: 110m remain.
    let calm = Second(90, 110)
    #expect(limits(1, from: 160, [calm, calm, calm, calm]) == [130, 130, 110, 110])
  }

  @Test("any throttling is too much for a target of nothing")
  func strict() {
    #expect(limits(0, from: 200, [Second(200, throttled: 1)]) == [220])
  }

  @Test("never asks for less than 10m")
  func floor() {
    #expect(limits(0.1, from: 15, [Second(0), Second(0)], minimum: 1) == [10, 10])
  }

  @Test("forgets what is older than five seconds")
  func memory() {
    let seconds = [Second(400)] + Array(repeating: Second(100), count: 5)
    let limits = limits(1, from: 500, seconds)
    // The margin is 2, 1, 0, 0, 0, 0; the peak of 400m counts for five seconds.
    #expect(limits[0] == 400)
    #expect(limits[4] == 400)
    #expect(limits[5] == 200)
  }

  @Test("where single periods are not known, the mean stands for each of them")
  func withoutPeriods() {
    let group = PodGroup(
      pods: [PodDescription(name: "pod")],
      settings: DecisionSettings(shield: SafetyShield(minimum: 10, granularity: 1)))
    var policy = CaptainBaseline(target: 0.1)
    [PodSample(time: 1, limit: 300, request: 300, usage: 200)].withUnsafeBufferPointer { group.observe($0, at: 1) }
    group.decide(asking: &policy)
    #expect(group.resizes[0].limit == 200)
  }
}
