import NeuralNetwork

/// Algorithms that share a learner.
public enum AlgorithmFamily: String, Sendable, Codable, CaseIterable {
  case dqn, ppo, ddpg

  /// The one that learns from rollouts of its present policy only, rather than from a memory.
  public static let onPolicy = AlgorithmFamily.ppo
  public var isOnPolicy: Bool { self == .onPolicy }

  /// What the published trainers' `--priority` means for their three pods, by number. Each of the three has patterns of its
  /// own; for other numbers the on-policy one has 1 for all, and the others draw.
  public var publishedPriorities: [Int: [Double]] {
    switch self {
    case .dqn: [1: [1, 1, 1], 2: [0.1, 1, 0.1], 3: [1, 0.1, 0.1]]
    case .ppo: [1: [1, 0.1, 0.1], 2: [0.1, 1, 0.1], 3: [0.1, 0.1, 1]]
    case .ddpg: [1: [0.1, 1, 0.1], 2: [1, 0.1, 0.1]]
    }
  }
}

/// One entry of the catalogue.
public struct AlgorithmDescription: Sendable {
  public let name: String
  /// One line for help texts.
  public let summary: String
  public let family: AlgorithmFamily
  /// What its policy puts out unless told otherwise. Discrete algorithms take any number of actions.
  public let actionKind: ActionKind
  /// The defaults.
  public let settings: any AgentSettings

  /// Settings from a saved configuration.
  public func settings(from decoder: any Decoder) throws -> any AgentSettings {
    try type(of: settings).init(from: decoder)
  }

  public func makeAgent(settings: any AgentSettings, _ context: AgentContext) throws -> any Agent {
    try settings.makeAgent(context)
  }
}

/// The catalogue. A new algorithm is one file and one line here; help, completion, the REST API and error messages follow.
public enum Algorithms {
  public static let all: [AlgorithmDescription] = [
    .init(
      name: "mdqn", summary: "independent DQN per agent", family: .dqn, actionKind: .discrete(3),
      settings: DQNSettings()),
    .init(
      name: "dmdqn", summary: "double DQN per agent", family: .dqn, actionKind: .discrete(3),
      settings: DQNSettings(double: true)),
    .init(
      name: "ddmdqn", summary: "double DQN with a dueling network", family: .dqn, actionKind: .discrete(3),
      settings: DQNSettings(double: true, dueling: true)),
    .init(
      name: "ppo", summary: "PPO, continuous change of limit", family: .ppo, actionKind: .delta,
      settings: PPOSettings()),
    .init(
      name: "ippo", summary: "PPO, instant: the action is the limit itself", family: .ppo, actionKind: .instant,
      settings: PPOSettings()),
    .init(
      name: "dppo", summary: "PPO, discrete actions", family: .ppo, actionKind: .discrete(3),
      settings: PPOSettings()),
    .init(
      name: "ddpg", summary: "DDPG, continuous change of limit", family: .ddpg, actionKind: .delta,
      settings: DDPGSettings()),
    .init(
      name: "iddpg", summary: "DDPG, instant: the action is the limit itself", family: .ddpg, actionKind: .instant,
      settings: DDPGSettings()),
  ]

  public static var names: [String] { all.map(\.name) }

  /// - Throws: `LearningError.unknownAlgorithm`.
  public static func named(_ name: String) throws -> AlgorithmDescription {
    guard let found = all.first(where: { $0.name == name }) else {
      throw LearningError.unknownAlgorithm(name, known: names)
    }
    return found
  }
}

/// The switches by which the published trainers choose among what here are algorithms of their own.
public struct PublishedSwitches: Sendable, Equatable {
  public var double = false
  public var dueling = false
  public var discrete = false
  public var instant = false

  public init(double: Bool = false, dueling: Bool = false, discrete: Bool = false, instant: Bool = false) {
    self.double = double
    self.dueling = dueling
    self.discrete = discrete
    self.instant = instant
  }
}

extension Algorithms {
  /// The algorithm that the published switches make of `base`: double and dueling of the DQN family's, discrete and instant
  /// of the others'. A dueling network without double learning has no name of its own: it keeps its base's.
  ///
  /// - Throws: `LearningError.setting` for a switch that the family has no use for.
  public static func variant(
    of base: AlgorithmDescription, _ switches: PublishedSwitches
  ) throws -> AlgorithmDescription {
    if switches == PublishedSwitches() { return base }
    func refuse(_ name: String) -> LearningError {
      .setting(name, found: "given for \(base.name)", expected: "an algorithm that has such a form")
    }
    if let settings = base.settings as? DQNSettings {
      if switches.discrete { throw refuse("discrete") }
      if switches.instant { throw refuse("instant") }
      var wanted = settings
      wanted.double = settings.double || switches.double
      wanted.dueling = settings.dueling || switches.dueling
      return all.first { $0.settings as? DQNSettings == wanted }
        ?? AlgorithmDescription(
          name: base.name, summary: base.summary, family: base.family, actionKind: base.actionKind, settings: wanted)
    }
    if switches.double { throw refuse("double") }
    if switches.dueling { throw refuse("dueling") }
    if switches.discrete && switches.instant {
      throw LearningError.setting("discrete", found: "given with instant", expected: "one of them")
    }
    let found = all.first {
      $0.family == base.family && (switches.instant ? $0.actionKind == .instant : $0.actionKind.isDiscrete)
    }
    guard let found else { throw refuse(switches.instant ? "instant" : "discrete") }
    return found
  }
}
