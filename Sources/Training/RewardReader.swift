import Autoscaling

/// Reads the rewards of the second that has just passed from a decision path.
struct RewardReader {
  private let reward: PublishedReward
  /// Of the pods that are there, one after the other.
  private var responseTimes: [Double]
  private var priorities: [Double]

  init(_ reward: PublishedReward, pods: Int) {
    self.reward = reward
    responseTimes = Array(repeating: 0, count: pods)
    priorities = Array(repeating: 1, count: pods)
  }

  /// Gives the total reward of each pod that is there. One that has not answered a request yet has a response time of 0.
  mutating func rewards(of group: PodGroup, take: (_ pod: Int, _ total: Double) -> Void) {
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
