import NeuralNetwork

/// Algorithms that share a learner.
public enum AlgorithmFamily: String, Sendable, Codable, CaseIterable {
  case dqn, ppo, ddpg

  /// Whether it learns from rollouts of its present policy only, rather than from a memory.
  public var isOnPolicy: Bool { self == .ppo }
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
