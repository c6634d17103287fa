import Autoscaling
import RandomStreams
import Testing

@testable import PodSimulation

/// What a simulator of a CPU limit must not miss: each was measured on a real kernel.
@Suite("Effects of the kernel")
struct KernelEffectsTests {
  /// One pod with given requests; d = 0, v = 1 and no overhead, so that times can be told in the head.
  private func replay(
    times: [Double], demands: [Double], _ change: (inout PodParameters) -> Void
  ) throws -> PodCluster {
    let simulated = try cluster {
      $0.overhead = 0
      $0.latency = 0
      $0.speed = 1
      $0.phase = 0
      $0.timeout = 1000
      change(&$0)
    }
    simulated.recorder = ResponseRecorder()
    simulated.setTrace(try RequestTrace(times: times, demands: demands), ofPod: 0, cluster: 0)
    simulated.reset(episode: 0)
    return simulated
  }

  private func responses(_ simulated: PodCluster, seconds: Int) throws -> [Double] {
    for _ in 0..<seconds { simulated.advance() }
    let all = try #require(simulated.recorder).responses(pod: 0, cluster: 0)
    return all.sorted { $0.sent < $1.sent }.map { ($0.time * 1e9).rounded() / 1e9 }
  }

  @Test("a short request at low load runs at full speed, whatever the limit", arguments: [100, 200, 500, 1000])
  func fullSpeed(limit: Int) throws {
    let simulated = try replay(times: [0.03, 1.03, 2.03], demands: [0.010, 0.010, 0.010]) { $0.limit = limit }
    #expect(try responses(simulated, seconds: 4) == [0.010, 0.010, 0.010])
  }

  @Test("with one worker, a request's response time has a closed form")
  func closedForm() throws {
    // Q = 20 ms per period: 50 ms of work, begun 30 ms into a period, take 20 ms, 50 ms of waiting, one whole period
    // and 10 ms of the next.
    let simulated = try replay(times: [0.03], demands: [0.050]) { $0.limit = 200 }
    #expect(try responses(simulated, seconds: 1) == [0.180])
    let second = simulated.second(pod: 0, cluster: 0)
    #expect(second.periods == 4 && second.throttledPeriods == 2)
    #expect(abs(second.throttledTime - 0.130) < 1e-9)
    #expect(abs(second.usage - 50) < 1e-9)
  }

  @Test("unused quota is lost at a boundary, except for what the core keeps", arguments: [0.0, 0.001])
  func keptRuntime(kept: Double) throws {
    // At 95 ms the first request has used 2 ms of its slice, of which the core keeps κ. The second runs across the
    // boundary at 200 ms with a fresh slice: what is left of that slice is kept as well.
    let simulated = try replay(times: [0.05, 0.11], demands: [0.002, 0.030]) {
      $0.limit = 200
      $0.keptRuntime = kept
    }
    let expected = (0.200 - 0.11) + (0.010 - kept)
    #expect(try responses(simulated, seconds: 1) == [0.002, expected])
  }

  @Test("several threads use up one quota together and then wait for the rest of the period")
  func bursts() throws {
    // Two cores: 4 × 10 ms of work on Q = 20 ms: the quota lasts 10 ms, and the rest is done 10 ms into the next period.
    let simulated = try replay(times: [0.01, 0.01, 0.01, 0.01], demands: [0.010, 0.010, 0.010, 0.010]) {
      $0.limit = 200
      $0.workers = 4
      $0.cores = 2
    }
    #expect(try responses(simulated, seconds: 1) == [0.1, 0.1, 0.1, 0.1])
    #expect(simulated.second(pod: 0, cluster: 0).throttledPeriods == 1)
  }

  @Test("writing the quota refills it at once: 11 instead of 10 refills per second", arguments: [50, 100, 200])
  func refill(limit: Int) throws {
    func usage(rewriting: Bool) throws -> Double {
      let simulated = try cluster {
        $0.limit = limit
        $0.arrivals = Arrivals(.deterministic)
        $0.phase = 0.05
      }
      let rates = [Float(limit) * 0.3]
      var sum = 0.0
      for second in 0..<20 {
        if rewriting && second > 0 { simulated.setLimit(limit, ofPod: 0, cluster: 0) }
        simulated.advance(rates: rates)
        if second >= 5 { sum += simulated.second(pod: 0, cluster: 0).usage }
      }
      return sum / 15 / Double(limit)
    }
    #expect(abs(try usage(rewriting: false) - 1) < 1e-9)
    // The write finds half of a period's quota unused only if the pod is throttled by then; at these limits it is.
    #expect(abs(try usage(rewriting: true) - 1.1) < 1e-9)
  }

  @Test("writing the quota frees a throttled pod at once")
  func writeUnthrottles() throws {
    let simulated = try replay(times: [0.91], demands: [0.030]) { $0.limit = 100 }
    simulated.advance()
    #expect(simulated.second(pod: 0, cluster: 0).inFlight == 1)
    // 10 ms were served before the second ended; the write brings 30 ms, so the rest takes 20 ms.
    simulated.setLimit(300, ofPod: 0, cluster: 0)
    #expect(try responses(simulated, seconds: 1) == [0.110])
  }

