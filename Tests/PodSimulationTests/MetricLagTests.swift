import Autoscaling
import RandomStreams
import Testing

@testable import PodSimulation

@Suite("Metric lag and resize latency")
struct MetricLagTests {
  private func lagging(_ metrics: MetricLag, pods: Int = 2, clusters: Int = 2, seed: UInt64) throws -> PodCluster {
    var random = RandomStream(seed: seed, purpose: "lag test")
    var configuration = PodClusterConfiguration(
      pods: (0..<pods).map { _ in randomParameters(&random) }, clusters: clusters, seed: seed)
    configuration.metrics = metrics
    return try PodCluster(configuration)
  }

  @Test("a reading is old, averages what passed since the one before, and stays until the next", arguments: 0..<30)
  func readings(seed: UInt64) throws {
    var random = RandomStream(seed: seed, purpose: "readings")
    let from = Double(1 + random.below(12))
    let interval = Randomization.Range(from, from + Double(random.below(5)))
    let delay = Randomization.Range(0, 6 * random.uniform())
    let simulated = try lagging(MetricLag(interval: interval, delay: delay), seed: seed)
    let direct = try lagging(.direct, seed: seed)
    var usage = [[Double]](repeating: [], count: 4)
    var last = [Double](repeating: 0, count: 4)
    for time in 1...90 {
      let rates = (0..<4).map { _ in Float(random.below(50)) }
      simulated.advance(rates: rates)
      direct.advance(rates: rates)
      for place in 0..<4 {
        // What happens does not depend on who looks.
        let second = simulated.second(pod: place / 2, cluster: place % 2)
        #expect(second == direct.second(pod: place / 2, cluster: place % 2))
        usage[place].append(second.usage)
        let sample = simulated.sample(pod: place / 2, cluster: place % 2)
        if sample.time > last[place] {
          let window = usage[place][Int(last[place])..<Int(sample.time)]
          #expect(abs(sample.usage - window.reduce(0, +) / Double(window.count)) < 1e-9)
          if last[place] > 1 { #expect((interval.from...interval.to).contains(sample.time - last[place])) }
          last[place] = sample.time
        }
        #expect(sample.time == last[place])
        #expect(Double(time) - sample.time < interval.to + delay.to + 1)
        #expect((0...1).contains(sample.throttledFraction))
      }
    }
  }

  @Test("readings every second without delay are the direct samples, bit for bit")
  func direct() throws {
    let configuration = PodClusterConfiguration(pods: [PodParameters()], seed: 4)
    #expect(configuration.metrics == .direct)
    let metrics = LaggingMetrics(.direct, places: 1, seed: 4)
    let simulated = try PodCluster(configuration)
    metrics.reset(0, pod: 0, episode: 0)
    for time in 1...20 {
      simulated.advance(rates: [12])
      let sample = simulated.sample(pod: 0, cluster: 0)
      metrics.note(simulated.second(pod: 0, cluster: 0), sample, at: time, place: 0)
      let reading = try #require(metrics.reading(at: time, place: 0))
      #expect(reading.time == sample.time && reading.usage == sample.usage && reading.limit == sample.limit)
      #expect(reading.throttledFraction == sample.throttledFraction)
    }
  }

  @Test("a pod's phase is its own, and an episode's readings depend on seed, pod and episode alone")
  func phases() throws {
    func ages(clusters: Int, rounds: Int) throws -> [[Double]] {
      let simulated = try lagging(.kubelet, pods: 3, clusters: clusters, seed: 9)
      var episodes: [[Double]] = []
      for round in 0..<rounds {
        simulated.reset(episode: round)
        var times = [[Double]](repeating: [], count: clusters)
        for _ in 0..<40 {
          simulated.advance(rates: [Float](repeating: 5, count: 3 * clusters))
          for cluster in 0..<clusters {
            times[cluster] += (0..<3).map { simulated.sample(pod: $0, cluster: cluster).time }
          }
        }
        episodes += times
      }
      return episodes
    }
    let reference = try ages(clusters: 1, rounds: 6)
    #expect(Set(reference).count == 6)
    #expect(try ages(clusters: 6, rounds: 1) == reference)
  }

  @Test("a resize acts after its latency, and its group holds the pod until a sample shows it", arguments: 0..<20)
  func latency(seed: UInt64) throws {
    var random = RandomStream(seed: seed, purpose: "latency")
    var configuration = PodClusterConfiguration(pods: [PodParameters(), PodParameters()], seed: seed)
    configuration.resizeLatency = Randomization.Range(0.1, 0.1 + 4 * random.uniform())
    let environment = try ScalingEnvironment(
      configuration, pods: [PodDescription(name: "a"), PodDescription(name: "b")], settings: DecisionSettings(),
      workload: Workload(WorkloadSettings("constant")), seconds: 60)
    environment.begin(episode: 0, limits: [200, 200])
    let group = environment.groups[0]
    var wanted: [(limit: Millicores, by: Double)?] = [nil, nil]
    for _ in 0..<60 {
      let actions = (0..<2).map { _ in Float(random.below(3)) }
      actions.withUnsafeBufferPointer { actions in
        if let start = actions.baseAddress { group.decide(actions: start, stride: 1) }
      }
      for pod in 0..<2 {
        if let write = wanted[pod], environment.cluster.limit(ofPod: pod, cluster: 0) != write.limit {
          #expect(group.resizes[pod].reasons.contains(.unsettled) && !group.resizes[pod].isNeeded)
          #expect(Double(environment.time) <= write.by)
        }
        if group.resizes[pod].isNeeded {
          wanted[pod] = (group.resizes[pod].limit, Double(environment.time) + configuration.resizeLatency.to)
        }
      }
      environment.advance()
    }
    #expect(environment.resizes > 10)
  }

  @Test("randomised lags are drawn per pod and episode and leave the services as they were")
  func randomised() throws {
    let pods = [PodParameters(), PodParameters()]
    let plain = try PodCluster(PodClusterConfiguration(pods: pods, seed: 2, randomization: Randomization()))
    let lagged = try PodCluster(PodClusterConfiguration(pods: pods, seed: 2, randomization: .withLags))
    for _ in 0..<30 {
      plain.advance(rates: [10, 10])
      lagged.advance(rates: [10, 10])
      for pod in 0..<2 { #expect(plain.second(pod: pod, cluster: 0) == lagged.second(pod: pod, cluster: 0)) }
    }
    lagged.resize(500, ofPod: 0, cluster: 0)
    #expect(lagged.limit(ofPod: 0, cluster: 0) == 200)
    for _ in 0..<2 { lagged.advance(rates: [10, 10]) }
    #expect(lagged.limit(ofPod: 0, cluster: 0) == 500)
  }

  @Test("lags out of range are refused with the range")
  func refusals() {
    var configuration = PodClusterConfiguration(pods: [PodParameters()])
    configuration.metrics.interval = Randomization.Range(0, 1)
    #expect(throws: SimulationError("metrics.interval.from is 0.0, expected 1.0…300.0 seconds")) {
      try configuration.validate()
    }
    configuration.metrics = MetricLag(interval: .init(5, 4))
    #expect(throws: SimulationError.self) { try configuration.validate() }
    configuration.metrics = .kubelet
    configuration.resizeLatency = Randomization.Range(0, .nan)
    #expect(throws: SimulationError.self) { try configuration.validate() }
    #expect(throws: SimulationError("unknown metrics 'x', expected one of: direct cgroup kubelet metrics-server any")) {
      try MetricLag.named("x")
    }
  }

