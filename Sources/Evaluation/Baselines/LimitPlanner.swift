import Autoscaling
import Glibc
import PodSimulation

/// Simulations side by side: the episode as it happened so far, and what might come of it under many limits.
final class LimitPlanner {
  /// What is known of the coming seconds, and how finely limits are tried.
  struct Foresight {
    /// Futures that are imagined; nil where the one to come is known.
    var futures: Int?
    /// Limits of the coming second.
    var limits: Int
    /// Limits of the second after it, as multiples of the work there is in it.
    var continuations: [Double]

    static let requests = Foresight(futures: nil, limits: 24, continuations: [0.8, 1, 1.25, 1.7, 3])
    static let rates = Foresight(futures: 12, limits: 12, continuations: [1.1, 2])
  }

  /// More would need more memory than a planner is worth.
  private static let podsMax = 300

  private let foresight: Foresight
  private let price: Double
  /// Later than this is late, seconds.
  private let goal: Double
  private let knowledge: EpisodeKnowledge
  private let load: EpisodeLoad
  /// The pods as they are.
  private let present: PodCluster
  /// The pods with all the CPU they can use: what work there is. One cluster per future.
  private let unlimited: PodCluster
  /// Cluster (limit · futures + future), and for every continuation of each.
  private let trial: PodCluster
  private let continuation: PodCluster
  private let futures: Int
  /// Limits that are tried: the grid's, and the one in force.
  private let choices: Int
  /// The grid's limits as multiples of the work of the coming second: from too little to what a single request needs that has
  /// to be done within the goal.
  private let grid: [Double]
  private let rates: UnsafeMutablePointer<Float>
  /// Work of the coming second, core-seconds: `[pods × futures]`, and its mean over the futures; and the mean of the second after
  /// it.
  private var workOfFuture: [Double]
  private var work: [Double]
  private var workAfter: [Double]
  /// `[pods × choices]`
  private var limits: [Millicores]
  private var plans = 0

  init(_ foresight: Foresight, price: Double, goal: Double, _ knowledge: EpisodeKnowledge) throws {
    let configuration = knowledge.configuration
    let pods = configuration.pods.count
    guard configuration.sharedCores == nil, configuration.graph == nil, configuration.resizeLatency.to == 0,
      configuration.metrics == .direct, configuration.randomization == nil, configuration.schedules.isEmpty,
      configuration.churn == nil
    else {
      throw BaselineError(
        "a policy that knows the future plays each pod by itself, so it needs pods that stay and have cores of their "
          + "own, without a service graph, late or noisy metrics, resize latency or drawn services")
    }
    guard pods <= Self.podsMax else {
      throw BaselineError(
        "a policy that knows the future plays every pod many times over; it takes at most \(Self.podsMax) pods, not \(pods)"
      )
    }
    func cluster(_ clusters: Int) throws -> PodCluster {
      var configuration = configuration
      configuration.clusters = clusters
      configuration.recordsPeriods = false
      let cluster = try PodCluster(configuration)
      cluster.reset(episodes: Array(repeating: 0, count: clusters))
      return cluster
    }
    self.foresight = foresight
    self.price = price
    self.goal = goal
    self.knowledge = knowledge
    futures = foresight.futures ?? 1
    choices = foresight.limits + 1
    let (lowest, highest) = (0.6, max(4, 1 / goal))
    grid = (0..<foresight.limits).map {
      lowest * exp(log(highest / lowest) * Double($0) / Double(foresight.limits - 1))
    }
    // As long as the episode itself: a load may depend on its length. Beyond the end the last second repeats.
    load = EpisodeLoad(pods: pods, clusters: 1, seconds: knowledge.seconds + 1)
    present = try cluster(1)
    unlimited = try cluster(futures)
    trial = try cluster(choices * futures)
    continuation = try cluster(choices * futures * foresight.continuations.count)
    rates = .allocate(capacity: pods * continuation.clusters)
    rates.initialize(repeating: 0, count: pods * continuation.clusters)
    workOfFuture = Array(repeating: 0, count: pods * futures)
    work = Array(repeating: 0, count: pods)
    workAfter = Array(repeating: 0, count: pods)
    limits = Array(repeating: 0, count: pods * choices)
    restart()
  }

  deinit { rates.deallocate() }

  func restart() {
    plans = 0
    present.reset(episode: 0)
    load.draw(knowledge.workload, for: present)
    for pod in 0..<present.pods { present.setLimit(knowledge.initialLimit, ofPod: pod, cluster: 0) }
    advance(present)
  }

  func plan(_ group: PodGroup, _ wishes: UnsafeMutableBufferPointer<Millicores?>) {
    catchUp(with: group)
    measureWork()
    tryLimits(group)
    tryContinuations(group)
    for pod in 0..<present.pods where group.samples[pod].isPresent {
      var best = (cost: Double.infinity, limit: 0)
      for choice in 0..<choices {
        let (limit, cost) = (limits[pod * choices + choice], cost(pod, choice))
        if cost < best.cost || (cost == best.cost && limit < best.limit) { best = (cost, limit) }
      }
      wishes[pod] = best.limit
    }
    plans += 1
  }

