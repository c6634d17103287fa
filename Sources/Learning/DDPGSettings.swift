import NeuralNetwork

/// Settings of the DDPG family (`ddpg`, `iddpg`).
public struct DDPGSettings: AgentSettings {
  /// Widths of the hidden layers of actor and critic.
  public var hidden = [64, 128, 128, 64]
  /// Transitions per gradient step, and transitions remembered. Learning starts with more than a batch.
  public var batchSize = 64
  public var memory = 5000
  /// γ
  public var discount = 0.99
  /// Share of the networks that their targets take over per gradient step.
  public var tau = 0.01
  public var actorOptimiser = OptimiserSettings(.adam, learningRate: 3e-4)
  public var criticOptimiser = OptimiserSettings(.adam, learningRate: 1e-3)
  public var noise = OrnsteinUhlenbeckSettings()
  /// Steps between gradient steps, and how many are taken then.
  public var updateEvery = 1
  public var updatesPerRound = 1
  public var initialiser = Initialiser.linear
  /// `.upstream`: actor and critic step together, episodes never end for the critic, the instant form has a tanh output,
  /// and σ starts again with each episode.
  public var compatibility = Compatibility.correct

  public init() {}

  public func validate() throws {
    try requireWidths("hidden", hidden)
    try require("hidden", hidden.count, "at least one layer", !hidden.isEmpty)
    try require("batchSize", batchSize, "1 to 1,000,000", (1...1_000_000).contains(batchSize))
    try require(
      "memory", memory, "more than batchSize, at most 100,000,000", memory > batchSize && memory <= 100_000_000)
    try require("discount", discount, "0 to 1", (0...1).contains(discount))
    try require("tau", tau, "0 to 1", (0...1).contains(tau))
    try require("updateEvery", updateEvery, "at least 1", updateEvery >= 1)
    try require("updatesPerRound", updatesPerRound, "1 to 100,000", (1...100_000).contains(updatesPerRound))
    try actorOptimiser.validate()
    try criticOptimiser.validate()
    try noise.validate()
  }

  public func makeAgent(_ context: AgentContext) throws -> any Agent { try DDPG(self, context) }

  func actorShape(inputs: Int, _ kind: ActionKind) -> NetworkShape {
    let output: Activation = kind == .instant && compatibility == .correct ? .sigmoid : .tanh
    return NetworkShape(inputs: inputs, layers: hidden.map { ($0, .relu) } + [(1, output)])
  }

  /// Input: the observation, then the action.
  func criticShape(inputs: Int) -> NetworkShape {
    NetworkShape(inputs: inputs + 1, layers: hidden.map { ($0, .relu) } + [(1, .identity)])
  }

  /// What the actor can reach, and noise may not leave.
  func bounds(_ kind: ActionKind) -> (lower: Double, upper: Double) {
    kind == .instant && compatibility == .correct ? (0, 1) : (-1, 1)
  }
}
