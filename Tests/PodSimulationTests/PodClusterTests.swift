import Autoscaling
import RandomStreams
import Testing

@testable import PodSimulation

@Suite("Pod cluster")
struct PodClusterTests {
  @Test("requests are conserved and CPU stays within the quota", arguments: 0..<60)
  func conservation(seed: UInt64) throws {
    var random = RandomStream(seed: seed, purpose: "conservation")
    let shared: Double? = random.below(2) == 0 ? nil : 1 + random.uniform()
    let all = (0..<3).map { _ in randomParameters(&random) }
    let simulated = try PodCluster(
      PodClusterConfiguration(pods: all, clusters: 2, seed: seed, sharedCores: shared))
    var sent = [Int](repeating: 0, count: 6)
    var ended = sent
    var budget = [Double](repeating: 0, count: 6)
    var used = budget
    for place in 0..<6 {
      // One full quota at the start, what a core may keep, and a tick of overrun.
      budget[place] = all[place / 2].quotaBudget(limit: all[place / 2].limit)
    }
    for _ in 0..<40 {
      let rates = (0..<6).map { _ in Float(random.below(80)) }
      for place in 0..<6 where random.below(4) == 0 {
        let limit = 50 + 25 * random.below(40)
        simulated.setLimit(limit, ofPod: place / 2, cluster: place % 2)
        budget[place] += all[place / 2].quotaBudget(limit: limit)
      }
      simulated.advance(rates: rates)
      for place in 0..<6 {
        let second = simulated.second(pod: place / 2, cluster: place % 2)
        let parameters = all[place / 2]
        sent[place] += second.sent
        ended[place] += second.ended
        #expect(sent[place] == ended[place] + second.inFlight)
        #expect(second.backlog >= second.inFlight)
        #expect(second.throttledPeriods <= second.periods && second.periods <= 11)
        #expect((0...1.000001).contains(second.throttledTime))
        #expect(second.mean <= parameters.timeout && second.p95 <= second.p99 && second.p99 <= parameters.timeout)
        used[place] += second.usage / 1000
        let limit = simulated.limit(ofPod: place / 2, cluster: place % 2)
        budget[place] += Double(limit) / 1000 + 0.011 * parameters.cores * (parameters.throttlingTick > 0 ? 1 : 0)
        #expect(used[place] <= budget[place] + 1e-9)
        #expect(second.usage <= 1000 * parameters.speed * min(parameters.cores, Double(parameters.workers)) + 1e-6)
      }
    }
  }

  @Test("an episode is the same whatever ran before, and for any number of clusters and threads")
  func determinism() throws {
    func play(clusters: Int, threads: Int, shared: Double?, rounds: Int) throws -> [[PodSecond]] {
      let simulated = try cluster(pods: 3, clusters: clusters, seed: 7, sharedCores: shared, threads: threads) {
        $0.workers = 2
        $0.limit = 250
      }
      var episodes: [[PodSecond]] = []
      for round in 0..<rounds {
        simulated.reset(episode: round)
        var seconds = [[PodSecond]](repeating: [], count: clusters)
        for time in 0..<8 {
          simulated.advance(rates: (0..<3 * clusters).map { Float(10 + 10 * ($0 / clusters) + time) })
          for index in 0..<clusters {
            for pod in 0..<3 { seconds[index].append(simulated.second(pod: pod, cluster: index)) }
          }
        }
        episodes += seconds
      }
      return episodes
    }
    for shared in [nil, 1.0] {
      let reference = try play(clusters: 1, threads: 1, shared: shared, rounds: 6)
      #expect(Set(reference.map { $0[5].mean }).count == 6)
      #expect(try play(clusters: 6, threads: 1, shared: shared, rounds: 1) == reference)
      #expect(try play(clusters: 3, threads: 2, shared: shared, rounds: 2) == reference)
      #expect(try play(clusters: 2, threads: 4, shared: shared, rounds: 3) == reference)
    }
  }

  @Test("without quota and with one worker, response times are those of an M/M/1 queue")
  func queueingTheory() throws {
    let simulated = try cluster(clusters: 8, seed: 3) {
      $0.limit = 1_000_000
      $0.speed = 1
      $0.overhead = 0
      $0.latency = 0
      $0.timeout = 1000
    }
    simulated.recorder = ResponseRecorder()
    let rates = [Float](repeating: 50, count: 8)
    for _ in 0..<1000 { simulated.advance(rates: rates) }
    let recorder = try #require(simulated.recorder)
    let responses = (0..<8).flatMap { recorder.responses(pod: 0, cluster: $0).map { $0.time } }
    let total = responses.reduce(0, +)
    let mean = total / Double(responses.count)
    // E[R] = S / (1 − ρ) = 20 ms, exponential; Little: E[N] = λ E[R] = 1.
    #expect(abs(mean - 0.020) < 0.0008)
    #expect(abs(quantile(0.95, ofSorted: responses.sorted()) - 0.0599) < 0.003)
    #expect(abs(total / 8000 - 1) < 0.05)
  }

