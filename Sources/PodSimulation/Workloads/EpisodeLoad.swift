/// The load of a whole round of episodes in the layout that `PodCluster.advance` reads.
///
///     load.draw(workload, for: cluster)
///     for second in 0..<load.seconds { cluster.advance(rates: load[second]) }
public final class EpisodeLoad {
  public let pods: Int
  public let clusters: Int
  public let seconds: Int
  /// `[seconds × pods × clusters]`
  private let rates: UnsafeMutablePointer<Float>
  /// `[pods × seconds]`, one episode as a workload writes it.
  private let episode: UnsafeMutablePointer<Float>

  /// - Precondition: all counts are above 0.
  public init(pods: Int, clusters: Int, seconds: Int) {
    precondition(pods > 0 && clusters > 0 && seconds > 0, "\(pods) pods, \(clusters) clusters, \(seconds) seconds")
    self.pods = pods
    self.clusters = clusters
    self.seconds = seconds
    rates = .allocate(capacity: pods * clusters * seconds)
    rates.initialize(repeating: 0, count: pods * clusters * seconds)
    episode = .allocate(capacity: pods * seconds)
    episode.initialize(repeating: 0, count: pods * seconds)
  }

  deinit {
    rates.deallocate()
    episode.deallocate()
  }

  /// Draws the load of the episodes that `cluster` is about to play, from the cluster's own seed.
  ///
  /// - Parameter scales: what the rates of each cluster are multiplied by, `[clusters]`; nil leaves them.
  public func draw(_ workload: Workload, for cluster: PodCluster, scales: [Double]? = nil) {
    precondition(cluster.pods == pods && cluster.clusters == clusters, "the load is for \(pods) pods × \(clusters)")
    precondition(scales.map { $0.count == clusters } ?? true, "one scale per cluster")
    for index in 0..<clusters {
      workload.fill(
        episode, pods: pods, seconds: seconds, seed: cluster.configuration.seed,
        episode: cluster.episodeNumber(ofCluster: index))
      let scale = Float(scales?[index] ?? 1)
      for pod in 0..<pods {
        for second in 0..<seconds {
          rates[(second * pods + pod) * clusters + index] = scale * episode[pod * seconds + second]
        }
      }
    }
  }

  /// One second's rates, `[pods × clusters]`, valid as long as this object and until the next `draw`.
  public subscript(second: Int) -> UnsafePointer<Float> {
    precondition((0..<seconds).contains(second), "second \(second) of \(seconds)")
    return UnsafePointer(rates + second * pods * clusters)
  }

  /// The rate of one pod in one second, requests/s.
  public func rate(pod: Int, cluster: Int, second: Int) -> Float { self[second][pod * clusters + cluster] }

  /// The highest rate of one pod in its episode, requests/s.
  public func peakRate(pod: Int, cluster: Int) -> Double {
    var highest: Float = 0
    for second in 0..<seconds { highest = max(highest, rates[(second * pods + pod) * clusters + cluster]) }
    return Double(highest)
  }
}
