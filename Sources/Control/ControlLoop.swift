import Autoscaling

/// The loop that drives pods: sample, decide, resize, once a round. The decision itself is `PodGroup`'s, as in training.
public final class ControlLoop<Cluster: ControlledCluster> {
  /// What one round did.
  public struct Round: Sendable, Equatable {
    public var number: Int
    /// Seconds on the cluster's clock.
    public var time: Double
    public var resizesSent: Int
    public var resizesRefused: Int
  }

  public let cluster: Cluster
  public let group: PodGroup
  /// Whether resizes are sent; otherwise the loop only recommends.
  public let applies: Bool
  /// Seconds between rounds.
  public let interval: Double
  private var samples: [PodSample]

  public init(cluster: Cluster, group: PodGroup, interval: Double, applies: Bool) {
    precondition(cluster.podNames.count == group.count, "one description per pod")
    self.cluster = cluster
    self.group = group
    self.interval = interval
    self.applies = applies
    samples = Array(repeating: PodSample(time: 0, limit: 0, request: 0, usage: 0), count: group.count)
  }

  /// Runs rounds until the cluster ends, `rounds` are done or `shouldStop` says so.
  ///
  /// - Parameter report: called after each round.
  public func run(
    policy: inout some ScalingPolicy, rounds: Int?, shouldStop: () -> Bool, report: (Round, ControlLoop) throws -> Void
  ) throws {
    var number = 0
    while !shouldStop(), rounds.map({ number < $0 }) ?? true, try cluster.awaitRound(interval: interval) {
      try samples.withUnsafeMutableBufferPointer { try cluster.sample(into: $0) }
      let now = cluster.now
      samples.withUnsafeBufferPointer { group.observe($0, at: now) }
      group.decide(asking: &policy)
      var round = Round(number: number, time: now, resizesSent: 0, resizesRefused: 0)
      for pod in 0..<group.count where group.resizes[pod].isNeeded {
        if !applies {
          // A recommendation starts from what is in force, not from the recommendation before it.
          group.noteRefused(pod)
        } else if try cluster.resize(pod: pod, to: group.resizes[pod].limit) {
          group.noteSent(pod, at: now)
          round.resizesSent += 1
        } else {
          group.noteRefused(pod)
          round.resizesRefused += 1
        }
      }
      try report(round, self)
      number += 1
    }
  }
}
