import Autoscaling

/// Reads the rewards of the second that has just passed from a decision path.
struct RewardReader {
  private let reward: PublishedReward
  private var responseTimes: [Double]
  private var priorities: [Double]

  init(_ reward: PublishedReward, pods: Int) {
    self.reward = reward
    responseTimes = Array(repeating: 0, count: pods)
    priorities = Array(repeating: 1, count: pods)
  }

  /// Gives each pod's total reward. A pod that has not answered a request yet has a response time of 0.
  mutating func rewards(of group: PodGroup, take: (_ pod: Int, _ total: Double) -> Void) {
    for pod in 0..<group.count {
      responseTimes[pod] = group.samples[pod].responseTimes?.mean ?? 0
      priorities[pod] = group.pods[pod].priority
    }
    let shared = responseTimes.withUnsafeBufferPointer { responseTimes in
      priorities.withUnsafeBufferPointer { reward.sharedPart(responseTimes: responseTimes, priorities: $0) }
    }
    for pod in 0..<group.count {
      let own = reward.agent(last: group.utilisation[pod], previous: group.previousUtilisation[pod])
      take(pod, reward.total(agent: own, shared: shared))
    }
  }
}