  @Test("drawn exponentials have the distribution's moments and tail")
  func exponentialDraws() {
    var stream = RandomStream(seed: 4, purpose: "ziggurat")
    let count = 400_000
    let values = UnsafeMutablePointer<Double>.allocate(capacity: count)
    defer { values.deallocate() }
    ExponentialTable.shared.fill(values, count: count, mean: 2, using: &stream)
    var (sum, squares) = (0.0, 0.0)
    var beyond = [0, 0, 0, 0]
    for index in 0..<count {
      sum += values[index]
      squares += values[index] * values[index]
      for (place, limit) in [0.1, 2.0, 6.0, 16.0].enumerated() where values[index] > limit { beyond[place] += 1 }
    }
    #expect(abs(sum / Double(count) - 2) < 0.015)
    #expect(abs(squares / Double(count) - 8) < 0.15)
    for (place, share) in [0.951229, 0.367879, 0.049787, 0.000335463].enumerated() {
      let expected = share * Double(count)
      #expect(abs(Double(beyond[place]) - expected) < 4 * (expected * (1 - share)).squareRoot())
    }
  }

  @Test("randomised pods differ between episodes, repeat with the seed, and stay in their ranges")
  func randomization() throws {
    let configuration = PodClusterConfiguration(
      pods: [PodParameters(), PodParameters()], clusters: 4, seed: 3, randomization: Randomization())
    let simulated = try PodCluster(configuration)
    let drawn = (0..<200).map { simulated.parameters(ofPod: $0 % 2, episode: $0 / 2) }
    #expect(Set(drawn.map(\.speed)).count == 200)
    #expect(drawn.allSatisfy { (0.003...0.030).contains($0.demand.mean) && (0.9...1).contains($0.speed) })
    #expect(Set(drawn.map(\.workers)) == [1, 2, 4, 8])
    for parameters in drawn { try parameters.validate() }
    #expect(drawn == (0..<200).map { simulated.parameters(ofPod: $0 % 2, episode: $0 / 2) })
    for _ in 0..<20 { simulated.advance(rates: [Float](repeating: 15, count: 8)) }
    #expect(Set((0..<8).map { simulated.second(pod: $0 % 2, cluster: $0 / 2).usage }).count == 8)
    var wrong = Randomization()
    wrong.speed = Randomization.Range(0.9, 2)
    #expect(throws: SimulationError.self) { try wrong.validate() }
    wrong = Randomization()
    wrong.demand = Randomization.Range(0.02, 0.01)
    #expect(throws: SimulationError.self) { try wrong.validate() }
    wrong = Randomization()
    wrong.workers = []
    #expect(throws: SimulationError.self) { try wrong.validate() }
  }

  @Test("a sample carries the last response time, or how long the oldest request has waited")
  func carriedResponses() throws {
    let simulated = try cluster {
      $0.limit = 10
      $0.demand = ServiceDemand(.deterministic, mean: 0.050)
      $0.overhead = 0
      $0.phase = 0
    }
    simulated.setTrace(try RequestTrace(times: [0.5625], demands: [0.050]), ofPod: 0, cluster: 0)
    simulated.reset(episode: 0)
    simulated.advance()
    let first = simulated.sample(pod: 0, cluster: 0)
    // 50 ms of work at 1 ms per period take 5 s: nobody has been answered yet.
    #expect(first.responseTimes == ResponseTimes(mean: 0.4375, p95: 0.4375))
    #expect(first.throttledFraction == 1)
    simulated.advance()
    #expect(simulated.sample(pod: 0, cluster: 0).responseTimes == ResponseTimes(mean: 1.4375, p95: 1.4375))
    simulated.advance()
    #expect(simulated.second(pod: 0, cluster: 0).timeouts == 1)
    #expect(simulated.sample(pod: 0, cluster: 0).responseTimes == ResponseTimes(mean: 2, p95: 2))
    for _ in 0..<5 { simulated.advance() }
    // The dead request was served and counted once; its response time is all that is known.
    #expect(simulated.second(pod: 0, cluster: 0).backlog == 0)
    #expect(simulated.second(pod: 0, cluster: 0).timeouts == 0)
    #expect(simulated.sample(pod: 0, cluster: 0).responseTimes == ResponseTimes(mean: 2, p95: 2))
  }
}

extension PodParameters {
  /// CPU that one write of `limit` grants at most beyond limit × time, core-seconds.
  func quotaBudget(limit: Int) -> Double {
    Double(limit) / 1000 * period + slice + throttlingTick * cores
  }
}
