import Autoscaling
import Control
import Foundation
import PodSimulation
import Terminal

/// Simulated pods as something that `ControlLoop` can drive: a second passes in the simulation for every second that the
/// loop waits for, in real time or as fast as it can.
final class SimulatedCluster: ControlledCluster {
  let places: [Place]
  let cluster: PodCluster
  private let load: EpisodeLoad
  private let end: Int?
  /// CPU-seconds (millicores · s) and CFS periods since the last round, per pod.
  private var usage: [Double]
  private var periods: [Int]
  private var throttled: [Int]
  private var elapsed = 0
  private var isWaiting = false
  private let isRealTime: Bool
  private let started = ContinuousClock.now
  private let shouldStop: () -> Bool

  /// Without an end the load repeats after this many seconds.
  private static let repetition = 3600

  /// - Parameter seconds: when the cluster ends; nil for never.
  init(
    _ configuration: PodClusterConfiguration, places: [Place], workload: Workload, limit: Millicores, seconds: Int?,
    isRealTime: Bool, shouldStop: @escaping () -> Bool
  ) throws {
    cluster = try PodCluster(configuration)
    self.places = places
    end = seconds
    load = EpisodeLoad(
      pods: places.count, clusters: 1, seconds: min(seconds ?? Self.repetition, Self.repetition))
    usage = Array(repeating: 0, count: places.count)
    periods = Array(repeating: 0, count: places.count)
    throttled = Array(repeating: 0, count: places.count)
    self.isRealTime = isRealTime
    self.shouldStop = shouldStop
    cluster.reset(episode: 0)
    load.draw(workload, for: cluster)
    for pod in places.indices { cluster.setLimit(limit, ofPod: pod, cluster: 0) }
  }

  var now: Double { Double(cluster.time) }

  func awaitRound(interval: Double) throws -> Bool {
    // Who is woken early goes on with the same wait.
    if !isWaiting {
      for pod in places.indices { (usage[pod], periods[pod], throttled[pod]) = (0, 0, 0) }
      elapsed = 0
      isWaiting = true
    }
    // Between two rounds pass as many simulated seconds as the interval has.
    while elapsed < max(1, Int(interval)) {
      if let end, cluster.time >= end { return false }
      if isRealTime, !waitUntilDue() { return false }
      cluster.advance(rates: load[cluster.time % load.seconds])
      elapsed += 1
      for pod in places.indices {
        let second = cluster.second(pod: pod, cluster: 0)
        usage[pod] += second.usage
        periods[pod] += second.periods
        throttled[pod] += second.throttledPeriods
      }
    }
    isWaiting = false
    return true
  }

  /// Waits for the next second; false when told to stop. Due times are counted from the start, so that a slow round does
  /// not delay all later ones.
  private func waitUntilDue() -> Bool {
    let due = started + .seconds(cluster.time + 1)
    while true {
      if shouldStop() { return false }
      let left = (due - ContinuousClock.now).seconds
      if left <= 0 { return true }
      Thread.sleep(forTimeInterval: min(left, 0.05))
    }
  }

  /// Counters over the whole interval, as a reading of a real pod's would be.
  func sample(into samples: UnsafeMutableBufferPointer<PodSample>) throws {
    for pod in places.indices {
      samples[pod] = cluster.sample(pod: pod, cluster: 0)
      guard elapsed > 1, samples[pod].time == now else { continue }
      samples[pod].usage = usage[pod] / Double(elapsed)
      samples[pod].periodUsage = nil
      samples[pod].throttledFraction = periods[pod] > 0 ? Double(throttled[pod]) / Double(periods[pod]) : 0
    }
  }

  /// Resizes so far.
  private(set) var resizes = 0

  func resize(_ places: [Int], to limits: (Int) -> Millicores) {
    resizes += places.count
    for pod in places { cluster.resize(limits(pod), ofPod: pod, cluster: 0) }
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
