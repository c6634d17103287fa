import Autoscaling
import Learning
import PodSimulation

/// Reads the rewards of the second that has just passed.
struct RewardReader {
  private enum Formula {
    case published(PublishedReward)
    case slo(SLOReward)
  }

  private let formula: Formula
  /// Of the pods that are there, one after the other.
  private var responseTimes: [Double]
  private var priorities: [Double]
  /// Of the present episodes, `[pods × clusters]`: demand in the busiest second (millicores) and CPU of an average
  /// request.
  private var demands: [(peak: Double, perRequest: Double)] = []

  init(_ settings: TrainingSettings, algorithm: AlgorithmDescription) throws {
    formula = try settings.slo.map { .slo($0) } ?? .published(settings.publishedReward(of: algorithm))
    responseTimes = Array(repeating: 0, count: settings.pods.count)
    priorities = Array(repeating: 1, count: settings.pods.count)
  }

  /// A pod without load still has a scale to be measured against, millicores.
  private static let smallestScale = 10.0

  /// Looks at the episodes that begin.
  mutating func begin(_ environment: ScalingEnvironment) {
    guard case .slo = formula else { return }
    demands.removeAll(keepingCapacity: true)
    for pod in 0..<environment.pods {
      for cluster in 0..<environment.clusters { demands.append(environment.demand(ofPod: pod, cluster: cluster)) }
    }
  }

  /// Gives the total reward of each pod of one cluster that is there.
  mutating func rewards(
    of environment: ScalingEnvironment, cluster: Int, take: (_ pod: Int, _ total: Double) -> Void
  ) {
    switch formula {
    case .published(let reward): published(reward, of: environment.groups[cluster], take: take)
    case .slo(let reward):
      let group = environment.groups[cluster]
      var asked = 0.0
      for pod in 0..<group.count where group.samples[pod].isPresent {
        asked += Double(group.resizes[pod].request)
      }
      let price = SLOReward.price(asked: asked, capacity: Double(group.settings.pool.capacity))
      for pod in 0..<group.count where group.samples[pod].isPresent {
        var lateness = 0.0
        for response in environment.cluster.responses(pod: pod, cluster: cluster) {
          lateness += reward.lateness(response)
        }
        let demand = demands[pod * environment.clusters + cluster]
        take(
          pod,
          reward.reward(
            limit: Double(environment.cluster.limit(ofPod: pod, cluster: cluster)), price: price,
            caution: group.settings.observation.caution, lateness: lateness,
            demand: demand.perRequest, scale: max(demand.peak, Self.smallestScale),
            resized: group.resizes[pod].isNeeded))
      }
    }
  }

  /// One that has not answered a request yet has a response time of 0.
  private mutating func published(
    _ reward: PublishedReward, of group: PodGroup, take: (_ pod: Int, _ total: Double) -> Void
  ) {
    var present = 0
    for pod in 0..<group.count where group.samples[pod].isPresent {
      responseTimes[present] = group.samples[pod].responseTimes?.mean ?? 0
      priorities[present] = group.pods[pod].priority
      present += 1
    }
    guard present > 0 else { return }
    let shared = responseTimes.withUnsafeBufferPointer { responseTimes in
      priorities.withUnsafeBufferPointer { priorities in
        reward.sharedPart(
          responseTimes: UnsafeBufferPointer(rebasing: responseTimes[..<present]),
          priorities: UnsafeBufferPointer(rebasing: priorities[..<present]))
      }
    }
    for pod in 0..<group.count where group.samples[pod].isPresent {
      let own = reward.agent(last: group.utilisation[pod], previous: group.previousUtilisation[pod])
      take(pod, reward.total(agent: own, shared: shared))
    }
  }
}