  @Test("a delayed write takes effect in the middle of a second")
  func delayedWrite() throws {
    let simulated = try replay(times: [0.01], demands: [10]) { $0.limit = 100 }
    for _ in 0..<2 { simulated.advance() }
    simulated.setLimit(500, ofPod: 0, cluster: 0, after: 0.25)
    #expect(simulated.limit(ofPod: 0, cluster: 0) == 100)
    simulated.advance()
    // Three periods of 10 ms, then 50 ms at once and 50 ms in each of seven periods.
    #expect(simulated.limit(ofPod: 0, cluster: 0) == 500)
    #expect(abs(simulated.second(pod: 0, cluster: 0).usage - 430) < 1e-6)
  }

  @Test("timed-out requests still cost CPU, and the drain after an overload takes backlog ÷ spare capacity")
  func deadWork() throws {
    let simulated = try cluster {
      $0.limit = 600
      $0.arrivals = Arrivals(.deterministic)
      $0.demand = ServiceDemand(.deterministic, mean: 0.010)
    }
    var slow: [Int] = []
    var usage: [Double] = []
    for second in 0..<60 {
      if second == 20 { simulated.setLimit(200, ofPod: 0, cluster: 0) }
      if second == 35 { simulated.setLimit(600, ofPod: 0, cluster: 0) }
      simulated.advance(rates: [30])
      let result = simulated.second(pod: 0, cluster: 0)
      if result.mean > 0.1 { slow.append(second) }
      usage.append(result.usage)
    }
    // 15 s × (303 − 200) m of backlog at (600 − 303) m: 5.2 s in which every answer is late and usage stays at the limit.
    #expect(slow == Array(20...39))
    #expect(usage[36..<40].allSatisfy { $0 > 590 })
    #expect(abs(usage[45] - 303) < 8)
  }

  @Test("late throttling overruns the quota by up to a tick and pays it back")
  func lateThrottling() throws {
    // Endless work, Q = 5 ms, tick 4 ms: 5 ms are noticed at 8 ms, 3 ms of debt leave 2 ms, noticed at 104 ms, …
    let simulated = try replay(times: [0], demands: [100]) {
      $0.limit = 50
      $0.throttlingTick = 0.004
    }
    for _ in 0..<10 { simulated.advance() }
    let second = simulated.second(pod: 0, cluster: 0)
    #expect(abs(second.usage - 50) < 5)
    #expect(second.throttledPeriods == 10)
  }

  @Test("pods on one core slow each other down, and a busy one takes what the others leave", arguments: [nil, 1.0])
  func sharedCore(cores: Double?) throws {
    let simulated = try cluster(pods: 3, sharedCores: cores) {
      $0.limit = 1000
      $0.overhead = 0
      $0.latency = 0
      $0.speed = 1
      $0.phase = 0.001
    }
    simulated.recorder = ResponseRecorder()
    let demands = [0.010, 0.020, 0.030]
    for pod in 0..<3 {
      simulated.setTrace(try RequestTrace(times: [0.01], demands: [demands[pod]]), ofPod: pod, cluster: 0)
    }
    simulated.reset(episode: 0)
    simulated.advance()
    let recorder = try #require(simulated.recorder)
    let times = (0..<3).flatMap { recorder.responses(pod: $0, cluster: 0) }.map { ($0.time * 1e9).rounded() / 1e9 }
    // Thirds until 10 ms are done at 30 ms, halves until 20 ms are done at 50 ms, then alone.
    #expect(times == (cores == nil ? [0.010, 0.020, 0.030] : [0.030, 0.050, 0.060]))
  }

  @Test("a shared node is divided by weight, and what one pod cannot use goes to the others")
  func weights() throws {
    // Two cores: the pod of one thread can use one at most, the rest is divided 3 : 1.
    var pods = [PodParameters(), PodParameters(), PodParameters()]
    for index in 0..<3 {
      pods[index].limit = 4000
      pods[index].workers = 4
      pods[index].cores = 4
      pods[index].speed = 1
      pods[index].request = [6000, 300, 100][index]
    }
    pods[0].workers = 1
    let simulated = try PodCluster(PodClusterConfiguration(pods: pods, sharedCores: 2))
    for pod in 0..<3 {
      let trace = try RequestTrace(times: [0, 0, 0, 0], demands: [9, 9, 9, 9])
      simulated.setTrace(trace, ofPod: pod, cluster: 0)
    }
    simulated.reset(episode: 0)
    simulated.advance()
    let usage = (0..<3).map { simulated.second(pod: $0, cluster: 0).usage.rounded() }
    #expect(usage == [1000, 750, 250])
  }

