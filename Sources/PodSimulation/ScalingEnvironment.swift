import Autoscaling

/// Simulated clusters, each driven through a decision path of its own: what agents are trained in, policies are judged in,
/// and `infer` runs on where there is no cluster.
///
/// One round, once a second:
///
///     environment.groups[k].decide(…)      // observation → wish → pool → shield, for every cluster k
///     environment.advance()                // limits are written, a second passes, new samples are observed
///
/// The observations of all clusters form one matrix whose row is `pod · clusters + cluster`, so that the rows of one agent,
/// which drives the same pod of every cluster, lie together.
public final class ScalingEnvironment {
  public let cluster: PodCluster
  /// One decision path per cluster.
  public let groups: [PodGroup]
  public let observations: ObservationMatrix
  /// Requests/s of the coming second, `[pods × clusters]`.
  private let rates: UnsafeMutableBufferPointer<Float>
  private let samples: UnsafeMutableBufferPointer<PodSample>
  /// Limits written since the episode began, over all clusters.
  public private(set) var resizes = 0

  /// - Throws: `SimulationError` when the simulated pods are not possible.
  public init(_ configuration: PodClusterConfiguration, pods: [PodDescription], settings: DecisionSettings) throws {
    precondition(configuration.pods.count == pods.count, "one description per simulated pod")
    cluster = try PodCluster(configuration)
    let clusters = configuration.clusters
    let matrix = ObservationMatrix(spec: settings.observation, rows: pods.count * clusters)
    observations = matrix
    groups = (0..<clusters).map {
      PodGroup(pods: pods, settings: settings, observations: matrix, firstRow: $0, rowStride: clusters)
    }
    rates = .allocate(capacity: pods.count * clusters)
    rates.initialize(repeating: 0)
    samples = .allocate(capacity: pods.count)
    samples.initialize(repeating: PodSample(time: 0, limit: 0, request: 0, usage: 0))
  }

  deinit {
    rates.deallocate()
    samples.deallocate()
  }

  public var pods: Int { cluster.pods }
  public var clusters: Int { cluster.clusters }
  /// Seconds since the episode began.
  public var time: Int { cluster.time }

  /// Starts a round of episodes (see `PodCluster.reset(episode:)`) with every pod at `limits[pod]`, and lets the first
  /// second pass, so that there is something to observe.
  public func begin(episode: Int, limits: [Millicores], rates source: (_ pod: Int, _ cluster: Int) -> Float) {
    precondition(limits.count == pods, "\(limits.count) limits for \(pods) pods")
    cluster.reset(episode: episode)
    resizes = 0
    for group in groups { group.reset() }
    for pod in 0..<pods {
      for index in 0..<clusters { cluster.setLimit(limits[pod], ofPod: pod, cluster: index) }
    }
    pass(rates: source)
  }

  /// Writes the limits that the groups decided, where they changed, lets a second pass and observes it.
  public func advance(rates source: (_ pod: Int, _ cluster: Int) -> Float) {
    let now = Double(time)
    for index in 0..<clusters {
      let group = groups[index]
      for pod in 0..<pods where group.resizes[pod].isNeeded {
        cluster.setLimit(group.resizes[pod].limit, ofPod: pod, cluster: index)
        group.noteSent(pod, at: now)
        resizes += 1
      }
    }
    pass(rates: source)
  }

  private func pass(rates source: (_ pod: Int, _ cluster: Int) -> Float) {
    for pod in 0..<pods {
      for index in 0..<clusters { rates[pod * clusters + index] = source(pod, index) }
    }
    guard let start = rates.baseAddress else { return }
    cluster.advance(rates: start)
    for index in 0..<clusters {
      for pod in 0..<pods { samples[pod] = cluster.sample(pod: pod, cluster: index) }
      groups[index].observe(UnsafeBufferPointer(samples), at: Double(time))
    }
  }
}
