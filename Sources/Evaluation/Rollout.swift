import Autoscaling
import PodSimulation

extension Scenario {
  /// Plays one episode with one policy.
  ///
  /// Everything random comes from `seed`: two policies with the same seed meet the same requests, to the microsecond.
  public func rollout(_ contestant: Contestant, seed: UInt64) throws -> RolloutMetrics {
    var settings = settings
    settings.observation = contestant.observation
    settings.action = contestant.action
    settings.compatibility = contestant.compatibility
    var configuration = PodClusterConfiguration(pods: pods, seed: seed, sharedCores: sharedCores)
    configuration.metrics = metrics
    configuration.resizeLatency = resizeLatency
    configuration.schedules = schedules ?? []
    configuration.churn = churn
    configuration.graph = graph
    let environment = try ScalingEnvironment(
      configuration, pods: descriptions, settings: settings,
      workload: workload, seconds: seconds)
    let recorder = ResponseRecorder()
    environment.cluster.recorder = recorder

    var policy = try contestant.make()
    policy.reset()
    let group = environment.groups[0]
    var metrics = RolloutMetrics()
    var periods = 0
    var throttled = 0
    environment.begin(episode: 0, limits: Array(repeating: initialLimit, count: pods.count))
    for _ in 0..<seconds {
      decide(group, &policy)
      environment.advance()
      var limits = 0
      for pod in 0..<pods.count where environment.cluster.isPresent(pod: pod, cluster: 0) {
        let measured = environment.cluster.second(pod: pod, cluster: 0)
        let limit = environment.cluster.limit(ofPod: pod, cluster: 0)
        limits += limit
        metrics.allocatedCoreSeconds += Double(limit) / 1000
        metrics.usedCoreSeconds += measured.usage / 1000
        if graph == nil { metrics.timeouts += measured.timeouts }
        periods += measured.periods
        throttled += measured.throttledPeriods
      }
      for route in 0..<(graph?.routes.count ?? 0) {
        metrics.timeouts += environment.cluster.second(route: route, cluster: 0).timeouts
      }
      if limits > settings.pool.capacity { metrics.poolViolations += 1 }
    }
    metrics.resizes = environment.resizes
    metrics.utilisation = metrics.allocatedCoreSeconds > 0 ? metrics.usedCoreSeconds / metrics.allocatedCoreSeconds : 0
    metrics.throttledFraction = periods > 0 ? Double(throttled) / Double(periods) : 0

    var times: [Float] = []
    if let graph {
      for route in graph.routes.indices {
        for response in recorder.responses(route: route, cluster: 0) { times.append(Float(response.time)) }
      }
    } else {
      for pod in 0..<pods.count {
        for response in recorder.responses(pod: pod, cluster: 0) { times.append(Float(response.time)) }
      }
    }
    let percentiles = Percentiles(sorting: times)
    metrics.requests = times.count
    metrics.p50 = percentiles(0.50)
    metrics.p95 = percentiles(0.95)
    metrics.p99 = percentiles(0.99)
    metrics.mean = percentiles.mean
    metrics.violationRate = percentiles.share(above: slo)
    return metrics
  }

  /// Opens the existential once, so that the decision path is compiled for the policy's own type.
  private func decide(_ group: PodGroup, _ policy: inout any ScalingPolicy) {
    func open(_ policy: inout some ScalingPolicy) { group.decide(asking: &policy) }
    open(&policy)
  }
}
