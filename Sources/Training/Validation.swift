import Autoscaling
import Dispatch
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
  private let courses: [Course]
  private let threads: Int
  private let schedule: EpisodeSchedule
  /// The conditions of the curriculum's last stage, in which agents are judged from the beginning: scores can be compared.
  private let conditions: EpisodeConditions
  /// Of each cluster, millicores.
  private let pools: [Millicores]
  /// The episode whose draws the conditions are: none that is trained on.
  private static let episode = -1

  /// One workload's episodes, with all that one thread needs to play them.
  private final class Course {
    let environment: ScalingEnvironment
    let actions: FloatBuffer
    var rewardReader: RewardReader
    /// The mean reward of an agent and step, per cluster.
    var scores = Array(repeating: 0.0, count: Validation.clusters)
    /// Rewards in each score; absent pods have none.
    private var counts = Array(repeating: 0, count: Validation.clusters)

    init(_ environment: ScalingEnvironment, _ rewardReader: RewardReader) {
      self.environment = environment
      self.rewardReader = rewardReader
      actions = FloatBuffer(environment.pods * Validation.clusters)
    }

    func play(_ policy: GreedyPolicy, limits: [Millicores], conditions: EpisodeConditions) {
      let clusters = Validation.clusters
      // Upstream's queues outlive an episode: without this a score would depend on the looks before it.
      for group in environment.groups {
        group.queuedReadings = Array(repeating: 0, count: group.queuedReadings.count)
      }
      environment.begin(episode: 0, limits: limits, conditions: conditions)
      rewardReader.begin(environment)
      for cluster in 0..<clusters { (scores[cluster], counts[cluster]) = (0, 0) }
      for _ in 0..<Validation.seconds {
        policy.decide(environment.observations.values, into: actions.pointer)
        for cluster in 0..<clusters {
          environment.groups[cluster].decide(actions: actions.pointer + cluster, stride: clusters)
        }
        environment.advance()
        for cluster in 0..<clusters {
          rewardReader.rewards(of: environment, cluster: cluster) { _, total in
            scores[cluster] += total
            counts[cluster] += 1
          }
        }
      }
      for cluster in 0..<clusters { scores[cluster] /= Double(max(counts[cluster], 1)) }
    }
  }

  /// - Parameter threads: 1 or 2; scores do not depend on it.
  init(_ settings: TrainingSettings, algorithm: AlgorithmDescription, threads: Int) throws {
    self.settings = settings
    self.algorithm = algorithm
    self.threads = threads
    let count = settings.pods.count
    let schedule = EpisodeSchedule(settings: settings)
    self.schedule = schedule
    let stages = try schedule.workloads()
    var conditions = schedule.conditions(episode: Self.episode, clusters: Self.clusters, workloads: stages)
    // Every course has a load of its own; the constant one stays constant.
    conditions.workload = nil
    self.conditions = conditions
    let load = try stages.last ?? Workload(settings.workload)
    var steady = load.settings
    steady.name = "constant"
    steady.parameters = [:]
    steady.trace = nil
    steady.mean = load.mean
    steady.minimum = min(steady.minimum, steady.mean)
    courses = try [load, Workload(steady)].map { workload in
      try Course(
        ScalingEnvironment(
          settings.cluster(seed: settings.seed &+ Self.seedOffset, clusters: Self.clusters),
          pods: (0..<count).map {
            PodDescription(name: "pod\($0)", priority: schedule.priority(ofPod: $0, episode: 0))
          },
          settings: settings.decisionSettings(of: algorithm), workload: workload, seconds: Self.seconds),
        RewardReader(settings, algorithm: algorithm))
    }
    guard settings.curriculum != nil else {
      pools = Array(repeating: settings.pool, count: Self.clusters)
      return
    }
    let pools = (0..<Self.clusters).map { schedule.pool(settings.pool, episode: Self.episode, cluster: $0) }
    self.pools = pools
    for course in courses {
      for (group, pool) in zip(course.environment.groups, pools) {
        group.settings.pool.capacity = pool
        group.settings.shield = settings.shield(pool: pool)
      }
    }
  }

  /// The mean reward of an agent and step, of the published rewards in the worse half of the episodes. Always the same
  /// episodes: scores can be compared.
  func score(_ networks: [[String: NetworkParameters]]) throws -> Double {
    let clusters = Self.clusters
    let count = settings.pods.count
    let assignment = (0..<count * clusters).map { settings.sharesParameters ? 0 : $0 / clusters }
    // A policy has room for one decision at a time.
    let policies = try courses.map { _ in
      try GreedyPolicy(algorithm: algorithm.name, sets: networks, assignment: assignment)
    }
    // Drawn limits, some of them far off: agents must find back from where others' mistakes have put them.
    var limits = Array(repeating: 0, count: count * clusters)
    for cluster in 0..<clusters {
      let drawn = schedule.randomLimits(episode: Self.episode, cluster: cluster, pool: pools[cluster])
      for pod in 0..<count { limits[pod * clusters + cluster] = drawn[pod] }
    }
    let start = limits
    let plays = zip(courses, policies).map { (course: $0, policy: $1) }
    if threads > 1 {
      nonisolated(unsafe) let plays = plays
      DispatchQueue.concurrentPerform(iterations: plays.count) { [conditions] in
        plays[$0].course.play(plays[$0].policy, limits: start, conditions: conditions)
      }
    } else {
      for play in plays { play.course.play(play.policy, limits: start, conditions: conditions) }
    }
    let scores = courses.flatMap(\.scores)
    // A reward that is a price has to be small on average; the published ones must not be forgiven a starved pod.
    if settings.slo != nil { return scores.reduce(0, +) / Double(scores.count) }
    let worse = scores.sorted().prefix(scores.count / 2)
    return worse.reduce(0, +) / Double(worse.count)
  }
}
