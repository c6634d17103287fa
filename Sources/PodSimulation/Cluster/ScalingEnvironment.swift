import Autoscaling

/// What one round of episodes has in place of what its environment usually has.
public struct EpisodeConditions: Sendable {
  public var workload: Workload?
  /// How many of each cluster's pods are there at all, `[clusters]`, 1…pods.
  public var presentPods: [Int]?
  /// What the request rates of each cluster are multiplied by, `[clusters]`.
  public var loadScales: [Double]?

  public static let usual = EpisodeConditions()

  public init(workload: Workload? = nil, presentPods: [Int]? = nil, loadScales: [Double]? = nil) {
    self.workload = workload
    self.presentPods = presentPods
    self.loadScales = loadScales
  }
}

/// Simulated clusters, each driven through a decision path of its own: what agents are trained in, policies are judged in,
/// and `infer` runs on where there is no cluster.
///
/// One round, once a second:
///
///     environment.groups[k].decide(…)      // observation → wish → pool → shield, for every cluster k
///     environment.advance()                // limits are written, a second passes, new samples are observed
///
/// The observations of all clusters form one matrix whose row is `pod · clusters + cluster`, so that the rows of one agent,
/// which drives the same pod of every cluster, lie together. Nothing is allocated after `init` and `begin`'s load.
public final class ScalingEnvironment {
  public let cluster: PodCluster
  public let workload: Workload
  /// One decision path per cluster.
  public let groups: [PodGroup]
  public let observations: ObservationMatrix
  /// Seconds that can be played after `begin`.
  public let seconds: Int
  private let load: EpisodeLoad
  private let samples: UnsafeMutableBufferPointer<PodSample>
  /// Whether limits that did not change are written too, every second: each write refills the kernel's quota, which shows what
  /// a policy gains from that. Off, as on a cluster.
  public var rewritesLimits = false
  /// Limits written since the episode began, over all clusters.
  public private(set) var resizes = 0

  /// - Parameter seconds: the longest episode, not counting the first second, which only fills the observations.
  /// - Throws: `SimulationError` when the simulated pods are not possible.
  public init(
    _ configuration: PodClusterConfiguration, pods: [PodDescription], settings: DecisionSettings, workload: Workload,
    seconds: Int
  ) throws {
    precondition(configuration.pods.count == pods.count, "one description per simulated pod")
    cluster = try PodCluster(configuration)
    self.workload = workload
    self.seconds = seconds
    let clusters = configuration.clusters
    load = EpisodeLoad(pods: pods.count, clusters: clusters, seconds: seconds + 1)
    let matrix = ObservationMatrix(spec: settings.observation, rows: pods.count * clusters, keepsLast: true)
    observations = matrix
    groups = (0..<clusters).map {
      PodGroup(pods: pods, settings: settings, observations: matrix, firstRow: $0, rowStride: clusters)
    }
    samples = .allocate(capacity: pods.count)
    samples.initialize(repeating: PodSample(time: 0, limit: 0, request: 0, usage: 0))
  }

  deinit { samples.deallocate() }

  public var pods: Int { cluster.pods }
  public var clusters: Int { cluster.clusters }
  /// Seconds since the episode began.
  public var time: Int { cluster.time }

  /// Starts a round of episodes (see `PodCluster.reset(episode:)`) and lets the first second pass, so that there is
  /// something to observe.
  ///
  /// - Parameters:
  ///   - limits: the limits to begin with, `[pods × clusters]`.
  ///   - conditions: what is different in this round.
  public func begin(episode: Int, limits: [Millicores], conditions: EpisodeConditions = .usual) {
    precondition(limits.count == pods * clusters, "\(limits.count) limits for \(pods) pods × \(clusters) clusters")
    cluster.presentPods = conditions.presentPods
    cluster.reset(episode: episode)
    load.draw(conditions.workload ?? workload, for: cluster, scales: conditions.loadScales)
    resizes = 0
    for group in groups { group.reset() }
    for pod in 0..<pods {
      for index in 0..<clusters {
        cluster.setLimit(limits[pod * clusters + index], ofPod: pod, cluster: index)
      }
    }
    pass()
  }

  /// Writes the limits that the groups decided, where they changed, lets a second pass and observes it. A write takes the
  /// configuration's resize latency; until a sample shows it, its group holds the pod.
  public func advance() {
    let now = Double(time)
    for index in 0..<clusters {
      let group = groups[index]
      for pod in 0..<pods where group.resizes[pod].isNeeded || (rewritesLimits && group.samples[pod].isPresent) {
        cluster.resize(group.resizes[pod].limit, ofPod: pod, cluster: index)
        group.noteSent(pod, at: now)
        resizes += 1
      }
    }
    pass()
  }

  /// CPU that the requests of a pod's present episode need in its busiest second, millicores, and that an average request
  /// does, millicore-seconds.
  public func demand(ofPod pod: Int, cluster index: Int) -> (peak: Double, perRequest: Double) {
    let parameters = cluster.parameters(ofPod: pod, episode: cluster.episodeNumber(ofCluster: index))
    let perRequest = parameters.demandMillicores(rate: 1)
    return (load.peakRate(pod: pod, cluster: index) * perRequest, perRequest)
  }

  /// The limits in force, `[pods × clusters]`.
  public var limits: [Millicores] {
    (0..<pods * clusters).map { cluster.limit(ofPod: $0 / clusters, cluster: $0 % clusters) }
  }

  private func pass() {
    cluster.advance(rates: load[time])
    observations.turn()
    for index in 0..<clusters {
      for pod in 0..<pods { samples[pod] = cluster.sample(pod: pod, cluster: index) }
      groups[index].observe(UnsafeBufferPointer(samples), at: Double(time))
    }
  }
}