  @Test("noise has the standard deviation that is asked for, and no bias; without it nothing changes")
  func noise() throws {
    func samples(_ metrics: MetricLag) throws -> [PodSample] {
      var parameters = PodParameters()
      parameters.limit = 400
      var configuration = PodClusterConfiguration(pods: [parameters], seed: 4)
      configuration.metrics = metrics
      let cluster = try PodCluster(configuration)
      return (0..<4000).map { _ in
        cluster.advance(rates: [15])
        return cluster.sample(pod: 0, cluster: 0)
      }
    }
    let exact = try samples(.direct)
    let noisy = try samples(MetricLag(interval: .init(1, 1), noise: .init(0.2, 0.2)))
    for value in [\PodSample.usage, \.throttledFraction] {
      // Far from 1, where the throttled fraction is cut off.
      let factors = zip(exact, noisy).filter { $0.0[keyPath: value] > 0 && $0.0.throttledFraction < 0.35 }
        .map { $1[keyPath: value] / $0[keyPath: value] }
      let mean = factors.reduce(0, +) / Double(factors.count)
      let variance = factors.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(factors.count)
      #expect(factors.count > 500)
      #expect(abs(mean - 1) < 0.03 && abs(variance.squareRoot() - 0.2) < 0.03, "\(mean) ± \(variance.squareRoot())")
    }
    #expect(zip(exact, noisy).allSatisfy { $0.limit == $1.limit && $0.time == $1.time })
    #expect(noisy.allSatisfy { (0...1).contains($0.throttledFraction) })
    #expect(try samples(MetricLag(interval: .init(1, 1), noise: .init(0, 0))) == exact)
    #expect(throws: SimulationError("metrics.noise.to is 1.5, expected 0.2…1.0")) {
      try MetricLag(interval: .init(1, 1), noise: .init(0.2, 1.5)).validate()
    }
  }
}
