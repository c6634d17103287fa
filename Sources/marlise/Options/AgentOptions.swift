import Foundation
import Learning
import Terminal

/// Settings of the learners, as options. Each option names a place in the settings of a family; which families have it
/// follows from the settings themselves, so a new setting is one line here and a new algorithm none.
enum AgentOptions {
  /// An option and where its value stands in the settings' JSON; the first place that a family has counts.
  private static let table: [(option: Option, places: [[String]])] = [
    (.int("batch_size", in: 1...1_000_000, help: "Transitions per gradient step (DQN, DDPG)."), [["batchSize"]]),
    (.int("memory", in: 1...100_000_000, help: "Transitions remembered (DQN, DDPG)."), [["memory"]]),
    (.float("discount", .atLeast(0, atMost: 1), help: "Discount γ of future rewards."), [["discount"]]),
    (
      .float("learning_rate", .above(0, atMost: 10), help: "Learning rate (DQN) or the actor's (PPO, DDPG)."),
      [["optimiser", "learningRate"], ["actorOptimiser", "learningRate"]]
    ),
    (
      .float("critic_learning_rate", .above(0, atMost: 10), help: "Learning rate of the critic (PPO, DDPG)."),
      [["criticOptimiser", "learningRate"]]
    ),
    (
      .float("epsilon_decay", .above(0), metavar: "STEPS", help: "Decisions over which exploration fades (DQN)."),
      [["epsilon", "decay"]]
    ),
    (
      .int("update_every", in: 1...10_000, help: "Episodes (PPO) or steps (DQN, DDPG) between updates."),
      [["updateEvery"]]
    ),
    (.int("k_epochs", in: 1...10_000, help: "Passes over each rollout (PPO)."), [["epochs"]]),
    (
      .float("initial_action_std", .above(0, atMost: 10), help: "Standard deviation of actions at first (PPO)."),
      [["deviation", "start"]]
    ),
    (
      .float("final_action_std", .above(0, atMost: 10), help: "Standard deviation of actions in the end (PPO)."),
      [["deviation", "floor"]]
    ),
    (
      .float(
        "action_std_step", .atLeast(0, atMost: 10),
        help: "How much it falls by, in thirty steps over the run, until that is reached (PPO)."),
      [["deviation", "decrement"]]
    ),
    (.int("minibatches", in: 1...10_000, help: "Pieces that each pass is cut into (PPO)."), [["minibatches"]]),
    (.float("clip", .above(0, atMost: 0.999), help: "Clip range of the probability ratio (PPO)."), [["clip"]]),
    (.float("entropy", .atLeast(0, atMost: 1000), help: "Weight of the entropy (PPO)."), [["entropyWeight"]]),
    (.ints("hidden", in: 1...100_000, metavar: "N", help: "Widths of the hidden layers."), [["hidden"]]),
    (
      .float(
        "gae", .atLeast(0, atMost: 1), metavar: "LAMBDA",
        help: "Estimate advantages with this trace decay instead of whole returns (PPO)."),
      [["advantage"]]
    ),
    (.float("max_sigma", .atLeast(0, atMost: 10), help: "Noise at first (DDPG)."), [["noise", "sigmaMax"]]),
    (.float("min_sigma", .atLeast(0, atMost: 10), help: "Noise in the end (DDPG)."), [["noise", "sigmaMin"]]),
  ]

  static var options: [Option] { Option.section("Learning", table.map(\.option)) }

  /// The algorithm's settings with what was given in place of the defaults.
  ///
  /// - Throws: a rejection for an option that the algorithm has no use for.
  static func settings(
    _ options: ParsedOptions, for algorithm: AlgorithmDescription, compatibility: Compatibility
  ) throws -> any AgentSettings {
    var json = try object(of: algorithm.settings)
    replace(["compatibility"], in: &json, by: compatibility.rawValue)
    for (option, places) in table where options.wasGiven(option.name) {
      var value: Any
      switch option.kind {
      case .one(.int): value = options.int(option.name)
      case .one(.float): value = options.float(option.name)
      case .list(.int): value = options.ints(option.name)
      default: value = options.string(option.name)
      }
      if option.name == "gae" { value = ["gae": ["lambda": value]] }
      guard places.contains(where: { replace($0, in: &json, by: value) }) else {
        throw options.rejection(option.name, "is nothing that \(algorithm.name) has")
      }
    }
    let data = try JSONSerialization.data(withJSONObject: json)
    let settings = try JSONDecoder().decode(Box.self, from: data, configuration: algorithm).settings
    try settings.validate()
    return settings
  }

  private static func object(of settings: any AgentSettings) throws -> [String: Any] {
    let data = try JSONEncoder().encode(settings)
    return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
  }

  /// Puts a value at a place that exists; false where it does not.
  @discardableResult
  private static func replace(_ path: [String], in json: inout [String: Any], by value: Any) -> Bool {
    guard let key = path.first, let old = json[key] else { return false }
    guard path.count > 1 else {
      json[key] = value
      return true
    }
    guard var inner = old as? [String: Any], replace(Array(path.dropFirst()), in: &inner, by: value) else {
      return false
    }
    json[key] = inner
    return true
  }

  /// Decodes the settings of the algorithm that it is given.
  private struct Box: DecodableWithConfiguration {
    let settings: any AgentSettings
    init(from decoder: any Decoder, configuration: AlgorithmDescription) throws {
      settings = try configuration.settings(from: decoder)
    }
  }
}
