import Autoscaling
import PodSimulation

/// What a rollout leaves behind.
public struct RolloutOutcome: Sendable {
  public var metrics: RolloutMetrics
  /// Mean time of one round's decisions for all pods, seconds. The only number that differs between two equal rollouts.
  public var decisionTime: Double
  /// Second by second, where asked for.
  public var series: EpisodeSeries?
}

extension Scenario {
  /// Plays one episode with one policy.
  ///
  /// Everything random comes from `seed`: two policies with the same seed meet the same requests, to the microsecond.
  public func rollout(_ contestant: Contestant, seed: UInt64) throws -> RolloutMetrics {
    try play(contestant, seed: seed).metrics
  }

  /// Plays one episode with one policy.
  ///
  /// - Parameter seriesOfPod: also keep what happens to this pod, second by second.
  public func play(_ contestant: Contestant, seed: UInt64, seriesOfPod: Int? = nil) throws -> RolloutOutcome {
    var settings = settings
    settings.observation = contestant.observation
    settings.action = contestant.action
    settings.compatibility = contestant.compatibility
    let knowledge = knowledge(seed: seed)
    var configuration = knowledge.configuration
    configuration.recordsPeriods = contestant.needsPeriods || settings.observation.usesPeriods
    let environment = try ScalingEnvironment(
      configuration, pods: descriptions, settings: settings, workload: workload, seconds: warmUp + seconds)
    environment.rewritesLimits = rewritesLimits

    var policy = try contestant.make(knowledge)
    policy.reset()
    let group = environment.groups[0]
    let cluster = environment.cluster
    // A route's clients give up after its first pod's timeout.
    let timeouts = configuration.graph?.routes.map { pods[$0.entry].timeout } ?? []
    let routes = timeouts.count
    var meter = EpisodeMeter(priorities: descriptions.map(\.priority), slo: slo)
    var series = seriesOfPod.map { _ in EpisodeSeries() }
    var deciding = Duration.zero
    environment.begin(episode: 0, limits: Array(repeating: initialLimit, count: pods.count))
    for second in 0..<warmUp + seconds {
      deciding += ContinuousClock().measure { decide(group, &policy) }
      let counts = second >= warmUp
      if counts { noteResizes(group, &meter) }
      environment.advance()
      guard counts else { continue }
      for pod in 0..<pods.count {
        meter.add(
          pod: pod, cluster.second(pod: pod, cluster: 0), limit: cluster.second(pod: pod, cluster: 0).limit,
          request: cluster.isPresent(pod: pod, cluster: 0) ? pods[pod].request : 0, timeout: pods[pod].timeout,
          responses: cluster.responses(pod: pod, cluster: 0), isEndToEnd: routes == 0)
      }
      for route in 0..<routes {
        meter.add(cluster.responses(route: route, cluster: 0))
        let second = cluster.second(route: route, cluster: 0)
        meter.add(timeouts: second.timeouts)
        meter.add(refused: second.refused, timeout: timeouts[route])
      }
      meter.endSecond(pool: settings.pool.capacity)
      if let pod = seriesOfPod { series?.note(cluster.second(pod: pod, cluster: 0)) }
    }
    return RolloutOutcome(
      metrics: meter.metrics(), decisionTime: deciding / .seconds(1) / Double(warmUp + seconds), series: series)
  }

  private func noteResizes(_ group: PodGroup, _ meter: inout EpisodeMeter) {
    for pod in 0..<group.count {
      let resize = group.resizes[pod]
      if resize.isNeeded || (rewritesLimits && group.samples[pod].isPresent) {
        meter.addResize(pod: pod, from: resize.from, to: resize.limit)
      }
    }
  }

  /// Opens the existential once, so that the decision path is compiled for the policy's own type.
  private func decide(_ group: PodGroup, _ policy: inout any ScalingPolicy) {
    func open(_ policy: inout some ScalingPolicy) { group.decide(asking: &policy) }
    open(&policy)
  }
}
