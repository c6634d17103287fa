import Autoscaling
import Glibc

/// Measures the simulator's speed; for `marlise-bench` and by hand, never in a test.
public enum PodSimulationBenchmark {
  public struct Result: Sendable, Codable {
    /// Simulated seconds of one pod.
    public var podSeconds: Int
    /// CPU time of the simulating thread, seconds: on a machine with other work, wall time measures the other work.
    public var elapsed: Double
    public var requests: Int
    public var podSecondsPerSecond: Double { elapsed > 0 ? Double(podSeconds) / elapsed : 0 }
  }

  /// Simulates `seconds` of a batch of pods on one thread: Poisson arrivals at `rate` requests/s, exponential demand of
  /// 10 ms, a limit of 70 % utilisation that is changed every second, and everything that a caller reads of a second.
  public static func run(seconds: Int, rate: Double, workers: Int = 1, batch: Int = 64) throws -> Result {
    var parameters = PodParameters()
    parameters.workers = workers
    parameters.limit = max(Int(rate * 10 / 0.7), 10)
    let cluster = try PodCluster(PodClusterConfiguration(pods: [parameters], clusters: batch, seed: 1))
    let rates = UnsafeMutablePointer<Float>.allocate(capacity: batch)
    rates.initialize(repeating: Float(rate), count: batch)
    defer { rates.deallocate() }
    var requests = 0
    let start = threadTime()
    for second in 0..<seconds {
      let limit = parameters.limit + (second % 2) * 5
      for index in 0..<batch { cluster.setLimit(limit, ofPod: 0, cluster: index) }
      cluster.advance(rates: rates)
      for index in 0..<batch { requests += cluster.second(pod: 0, cluster: index).sent }
    }
    return Result(podSeconds: seconds * batch, elapsed: threadTime() - start, requests: requests)
  }

  /// Plays `episodes` episodes of what a trainer plays, without agents: load, requests, samples, observations, and limits of
  /// a policy that costs nothing.
  ///
  /// - Returns: CPU time of the calling thread, seconds; with `configuration.threads` = 1 all of it.
  public static func episodes(
    _ episodes: Int, of configuration: PodClusterConfiguration, settings: DecisionSettings, workload: Workload,
    seconds: Int, limit: Millicores
  ) throws -> Double {
    let environment = try ScalingEnvironment(
      configuration, pods: configuration.pods.indices.map { PodDescription(name: "pod\($0)") }, settings: settings,
      workload: workload, seconds: seconds)
    let places = environment.pods * environment.clusters
    let actions = UnsafeMutablePointer<Float>.allocate(capacity: places)
    actions.initialize(repeating: 0, count: places)
    defer { actions.deallocate() }
    let start = threadTime()
    for episode in 0..<episodes {
      environment.begin(episode: episode, limits: Array(repeating: limit, count: places))
      for second in 0..<seconds {
        // Up and down, so that every second has its resizes.
        actions.update(repeating: Float(second % 2 * 2), count: places)
        for (cluster, group) in environment.groups.enumerated() {
          group.decide(actions: actions + cluster, stride: environment.clusters)
        }
        environment.advance()
      }
    }
    return threadTime() - start
  }

  private static func threadTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