  @Test("with cores to spare, pods on one node behave like pods on their own", arguments: 0..<10)
  func enoughCores(seed: UInt64) throws {
    var random = RandomStream(seed: seed, purpose: "enough")
    let pods = (0..<3).map { _ in randomParameters(&random) }
    let alone = try PodCluster(PodClusterConfiguration(pods: pods, seed: seed))
    let together = try PodCluster(PodClusterConfiguration(pods: pods, seed: seed, sharedCores: 6))
    for _ in 0..<20 {
      let rates = (0..<3).map { _ in Float(random.below(60)) }
      alone.advance(rates: rates)
      together.advance(rates: rates)
      for pod in 0..<3 {
        let (a, b) = (alone.second(pod: pod, cluster: 0), together.second(pod: pod, cluster: 0))
        #expect(a.sent == b.sent && a.completed == b.completed && a.throttledPeriods == b.throttledPeriods)
        #expect(abs(a.usage - b.usage) < 1e-6 && abs(a.mean - b.mean) < 1e-9)
      }
    }
  }

  @Test("a fresh pod burns its start-up work before it serves")
  func coldStart() throws {
    let simulated = try replay(times: [0.1, 0.1], demands: [0.010, 0.010]) {
      $0.limit = 500
      $0.workers = 4
      $0.startupWork = 1.5
      $0.phase = 0.07
    }
    // 1.5 core-seconds are 30 quotas of 50 ms, the last of which begins at 2.87 s; the requests, 20 ms together, are
    // served from the next one at 2.97 s.
    #expect(try responses(simulated, seconds: 4) == [2.890, 2.890])
    #expect(simulated.second(pod: 0, cluster: 0).backlog == 0)
  }

  @Test("base usage shows and comes out of the quota")
  func baseUsage() throws {
    let simulated = try replay(times: [0], demands: [10]) {
      $0.limit = 100
      $0.baseUsage = 10
    }
    for _ in 0..<3 { simulated.advance() }
    #expect(abs(simulated.second(pod: 0, cluster: 0).usage - 100) < 1e-6)
    let idle = try cluster { $0.baseUsage = 3 }
    idle.advance(rates: [0])
    #expect(idle.second(pod: 0, cluster: 0).usage == 3)
    #expect(idle.second(pod: 0, cluster: 0).periods == 0)
  }

  @Test("arrivals have the rate asked for, and keep it across seconds", arguments: Arrivals.Process.allCases)
  func arrivalRates(process: Arrivals.Process) throws {
    let simulated = try cluster(clusters: 4) {
      $0.arrivals = Arrivals(process, onFraction: 0.2)
      $0.limit = 1000
    }
    var sent = [0, 0, 0, 0]
    for second in 0..<500 {
      let rate: Float = second % 2 == 0 ? 4.5 : 10.25
      simulated.advance(rates: [rate, rate, rate, rate])
      for index in 0..<4 { sent[index] += simulated.second(pod: 0, cluster: index).sent }
    }
    let expected = 250 * 14.75
    if process == .deterministic {
      #expect(sent.allSatisfy { abs(Double($0) - expected) <= 1 })
    } else {
      #expect(sent.allSatisfy { abs(Double($0) - expected) < 4 * expected.squareRoot() })
      #expect(Set(sent).count > 1)
    }
  }

  @Test("parameters out of range are refused with the range")
  func refusals() {
    func sentence(_ change: (inout PodParameters) -> Void) -> String? {
      var parameters = PodParameters()
      change(&parameters)
      return (#expect(throws: SimulationError.self) { try parameters.validate() })?.description
    }
    #expect(sentence { $0.period = 0 } == "pod parameter period is 0.0, expected 0.001…1.0 seconds")
    #expect(sentence { $0.workers = 65 } == "pod parameter workers is 65, expected 1…64")
    let quota = "millicores (a quota of at least 1 ms)"
    #expect(sentence { $0.limit = 0 } == "pod parameter limit is 0, expected 10…1000000 \(quota)")
    #expect(sentence { $0.limit = 9 } == "pod parameter limit is 9, expected 10…1000000 \(quota)")
    #expect(
      sentence {
        $0.period = 0.02
        $0.limit = 49
      } == "pod parameter limit is 49, expected 50…1000000 \(quota)")
    #expect(sentence { $0.speed = .nan } == "pod parameter speed is nan, expected 0.01…1.0")
    #expect(sentence { $0.phase = 0.2 } == "pod parameter phase is 0.2, expected 0.0…0.1 seconds")
    #expect(sentence { $0.demand.mean = -1 } == "demand.mean is -1.0, expected 1e-05…60.0 core-seconds")
    #expect(
      sentence { $0.demand = ServiceDemand(.empirical) }
        == "the number of demand.samples is 0, expected 1…10000000")
    #expect(throws: SimulationError.self) { try PodCluster(PodClusterConfiguration(pods: [])) }
    #expect(throws: SimulationError.self) { try RequestTrace(times: [2, 1], demands: [0, 0]) }
    #expect(throws: SimulationError.self) { try RequestTrace(times: [1], demands: []) }
  }
}
