import Autoscaling
import Learning
import PodSimulation

/// Everything that decides a training run, apart from the settings of its algorithm: same settings and same seed, same
/// bytes. A checkpoint stores it as JSON.
public struct TrainingSettings: Codable, Equatable, Sendable {
  /// A name of `Algorithms`.
  public var algorithm = "mdqn"
  public var episodes = 300
  /// Steps of an episode; a step is one second.
  public var steps = 60
  /// The simulated pods, one agent each unless parameters are shared.
  public var pods: [PodParameters] = Array(repeating: PodParameters(), count: 3)
  /// Cores of the one node that all pods share; nil for cores of their own.
  public var nodeCores: Double?
  /// Clusters that are simulated side by side.
  public var clusters = 1
  /// One network learns from, and acts for, all pods.
  public var sharesParameters = false

  /// CPU that the pods share, millicores.
  public var pool: Millicores = 1000
  /// Every cluster of every episode draws its pool between `pool` ÷ this and `pool` × this; 1 keeps it.
  public var poolSpread = 1.0
  /// Smallest limit of a pod; the largest is the pool unless `maximum` says less.
  public var minimum: Millicores = 50
  public var maximum: Millicores?
  /// The name of an `ObservationSpec`.
  public var observation = ObservationSpec.shared.name
  /// Of eight clusters' agents one's see no response times, one's no CFS periods, one's neither.
  public var hidesSources = false
  /// Choices of a discrete algorithm: 3, 5 or 11.
  public var choices = 3
  /// Millicores per discrete step, and per unit of a continuous action.
  public var increment: Millicores = 25
  public var scale: Millicores = 50
  /// Whether actions change limits as published or mean headroom over recent usage.
  public var basis = ActionSpace.Basis.limit
  /// How close to the present allocation a wish for headroom keeps it, a share of it.
  public var headroomBand = 0.1
  public var compatibility = DecisionSettings.Compatibility.none

  /// Number of the published reward, and the weight of response times in it.
  public var reward = 2
  public var alpha = 0.75
  /// Our own reward, in place of the published one where it is set.
  public var slo: SLOReward?
  public var priorities = Priorities.fixed([1])
  /// Every 5 episodes the pool is drawn from 500, 750, … 2000, and limits start anew.
  public var variablePool = false
  /// Every 10 episodes limits start anew, at 100m.
  public var resetsLimits = false
  /// What limits an episode begins with otherwise.
  public var start = Start.random
  public var workload = WorkloadSettings("diurnal", mean: 15)
  /// Ranges that every pod of every episode draws its service from; nil keeps `pods` as they are.
  public var randomization: Randomization?
  /// How old what the agents see is, and how long a new limit takes to act.
  public var metrics = MetricLag.direct
  public var resizeLatency = Randomization.Range(0, 0)
  /// Pods that come and go: by schedule, the same in every episode, or at random. nil for pods that stay.
  public var schedules: [PodSchedule]?
  public var churn: PodChurn?
  /// How requests travel from pod to pod; nil where every pod is a service of its own.
  public var graph: ServiceGraph?

  /// Stages of the run with conditions of their own, one after the other; nil for one that stays as it begins.
  public var curriculum: [CurriculumStage]?
  /// When to stop before the last episode; nil for never.
  public var stopping: EarlyStopping?

  public var seed: UInt64 = 1
  /// Write a numbered checkpoint every so many episodes; nil for none.
  public var checkpointEvery: Int?

  public init() {}

  /// The limits that an episode begins with.
  public enum Start: String, Codable, Equatable, Sendable, CaseIterable {
    /// Drawn anew: what a policy does to be well off must not hide from it how bad things could be (exploring starts).
    case random
    /// Those that the last episode ended with, as published.
    case carried
  }

  /// The pods' weights where CPU is scarce.
  public enum Priorities: Codable, Equatable, Sendable {
    /// One per pod, or one for all.
    case fixed([Double])
    /// Every 4 episodes each pod draws from 0.1, 0.2, … 1.0.
    case random
    /// The published fixed patterns by number; pods beyond the third repeat them. Under upstream compatibility those of the
    /// algorithm's own trainer, without it those of the on-policy one for all.
    case published(Int)
  }

  /// The limit that pods begin with, millicores: an equal share; under upstream compatibility, or where limits start anew,
  /// 100 as published, as far as the pool allows.
  func firstLimit(pool: Millicores, anew: Bool) -> Millicores {
    let share = pool / pods.count
    let wanted = anew || compatibility == .upstream ? min(100, share) : share
    return max(wanted / 10 * 10, minimum)
  }

