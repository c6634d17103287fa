import PodSimulation
import Testing

@testable import Evaluation

@Suite("Episode meter")
struct EpisodeMeterTests {
  private func second(
    usage: Double, periods: Int = 10, throttled: Int = 0, throttledTime: Double = 0, timeouts: Int = 0
  ) -> PodSecond {
    var second = PodSecond()
    second.usage = usage
    second.periods = periods
    second.throttledPeriods = throttled
    second.throttledTime = throttledTime
    second.timeouts = timeouts
    return second
  }

  private func add(
    _ meter: inout EpisodeMeter, pod: Int, _ second: PodSecond, limit: Double, request: Int = 100, _ responses: [Double]
  ) {
    responses.withUnsafeBufferPointer {
      meter.add(pod: pod, second, limit: limit, request: request, timeout: 2, responses: $0)
    }
  }

  /// Two pods of priorities 1 and 0.5 for three seconds, goal 250 ms, pool 500m:
  ///
  ///     second    pod   limit   usage   throttled   responses
  ///       0        0     200     150      1 / 10    0.1 0.2
  ///                1     300     100      0 / 5     0.3
  ///       1        0     240     250      3 / 10    0.2 0.4          (10m beyond the limit)
  ///                1     270      50      0 / 5     —                (510m in all: 10m over the pool)
  ///       2        0     200     100      0 / 10    0.1
  ///                1     300      50      0 / 5     2.0 (timed out)
  private var episode: RolloutMetrics {
    var meter = EpisodeMeter(priorities: [1, 0.5], slo: 0.25)
    add(&meter, pod: 0, second(usage: 150, throttled: 1, throttledTime: 0.05), limit: 200, [0.1, 0.2])
    add(&meter, pod: 1, second(usage: 100, periods: 5), limit: 300, [0.3])
    meter.endSecond(pool: 500)
    meter.addResize(pod: 0, from: 200, to: 240)
    meter.addResize(pod: 1, from: 300, to: 270)
    add(&meter, pod: 0, second(usage: 250, throttled: 3, throttledTime: 0.2), limit: 240, [0.2, 0.4])
    add(&meter, pod: 1, second(usage: 50, periods: 5), limit: 270, [])
    meter.endSecond(pool: 500)
    meter.addResize(pod: 0, from: 240, to: 200)
    meter.addResize(pod: 1, from: 270, to: 300)
    add(&meter, pod: 0, second(usage: 100), limit: 200, [0.1])
    add(&meter, pod: 1, second(usage: 50, periods: 5, timeouts: 1), limit: 300, request: 60, [2])
    meter.endSecond(pool: 500)
    return meter.metrics()
  }

  private func isNear(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 1e-6 }

  @Test("response times are nearest ranks over all pods; a time-out counts as the timeout")
  func responses() {
    // Sorted: 0.1 0.1 0.2 0.2 0.3 0.4 2.0
    let metrics = episode
    #expect(metrics.requests == 7)
    #expect(metrics.timeouts == 1)
    #expect(isNear(metrics.p50, 0.2) && isNear(metrics.p95, 2) && isNear(metrics.p99, 2) && isNear(metrics.p999, 2))
    #expect(isNear(metrics.mean, 3.3 / 7))
  }

  @Test("violations of the goal by request, by second and by minute")
  func violations() {
    let metrics = episode
    #expect(isNear(metrics.violationRate, 3.0 / 7))
    // Every second has a late request, and with so few requests the 99th percentile is the latest.
    #expect(metrics.violationRateBySecond == 1)
    #expect(metrics.violationRateByMinute == 1)
  }

  @Test("a second or a minute is bad when its 99th percentile is; those without requests are not judged")
  func seconds() {
    var meter = EpisodeMeter(priorities: [1], slo: 0.25)
    for number in 0..<180 {
      // 200 requests a second: two late ones leave the 99th percentile in time, three do not. The second minute is silent.
      let late = number == 0 ? 3 : number < 60 ? 2 : number < 120 ? 0 : 2
      let count = (60..<120).contains(number) ? 0 : 200
      add(
        &meter, pod: 0, second(usage: 0), limit: 100,
        Array(repeating: 0.3, count: late) + Array(repeating: 0.1, count: count - late))
      meter.endSecond(pool: 100)
    }
    let metrics = meter.metrics()
    #expect(isNear(metrics.violationRateBySecond, 1.0 / 120))
    // The first minute has 121 late ones of 12,000, one more than a hundredth; the third 120.
    #expect(metrics.violationRateByMinute == 0.5)
  }