  /// Lives through the seconds that have passed since the last plan, under the limits that were in force.
  private func catchUp(with group: PodGroup) {
    while Double(present.time) < (group.samples.map(\.time).max() ?? 0) {
      for pod in 0..<present.pods where group.samples[pod].isPresent {
        set(group.samples[pod].limit, pod, present, 0)
      }
      advance(present)
    }
  }

  /// Makes a cluster the present one, with the requests that future number `future` holds.
  private func begin(_ cluster: PodCluster, _ index: Int, future: Int) {
    cluster.take(0, of: present, into: index)
    if foresight.futures != nil { cluster.redraw(cluster: index, future: plans &* futures &+ future) }
  }

  private func measureWork() {
    for future in 0..<futures {
      begin(unlimited, future, future: future)
      for pod in 0..<present.pods { unlimited.setLimit(1_000_000, ofPod: pod, cluster: future) }
    }
    func mean(_ pod: Int) -> Double {
      (0..<futures).reduce(0) { $0 + unlimited.second(pod: pod, cluster: $1).usage } / 1000 / Double(futures)
    }
    advance(unlimited)
    for pod in 0..<present.pods {
      work[pod] = mean(pod)
      for future in 0..<futures {
        workOfFuture[pod * futures + future] = unlimited.second(pod: pod, cluster: future).usage / 1000
      }
    }
    advance(unlimited)
    for pod in 0..<present.pods { workAfter[pod] = mean(pod) }
  }

  private func tryLimits(_ group: PodGroup) {
    for choice in 0..<choices {
      for future in 0..<futures { begin(trial, choice * futures + future, future: future) }
    }
    for pod in 0..<present.pods {
      let now = present.limit(ofPod: pod, cluster: 0)
      for choice in 0..<choices {
        // The last one leaves the limit as it is: without a write there is no fresh quota either.
        let limit = choice < grid.count ? allowed(work[pod] * grid[choice], pod, group) : now
        limits[pod * choices + choice] = limit
        for future in 0..<futures { set(limit, pod, trial, choice * futures + future) }
      }
    }
    advance(trial)
  }

  private func tryContinuations(_ group: PodGroup) {
    let count = foresight.continuations.count
    for index in 0..<trial.clusters {
      for next in 0..<count { continuation.take(index, of: trial, into: index * count + next) }
    }
    for pod in 0..<present.pods {
      for index in 0..<trial.clusters {
        let left = max(
          workOfFuture[pod * futures + index % futures] - trial.second(pod: pod, cluster: index).usage / 1000, 0)
        for next in 0..<count {
          let limit = allowed((left + workAfter[pod]) * foresight.continuations[next], pod, group)
          set(limit, pod, continuation, index * count + next)
        }
      }
    }
    advance(continuation)
  }

  /// Mean cost of both seconds over the futures, with the continuation that is best in the mean: what the second brings is not
  /// known when its limit is chosen, except to one who knows all.
  private func cost(_ pod: Int, _ choice: Int) -> Double {
    let count = foresight.continuations.count
    var first = 0.0
    var best = Double.infinity
    for future in 0..<futures { first += cost(pod, trial, choice * futures + future) }
    for next in 0..<count {
      var sum = 0.0
      for future in 0..<futures { sum += cost(pod, continuation, (choice * futures + future) * count + next) }
      best = min(best, sum)
    }
    return (first + best) / Double(futures)
  }

  private func cost(_ pod: Int, _ cluster: PodCluster, _ index: Int) -> Double {
    let usage = cluster.second(pod: pod, cluster: index).usage
    let unused = (Double(cluster.limit(ofPod: pod, cluster: index)) - usage) / 1000
    return unused + price * Double(cluster.lateResponses(pod: pod, cluster: index, above: goal))
  }

  private func set(_ limit: Millicores, _ pod: Int, _ cluster: PodCluster, _ index: Int) {
    if knowledge.rewritesLimits || cluster.limit(ofPod: pod, cluster: index) != limit {
      cluster.setLimit(limit, ofPod: pod, cluster: index)
    }
  }

  /// A number of cores as a limit that the shield lets pass.
  private func allowed(_ cores: Double, _ pod: Int, _ group: PodGroup) -> Millicores {
    let bounds = group.settings.shield.bounds(of: group.pods[pod].bounds)
    let granule = Double(group.settings.shield.granularity)
    let limit = Millicores((min(cores, 1000) * 1000 / granule).rounded(.up) * granule)
    return min(max(limit, bounds.lowerBound), bounds.upperBound)
  }

  private func advance(_ cluster: PodCluster) {
    let second = load[min(cluster.time, load.seconds - 1)]
    let clusters = cluster.clusters
    for pod in 0..<cluster.pods {
      for index in 0..<clusters { rates[pod * clusters + index] = second[pod] }
    }
    cluster.advance(rates: rates)
  }
}
