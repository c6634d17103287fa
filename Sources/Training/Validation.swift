import Autoscaling
import Learning
import NeuralNetwork
import PodSimulation

/// Judges agents by the reward that they were trained for, on episodes that they never learn from and that are longer than
/// those of training: a pod that starves slowly shows.
final class Validation {
  private static let clusters = 16
  private static let seconds = 240
  /// Set apart from every seed that training may use by more than a counter reaches.
  private static let seedOffset: UInt64 = 0x5641_4c49_4441_5445

  private let settings: TrainingSettings
  private let algorithm: AlgorithmDescription
  private let environments: [ScalingEnvironment]
  private let actions: FloatBuffer
  private var rewardReader: RewardReader

  init(_ settings: TrainingSettings, algorithm: AlgorithmDescription) throws {
    self.settings = settings
    self.algorithm = algorithm
    let count = settings.pods.count
    let schedule = EpisodeSchedule(settings: settings)
    let load = try Workload(settings.workload)
    var steady = settings.workload
    steady.name = "constant"
    steady.parameters = [:]
    steady.trace = nil
    steady.mean = load.mean
    steady.minimum = min(steady.minimum, steady.mean)
    environments = try [load, Workload(steady)].map { workload in
      try ScalingEnvironment(
        settings.cluster(seed: settings.seed &+ Self.seedOffset, clusters: Self.clusters),
        pods: (0..<count).map { PodDescription(name: "pod\($0)", priority: schedule.priority(ofPod: $0, episode: 0)) },
        settings: settings.decisionSettings(of: algorithm), workload: workload, seconds: Self.seconds)
    }
    actions = FloatBuffer(count * Self.clusters)
    rewardReader = RewardReader(try settings.publishedReward(of: algorithm), pods: count)
  }

  /// The mean reward of an agent and step in the worse half of the episodes. Always the same episodes: scores can be compared.
  func score(_ networks: [[String: NetworkParameters]]) throws -> Double {
    let clusters = Self.clusters
    let count = settings.pods.count
    let assignment = (0..<count * clusters).map { settings.sharesParameters ? 0 : $0 / clusters }
    let policy = try GreedyPolicy(algorithm: algorithm.name, sets: networks, assignment: assignment)
    // Drawn limits, some of them far off: agents must find back from where others' mistakes have put them.
    var limits = Array(repeating: 0, count: count * clusters)
    for cluster in 0..<clusters {
      let drawn = EpisodeSchedule(settings: settings).randomLimits(episode: -1, cluster: cluster, pool: settings.pool)
      for pod in 0..<count { limits[pod * clusters + cluster] = drawn[pod] }
    }
    var scores: [Double] = []
    for environment in environments {
      environment.begin(episode: 0, limits: limits)
      var sums = Array(repeating: 0.0, count: clusters)
      var counts = Array(repeating: 0, count: clusters)
      for _ in 0..<Self.seconds {
        policy.decide(environment.observations.values, into: actions.pointer)
        for cluster in 0..<clusters {
          environment.groups[cluster].decide(actions: actions.pointer + cluster, stride: clusters)
        }
        environment.advance()
        for cluster in 0..<clusters {
          rewardReader.rewards(of: environment.groups[cluster]) { _, total in
            sums[cluster] += total
            counts[cluster] += 1
          }
        }
      }
      scores += zip(sums, counts).map { $0 / Double(max($1, 1)) }
    }
    let worse = scores.sorted().prefix(scores.count / 2)
    return worse.reduce(0, +) / Double(worse.count)
  }
}