  @Test("limits, requests, use, slack and use beyond the limit add up over time")
  func cpu() {
    let metrics = episode
    #expect(isNear(metrics.allocatedCoreSeconds, 1.51))
    #expect(isNear(metrics.requestedCoreSeconds, 0.56))
    #expect(isNear(metrics.usedCoreSeconds, 0.7))
    #expect(isNear(metrics.slackCoreSeconds, 0.81))
    #expect(isNear(metrics.utilisation, 0.7 / 1.51))
    #expect(isNear(metrics.excessCoreSeconds, 0.01))
    #expect(isNear(metrics.excessFraction, 0.01 / 1.51))
    #expect(metrics.poolViolations == 1)
  }

  @Test("throttling by period and by time")
  func throttling() {
    #expect(isNear(episode.throttledFraction, 4.0 / 45))
    #expect(isNear(episode.throttledSeconds, 0.25))
  }

  @Test("resizes, the way they go in all, and how often they turn round")
  func resizes() {
    let metrics = episode
    #expect(metrics.resizes == 4)
    #expect(isNear(metrics.resizesPerPodHour, 4.0 / 6 * 3600))
    #expect(isNear(metrics.cumulativeChange, 0.14))
    #expect(metrics.signReversals == 2)
  }

  @Test("a write of the same value is a resize that goes nowhere and turns nothing round")
  func rewrites() {
    var meter = EpisodeMeter(priorities: [1], slo: 0.25)
    for (old, new) in [(100, 120), (120, 120), (120, 140), (140, 140), (140, 130)] {
      meter.addResize(pod: 0, from: old, to: new)
    }
    meter.endSecond(pool: 1000)
    let metrics = meter.metrics()
    #expect(metrics.resizes == 5)
    #expect(metrics.signReversals == 1)
    #expect(isNear(metrics.cumulativeChange, 0.05))
  }

  @Test("priorities: how each fares, and by how much a pod is worse off than a less important one")
  func priorities() {
    let metrics = episode
    #expect(metrics.priorities.map(\.priority) == [1, 0.5])
    #expect(metrics.priorities.map(\.requests) == [5, 2])
    #expect(isNear(metrics.priorities[0].violationRate, 0.2) && metrics.priorities[1].violationRate == 1)
    #expect(isNear(metrics.priorities[0].allocatedCoreSeconds, 0.64))
    // The less important one misses more: that is fair.
    #expect(metrics.unfairness == 0)
  }

  @Test(
    "unfairness compares a pod with all of its own or a lower priority",
    arguments: [
      ([1.0, 0.5], [0.5, 0.1], 0.4), ([1, 0.5], [0.1, 0.5], 0), ([1, 1], [0.1, 0.4], 0.3),
      ([1, 0.5, 0.1], [0.2, 0.6, 0.3], 0.3), ([0.1, 1, 0.1], [0, 0, 0.2], 0.2),
    ] as [([Double], [Double], Double)])
  func unfairness(priorities: [Double], missed: [Double], expected: Double) {
    var meter = EpisodeMeter(priorities: priorities, slo: 0.25)
    for (pod, share) in missed.enumerated() {
      let late = Int((share * 10).rounded())
      add(
        &meter, pod: pod, second(usage: 0), limit: 100,
        Array(repeating: 1, count: late) + Array(repeating: 0.1, count: 10 - late))
    }
    meter.endSecond(pool: 1000)
    #expect(isNear(meter.metrics().unfairness, expected))
  }

  @Test("an episode without requests has no response times and misses nothing")
  func silence() {
    var meter = EpisodeMeter(priorities: [1], slo: 0.25)
    meter.endSecond(pool: 1000)
    #expect(
      meter.metrics()
        == {
          var nothing = RolloutMetrics()
          nothing.priorities = [
            PriorityOutcome(priority: 1, pods: 1, requests: 0, violationRate: 0, allocatedCoreSeconds: 0)
          ]
          return nothing
        }())
  }

  @Test("metrics have names that files can use, each once")
  func columns() {
    #expect(Set(MetricColumn.all.map(\.key)).count == MetricColumn.all.count)
    #expect(
      MetricColumn.all.allSatisfy { $0.key.allSatisfy(\.isLetter) || $0.key.allSatisfy { $0.isLetter || $0.isNumber } })
    #expect(MetricColumn.usual.count < 12)
  }

  @Test("a request that failed counts as one that timed out; requests above the limit come down with it")
  func refused() {
    var meter = EpisodeMeter(priorities: [1], slo: 0.25)
    var lost = second(usage: 50)
    lost.refused = 2
    add(&meter, pod: 0, lost, limit: 80, [0.1, 0.2])
    meter.endSecond(pool: 500)
    let metrics = meter.metrics()
    #expect(metrics.refused == 2 && metrics.requests == 4 && metrics.timeouts == 0)
    #expect(metrics.violationRate == 0.5 && metrics.p99 == 2 && metrics.p50 == Double(Float(0.2)))
    #expect(metrics.priorities[0].requests == 4 && metrics.priorities[0].violationRate == 0.5)
    #expect(metrics.requestedCoreSeconds == 0.08)
  }
}
