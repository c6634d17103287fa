import Autoscaling
import Control
import Foundation
import PodSimulation
import Terminal

/// Simulated pods as something that `ControlLoop` can drive: a second passes in the simulation for every second that the
/// loop waits for, in real time or as fast as it can.
final class SimulatedCluster: ControlledCluster {
  let podNames: [String]
  let cluster: PodCluster
  private let load: EpisodeLoad
  private let isRealTime: Bool
  private let started = ContinuousClock.now
  private let shouldStop: () -> Bool

  /// - Parameter seconds: how long the load lasts; then the cluster ends.
  init(
    _ configuration: PodClusterConfiguration, names: [String], workload: Workload, limit: Millicores, seconds: Int,
    isRealTime: Bool, shouldStop: @escaping () -> Bool
  ) throws {
    cluster = try PodCluster(configuration)
    podNames = names
    load = EpisodeLoad(pods: names.count, clusters: 1, seconds: seconds)
    self.isRealTime = isRealTime
    self.shouldStop = shouldStop
    cluster.reset(episode: 0)
    load.draw(workload, for: cluster)
    for pod in names.indices { cluster.setLimit(limit, ofPod: pod, cluster: 0) }
  }

  var now: Double { Double(cluster.time) }

  func awaitRound(interval: Double) throws -> Bool {
    // Between two rounds pass as many simulated seconds as the interval has.
    for _ in 0..<max(1, Int(interval)) {
      guard cluster.time < load.seconds else { return false }
      if isRealTime {
        // Due times are counted from the start, so that a slow round does not delay all later ones.
        let due = started + .seconds(cluster.time + 1)
        while ContinuousClock.now < due {
          if shouldStop() { return false }
          Thread.sleep(forTimeInterval: min((due - ContinuousClock.now).seconds, 0.05))
        }
      }
      cluster.advance(rates: load[cluster.time])
    }
    return true
  }

  func sample(into samples: UnsafeMutableBufferPointer<PodSample>) throws {
    for pod in podNames.indices { samples[pod] = cluster.sample(pod: pod, cluster: 0) }
  }

  func resize(pod: Int, to limit: Millicores) throws -> Bool {
    cluster.setLimit(limit, ofPod: pod, cluster: 0)
    return true
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
