import Glibc
import RandomStreams
import Testing

@testable import Autoscaling

@Suite("Load history")
struct LoadHistoryTests {
  private func sample(
    _ usage: Double, at time: Double, limit: Int = 200, throttled: Double = 0, p95: Double? = nil
  ) -> PodSample {
    PodSample(
      time: time, limit: limit, request: 100, usage: usage, throttledFraction: throttled,
      responseTimes: p95.map { ResponseTimes(mean: $0 / 2, p95: $0) })
  }

  @Test("averages are the plain mean at first and exponential later")
  func averages() {
    var history = LoadHistory()
    for (second, usage) in [100.0, 200, 60].enumerated() {
      history.take(sample(usage, at: Double(second)), spec: .autoscaleV1)
    }
    #expect(abs(history.usage10 - 120) < 1e-9)
    #expect(abs(history.usage120 - 120) < 1e-9)
    // Over 3 s the exponential weight, 1 − e^(−1/3) = 0.283, stays below one half and one third.
    #expect(abs(history.usage3 - 120) < 1e-9)
    for second in 3..<10 { history.take(sample(60, at: Double(second)), spec: .autoscaleV1) }
    let before = history.usage3
    history.take(sample(160, at: 10), spec: .autoscaleV1)
    #expect(abs(history.usage3 - (before + (1 - exp(-1.0 / 3)) * (160 - before))) < 1e-9)
    #expect(history.usage == 160 && history.usageBefore == 60)
  }

  @Test("rare readings mean the same as frequent ones of the same load")
  func irregular() {
    var often = LoadHistory()
    var rarely = LoadHistory()
    for second in 0...300 {
      let reading = sample(second < 150 ? 100 : 300, at: Double(second), throttled: second < 150 ? 0 : 0.5)
      often.take(reading, spec: .autoscaleV1)
      if second % 10 == 0 { rarely.take(reading, spec: .autoscaleV1) }
    }
    #expect(abs(often.usage30 - rarely.usage30) < 3)
    #expect(abs(often.usage120 - rarely.usage120) < 12)
    #expect(abs(often.throttled60 - rarely.throttled60) < 0.02)
    #expect(abs(often.peak - rarely.peak) < 1e-9)
  }

  @Test("the time since the last resize counts from the reading that shows it")
  func resize() {
    var history = LoadHistory()
    for second in 0..<5 { history.take(sample(50, at: Double(second)), spec: .autoscaleV1) }
    #expect(history.sinceResize == 4)
    history.take(sample(50, at: 5, limit: 300), spec: .autoscaleV1)
    #expect(history.sinceResize == 0 && history.limitBefore == 200)
  }

  private func observation(
    pods: Int, capacity: Int, usage: [Double], p95: Double? = nil, priority: Double = 1
  ) -> [Float] {
    let settings = DecisionSettings(pool: ResourcePool(capacity: capacity), observation: .autoscaleV1)
    let group = PodGroup(
      pods: (0..<pods).map { PodDescription(name: "pod\($0)", priority: priority) }, settings: settings)
    for (second, usage) in usage.enumerated() {
      let samples = Array(repeating: sample(usage, at: Double(second), limit: 300, p95: p95), count: pods)
      samples.withUnsafeBufferPointer { group.observe($0, at: Double(second)) }
    }
    return Array(UnsafeBufferPointer(start: group.observations.row(0), count: ObservationSpec.autoscaleV1.size))
  }

  @Test("autoscale-v1 does not depend on the number of pods nor, relative to it, on the pool", arguments: [3, 30, 300])
  func invariance(pods: Int) {
    let usage = [100.0, 130, 90, 200]
    #expect(
      observation(pods: pods, capacity: 400 * pods, usage: usage) == observation(pods: 1, capacity: 400, usage: usage))
  }

  @Test("autoscale-v1 is finite and bounded whatever is measured", arguments: 0..<50)
  func bounded(seed: UInt64) {
    var random = RandomStream(seed: seed, purpose: "history test")
    let settings = DecisionSettings(observation: .autoscaleV1)
    let group = PodGroup(
      pods: [PodDescription(name: "a"), PodDescription(name: "b", priority: 0.01)], settings: settings)
    var time = 0.0
    for _ in 0..<40 {
      time += random.uniform() * 20
      let samples = (0..<2).map { _ in
        sample(
          [0, 1e-9, 100, 1e9][random.below(4)] * (random.uniform() as Double), at: time,
          limit: [1, 50, 1_000_000][random.below(3)], throttled: random.uniform(),
          p95: [nil, 0, 0.1, 1e12][random.below(4)])
      }
      samples.withUnsafeBufferPointer { group.observe($0, at: time) }
      let row = UnsafeBufferPointer(start: group.observations.row(0), count: 2 * ObservationSpec.autoscaleV1.size)
      #expect(row.allSatisfy { $0.isFinite && abs($0) <= 14 })
    }
  }

  @Test("a pod whose response times nobody measures says so, and reads like one that answers at once")
  func responses() throws {
    let fields = ObservationSpec.autoscaleV1.fields
    let known = try #require(fields.firstIndex(of: .knowsResponses))
    let tail = try #require(fields.firstIndex(of: .responseTail))
    let without = observation(pods: 2, capacity: 1000, usage: [100, 100])
    #expect(without[known] == 0 && without[tail] == 0)
    let with = observation(pods: 2, capacity: 1000, usage: [100, 100], p95: 0.25)
    #expect(with[known] == 1 && with[tail] == 0.5)
  }

  @Test("CFS periods tell whether work is waiting at the reading's end")
  func periods() {
    var reading = sample(100, at: 0, limit: 100)
    var usage = PeriodUsage()
    for value in [10, 100, 0, 50, 95, 100] as [Float] { usage.append(value) }
    reading.periodUsage = usage
    var history = LoadHistory()
    history.take(reading, spec: .autoscaleV1)
    #expect(history.knowsPeriods && history.lastPeriod == 1)
    #expect(abs(history.lastPeriods - 245.0 / 300) < 1e-6)
    #expect(history.saturatedRun == 0.2)
    var blind = ObservationSpec.autoscaleV1
    blind.hidesPeriods = true
    history.take(reading, spec: blind)
    #expect(!history.knowsPeriods && history.lastPeriod == 0 && history.saturatedRun == 0)
  }

  @Test("agents see how dear late requests are now, not when the group was made")
  func caution() throws {
    let group = PodGroup(pods: [PodDescription(name: "a")], settings: DecisionSettings(observation: .autoscaleV1))
    group.settings.observation.caution = 1.5
    [sample(100, at: 0)].withUnsafeBufferPointer { group.observe($0, at: 0) }
    let place = try #require(ObservationSpec.autoscaleV1.fields.firstIndex(of: .caution))
    #expect(group.observations.row(0)[place] == 0.75)
  }

  @Test("a pod that returns is a pod never seen before")
  func returning() {
    let group = PodGroup(pods: [PodDescription(name: "a")], settings: DecisionSettings(observation: .autoscaleV1))
    let seconds: [PodSample] = [
      sample(300, at: 0), sample(300, at: 1), .absent(at: 2), sample(100, at: 3),
    ]
    for (second, sample) in seconds.enumerated() {
      [sample].withUnsafeBufferPointer { group.observe($0, at: Double(second)) }
    }
    #expect(group.histories[0].readings == 1)
    #expect(group.histories[0].usage120 == 100)
  }
}

