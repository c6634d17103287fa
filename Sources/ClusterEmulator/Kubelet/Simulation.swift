import Autoscaling
import PodSimulation

/// A pod's counters since its container started, as a kernel counts them. Exact: what two readings differ by is what the
/// simulation used in between.
struct Counters: Sendable, Equatable {
  /// Seconds of simulation when they were read.
  var time = 0
  var cpuNanoseconds: Int64 = 0
  var periods: Int64 = 0
  var throttledPeriods: Int64 = 0
  var throttledNanoseconds: Int64 = 0
  /// The limit in force, millicores.
  var limit: Millicores = 0
  var isPresent = true
  // The service's own figures.
  var requests: Int64 = 0
  var failures: Int64 = 0
  var responseSeconds = 0.0
  /// Of the requests that ended in the last second; the last known ones while none end.
  var mean = 0.0
  var p95 = 0.0
  var p99 = 0.0
}

/// The simulated pods behind the emulated cluster. Used by one thread at a time.
final class Simulation {
  /// A limit on its way to the kernel.
  struct Write {
    var pod: Int
    var limit: Millicores
    /// When it is in force, seconds of simulation.
    var at: Double
  }

  let cluster: PodCluster
  private let load: EpisodeLoad
  /// By pod: the write that is on its way.
  private var underWay: [Int: Write] = [:]
  /// Without an end the load repeats after this many seconds.
  static let repetition = 3600

  /// - Throws: `SimulationError` when the simulated pods are not possible.
  init(_ configuration: PodClusterConfiguration, workload: Workload) throws {
    cluster = try PodCluster(configuration)
    load = EpisodeLoad(pods: configuration.pods.count, clusters: 1, seconds: Self.repetition)
    cluster.reset(episode: 0)
    load.draw(workload, for: cluster)
    for pod in 0..<cluster.pods {
      cluster.setLimit(configuration.pods[pod].limit, ofPod: pod, cluster: 0)
    }
  }

  var time: Int { cluster.time }
  var pods: Int { cluster.pods }

  /// Writes limits and simulates a second; `counters` are brought up to date.
  ///
  /// - Returns: the writes that have come into force, with the time at which they did.
  func advance(_ writes: [Write], counters: inout [Counters]) -> [Write] {
    let now = Double(cluster.time)
    var inForce: [Write] = []
    for write in writes {
      // A write that is due now refills the quota at once, as in a rollout without latency.
      if write.at <= now {
        cluster.setLimit(write.limit, ofPod: write.pod, cluster: 0)
        inForce.append(Write(pod: write.pod, limit: write.limit, at: now))
      } else {
        cluster.setLimit(write.limit, ofPod: write.pod, cluster: 0, after: min(write.at - now, 1_000_000))
        // It takes the place of one that is still on its way.
        underWay[write.pod] = write
      }
    }
    cluster.advance(rates: load[cluster.time % load.seconds])
    for (pod, write) in underWay where write.at <= Double(cluster.time) {
      underWay[pod] = nil
      if cluster.limit(ofPod: pod, cluster: 0) == write.limit { inForce.append(write) }
    }
    for pod in 0..<counters.count {
      let second = cluster.second(pod: pod, cluster: 0)
      counters[pod].time = cluster.time
      counters[pod].isPresent = cluster.isPresent(pod: pod, cluster: 0)
      counters[pod].limit = cluster.limit(ofPod: pod, cluster: 0)
      guard counters[pod].isPresent else { continue }
      counters[pod].cpuNanoseconds += Int64((second.usage * 1e6).rounded())
      counters[pod].periods += Int64(second.periods)
      counters[pod].throttledPeriods += Int64(second.throttledPeriods)
      counters[pod].throttledNanoseconds += Int64((second.throttledTime * 1e9).rounded())
      counters[pod].requests += Int64(second.ended)
      counters[pod].failures += Int64(second.timeouts + second.refused)
      counters[pod].responseSeconds += second.mean * Double(second.ended)
      if second.ended > 0 {
        counters[pod].mean = second.mean
        counters[pod].p95 = second.p95
        counters[pod].p99 = second.p99
      }
    }
    return inForce
  }
}