  /// - Throws: `TrainingError` for a combination that cannot be trained; single values are checked where they are used.
  func validate() throws {
    guard !pods.isEmpty, pods.count <= 10_000 else {
      throw TrainingError("a run has \(pods.count) pods, expected 1 to 10,000")
    }
    guard (1...1_000_000).contains(steps), (1...100_000_000).contains(episodes) else {
      throw TrainingError("a run has \(episodes) episodes of \(steps) steps, expected at least one of each")
    }
    guard pool / pods.count >= minimum, minimum >= 1 else {
      throw TrainingError("\(pool)m do not give \(pods.count) pods their smallest limit of \(minimum)m each")
    }
    guard ObservationSpec.named(observation) != nil else {
      let known = ObservationSpec.all.map(\.name).joined(separator: " ")
      throw TrainingError("unknown observation '\(observation)', expected one of: \(known)")
    }
    if let slo {
      guard slo.slo > 0, slo.slo <= 1000, (0...1e6).contains(slo.weight), (0...1e6).contains(slo.resizeWeight),
        (0...4).contains(slo.weightDoublings)
      else {
        throw TrainingError(
          "the slo reward has a goal of \(slo.slo) s, a weight of \(slo.weight) and a resize weight of "
            + "\(slo.resizeWeight), drawn within \(slo.weightDoublings) doublings, expected 0 to 1000 s, weights of 0 to "
            + "1,000,000 and at most 4 doublings")
      }
    }
    guard basis == .limit || compatibility == .none else {
      throw TrainingError("actions that mean headroom have no upstream compatibility")
    }
    guard (0...1).contains(headroomBand) else {
      throw TrainingError("the headroom's band is \(headroomBand), expected 0 to 1")
    }
    guard (1...100).contains(poolSpread) else {
      throw TrainingError("the pool spreads by a factor of \(poolSpread), expected 1 to 100")
    }
    try stopping?.validate()
    if let curriculum { try CurriculumStage.validate(curriculum, for: self) }
    guard [3, 5, 11].contains(choices) else { throw TrainingError("\(choices) actions, expected 3, 5 or 11") }
    if case .fixed(let values) = priorities {
      guard values.count == 1 || values.count == pods.count else {
        throw TrainingError("\(values.count) priorities for \(pods.count) pods, expected one or one per pod")
      }
    }
  }

  var observationSpec: ObservationSpec {
    var spec = ObservationSpec.named(observation) ?? .shared
    if let slo { spec.slo = slo.slo }
    return spec
  }

  func actionKind(of algorithm: AlgorithmDescription) -> ActionKind {
    algorithm.actionKind.isDiscrete ? .discrete(choices) : algorithm.actionKind
  }

  /// The simulated cluster of this run.
  func cluster(seed: UInt64, clusters: Int, threads: Int = 1) -> PodClusterConfiguration {
    var configuration = PodClusterConfiguration(
      pods: pods, clusters: clusters, seed: seed, sharedCores: nodeCores, threads: threads, randomization: randomization
    )
    configuration.recordsPeriods = observationSpec.usesPeriods
    configuration.metrics = metrics
    configuration.resizeLatency = resizeLatency
    configuration.schedules = schedules ?? []
    configuration.churn = churn
    configuration.graph = graph
    return configuration
  }

  func decisionSettings(of algorithm: AlgorithmDescription) -> DecisionSettings {
    var action: ActionSpace
    switch actionKind(of: algorithm) {
    case .discrete(let count): action = .discrete(count, increment: increment)
    case .delta: action = ActionSpace(kind: .delta, increment: increment, scale: scale)
    case .instant: action = ActionSpace(kind: .instant, increment: increment, scale: scale)
    }
    action.basis = basis
    action.headroomBand = headroomBand
    return DecisionSettings(
      pool: ResourcePool(capacity: pool), observation: observationSpec, action: action, shield: shield(pool: pool),
      compatibility: compatibility)
  }

  func shield(pool: Millicores) -> SafetyShield {
    // Upstream sends limits to the millicore.
    var shield = SafetyShield(
      minimum: minimum, maximum: min(maximum ?? pool, pool), granularity: compatibility == .upstream ? 1 : 10)
    shield.allow(for: metrics, resizeLatency: resizeLatency)
    if let randomization {
      shield.allow(
        for: randomization.metrics ?? .direct, resizeLatency: randomization.resizeLatency ?? Randomization.Range(0, 0))
    }
    return shield
  }

  /// The published trainers choose the shared part by family; only the on-policy one looks at the number.
  func publishedReward(of algorithm: AlgorithmDescription) throws -> PublishedReward {
    guard PublishedReward.numbers.contains(reward) else {
      let known = PublishedReward.numbers.map(String.init).joined(separator: " ")
      throw TrainingError("unknown reward function \(reward), expected one of: \(known)")
    }
    guard algorithm.family.isOnPolicy else { return PublishedReward(number: reward, alpha: alpha) }
    guard let shared = PublishedReward.sharedPartOfPPO(number: reward) else {
      throw TrainingError("reward function \(reward) has no shared part in the PPO family, expected 1 to 5")
    }
    return PublishedReward(number: reward, alpha: alpha, shared: shared)
  }
}

/// Why a run cannot be set up or go on, in one sentence.
public struct TrainingError: Error, CustomStringConvertible, Sendable, Equatable {
  public let description: String
  public init(_ sentence: String) { description = sentence }
}