@Suite("Headroom actions")
struct HeadroomTests {
  private func space(_ kind: ActionSpace.Kind) -> ActionSpace { ActionSpace(kind: kind, basis: .usage) }

  @Test(
    "−1 to 1 run geometrically from three quarters to twelve times the level",
    arguments: [(Float(-1), 75), (0, 300), (1, 1200), (7, 1200), (-7, 75)])
  func continuous(action: Float, limit: Int) {
    #expect(space(.delta).headroom(action, allocated: 1, level: 100) == limit)
  }

  @Test("instant and discrete actions are the same scale")
  func kinds() {
    #expect(space(.instant).headroom(0.5, allocated: 1, level: 100) == 300)
    #expect(space(.factors(count: 11)).headroom(10, allocated: 1, level: 100) == 1200)
    #expect(space(.factors(count: 11)).headroom(5, allocated: 1, level: 100) == 300)
    #expect(space(.increments).headroom(0, allocated: 1, level: 100) == 75)
    #expect(space(.increments).headroom(1, allocated: 1, level: 100) == 300)
  }

  @Test("a wish near the allocation keeps it", arguments: [(280, 280), (330, 330), (270, 300), (336, 300)])
  func band(allocated: Int, limit: Int) {
    #expect(space(.delta).headroom(0, allocated: allocated, level: 100) == limit)
  }

  @Test("what is not finite keeps the allocation", arguments: [Float.nan, .infinity, -.infinity])
  func notFinite(action: Float) {
    #expect(space(.delta).headroom(action, allocated: 140, level: 100) == 140)
    #expect(space(.delta).headroom(0, allocated: 140, level: .infinity) == 140)
  }

  @Test("the decision path measures headroom against each pod's own level")
  func path() {
    var settings = DecisionSettings(action: ActionSpace(kind: .delta, basis: .usage))
    settings.pool.capacity = 10_000
    settings.shield.maximum = 10_000
    let group = PodGroup(pods: [PodDescription(name: "a"), PodDescription(name: "b")], settings: settings)
    let samples = [100.0, 200].map { PodSample(time: 0, limit: 100, request: 100, usage: $0) }
    samples.withUnsafeBufferPointer { group.observe($0, at: 0) }
    [Float(0), 0].withUnsafeBufferPointer { if let start = $0.baseAddress { group.decide(actions: start, stride: 1) } }
    #expect(group.resizes.map(\.limit) == [300, 600])
  }
}

@Suite("The slo reward")
struct SLORewardTests {
  @Test(
    "late is smooth and steep around the goal",
    arguments: [(0.125, 1.0 / 257), (0.25, 0.5), (0.5, 256.0 / 257)])
  func lateness(response: Double, late: Double) {
    #expect(abs(SLOReward().lateness(response) - late) < 1e-12)
  }

  @Test("no response time is more than late", arguments: [0, 1e-300, 2, 1e9, 1e300, Double.infinity])
  func bounded(response: Double) {
    let late = SLOReward().lateness(response)
    #expect((0...1).contains(late))
  }

  @Test(
    "CPU costs more where more is asked than there is",
    arguments: [(500.0, 1.0), (1000, 1), (2000, 4), (9000, 16), (1e300, 16)])
  func price(asked: Double, price: Double) {
    #expect(SLOReward.price(asked: asked, capacity: 1000) == price)
  }

  @Test("CPU, late requests and resizes each cost what the formula says")
  func formula() {
    var reward = SLOReward()
    reward.weight = 30
    reward.resizeWeight = 0.5
    let value = reward.reward(limit: 300, price: 1, lateness: 2, demand: 10, scale: 150, resized: true)
    #expect(abs(value - -((300 + 30 * 10 * 2) / 150.0 + 0.5)) < 1e-12)
    #expect(reward.reward(limit: 150, price: 1, lateness: 0, demand: 10, scale: 150, resized: false) == -1)
  }
}
