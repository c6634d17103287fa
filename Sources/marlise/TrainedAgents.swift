import Autoscaling
import Checkpoints
import Learning
import Terminal
import Training

/// A checkpoint's agents, ready to decide.
struct TrainedAgents: Sendable {
  let path: String
  let checkpoint: Checkpoint
  let algorithm: AlgorithmDescription
  let observation: ObservationSpec
  private(set) var action: ActionSpace
  let compatibility: DecisionSettings.Compatibility

  /// - Parameter scale: millicores per unit of a continuous action, in place of what the agents were trained with.
  /// - Parameter caution: doublings of the price of late requests, for agents that were trained for more than one.
  /// - Throws: one sentence when the file is not a checkpoint of agents that this version can run.
  init(loading path: String, scale: Millicores? = nil, caution: Double? = nil) throws {
    self.path = path
    checkpoint = try Checkpoint.read(path, including: .weights)
    let metadata = checkpoint.metadata
    algorithm = try Self.naming(path) { try Algorithms.named(metadata.algorithm) }
    let seen = metadata.observation
    guard var spec = ObservationSpec.named(seen.kind), spec.history == seen.history,
      spec.fields.map(\.rawValue) == seen.fields
    else {
      let known = ObservationSpec.all.map(\.name).joined(separator: ", ")
      throw Failure(
        "\(path): the agents observe '\(seen.kind)' (\(seen.fields.count) fields × \(seen.history)), which this version does not provide; it has \(known)"
      )
    }
    if let text = metadata.extra["slo"] {
      guard let slo = Double(text), slo > 0, slo.isFinite else {
        throw Failure("\(path): /@extra.slo is '\(text)', expected a response time in seconds above 0")
      }
      spec.slo = slo
    }
    if let text = metadata.extra["caution"] {
      guard let value = Double(text), abs(value) <= 4 else {
        throw Failure("\(path): /@extra.caution is '\(text)', expected a number from -4 to 4")
      }
      spec.caution = value
    }
    if let caution { spec.caution = caution }
    observation = spec
    switch metadata.action.kind {
    case .discrete: action = .discrete(metadata.action.count, increment: metadata.action.increment)
    case .delta:
      action = ActionSpace(kind: .delta, increment: metadata.action.increment, scale: scale ?? metadata.action.scale)
    case .instant: action = ActionSpace(kind: .instant, increment: metadata.action.increment)
    }
    if let text = metadata.extra["action_basis"] {
      guard let basis = ActionSpace.Basis(rawValue: text) else {
        let known = ActionSpace.Basis.allCases.map(\.rawValue).joined(separator: " or ")
        throw Failure("\(path): /@extra.action_basis is '\(text)', expected \(known)")
      }
      action.basis = basis
    }
    if let text = metadata.extra["headroom_band"] {
      guard let band = Double(text), (0...1).contains(band) else {
        throw Failure("\(path): /@extra.headroom_band is '\(text)', expected a number from 0 to 1")
      }
      action.headroomBand = band
    }
    guard let compatibility = DecisionSettings.Compatibility(rawValue: metadata.compatibility) else {
      throw Failure(
        "\(path): the agents were trained with compatibility '\(metadata.compatibility)', expected none or upstream")
    }
    self.compatibility = compatibility
  }

  /// Does something with a checkpoint; what is wrong with it is said with the file's name.
  static func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as LearningError {
      throw Failure("\(path): \(error)")
    } catch let error as TrainingError {
      throw Failure("\(path): \(error)")
    }
  }

  /// Whether one network was trained for all pods.
  private var isShared: Bool { checkpoint.metadata.extra["shared_parameters"] == "true" }

  /// The most pods that these agents can drive; without `hack` each pod needs an agent of its own.
  func pods(hack: Int?) -> Int {
    hack != nil || isShared || checkpoint.agents.count == 1 ? 10_000 : checkpoint.agents.count
  }

  /// The policy for `pods` pods: pod k gets agent k's weights, or every pod those of agent `hack`.
  ///
  /// - Throws: one sentence when there are not enough agents.
  func policy(pods: Int, hack: Int? = nil, threads: Int = 1) throws -> AgentPolicy<TrainedActions> {
    let agents = checkpoint.agents.count
    let assignment: [Int]
    if let hack {
      guard hack < agents else {
        throw Failure("\(path) has no agent \(hack) for --hack; it holds agents 0 to \(agents - 1)")
      }
      assignment = Array(repeating: hack, count: pods)
    } else if isShared || agents == 1 {
      assignment = Array(repeating: 0, count: pods)
    } else {
      guard pods <= agents else {
        throw Failure(
          "\(path) holds \(agents) agents, expected one per pod (\(pods)); --hack K gives every pod agent K's weights")
      }
      assignment = Array(0..<pods)
    }
    return try Self.naming(path) {
      AgentPolicy(
        TrainedActions(
          policy: try GreedyPolicy(
            algorithm: algorithm.name, sets: checkpoint.agents, assignment: assignment, threads: threads)))
    }
  }
}

/// Greedy networks as the decision path asks for them.
struct TrainedActions: ActionSource {
  let policy: GreedyPolicy

  mutating func act(_ observations: UnsafePointer<Float>, rows: Int, actions: UnsafeMutablePointer<Float>) {
    precondition(rows == policy.agents, "\(rows) observations for \(policy.agents) agents")
    policy.decide(observations, into: actions)
  }
}
