import NeuralNetwork

/// Settings of the PPO family (`ppo`, `ippo`, `dppo`).
public struct PPOSettings: AgentSettings {
  /// Widths of the hidden layers of actor and critic.
  public var hidden = [64, 128, 128, 64]
  /// Episodes between updates.
  public var updateEvery = 3
  /// Passes over each rollout, and pieces that each pass is cut into (one: the whole rollout, in order).
  public var epochs = 10
  public var minibatches = 1
  /// γ
  public var discount = 0.99
  public var advantage = AdvantageEstimation.monteCarlo
  /// Clip range ε of the probability ratio.
  public var clip = 0.2
  public var valueWeight = 0.5
  public var entropyWeight = 0.01
  public var actorOptimiser = OptimiserSettings(.adam, learningRate: 3e-4)
  public var criticOptimiser = OptimiserSettings(.adam, learningRate: 1e-3)
  /// Standard deviation of continuous actions.
  public var deviation = ActionDeviationSchedule()
  public var initialiser = Initialiser.linear
  /// `.upstream`: the last hidden layer has the activation meant for the output, which is linear; a time limit ends
  /// everything.
  public var compatibility = Compatibility.correct

  public init() {}

  public func validate() throws {
    try requireWidths("hidden", hidden)
    try require("hidden", hidden.count, "at least one layer", !hidden.isEmpty)
    try require("updateEvery", updateEvery, "1 to 10,000 episodes", (1...10_000).contains(updateEvery))
    try require("epochs", epochs, "1 to 10,000", (1...10_000).contains(epochs))
    try require("minibatches", minibatches, "1 to 10,000", (1...10_000).contains(minibatches))
    try require("discount", discount, "0 to 1", (0...1).contains(discount))
    if case .gae(let lambda) = advantage { try require("lambda", lambda, "0 to 1", (0...1).contains(lambda)) }
    try require("clip", clip, "above 0 and below 1", clip > 0 && clip < 1)
    try require("valueWeight", valueWeight, "0 to 1000", (0...1000).contains(valueWeight))
    try require("entropyWeight", entropyWeight, "0 to 1000", (0...1000).contains(entropyWeight))
    try actorOptimiser.validate()
    try criticOptimiser.validate()
    try deviation.validate()
  }

  public func makeAgent(_ context: AgentContext) throws -> any Agent { try PPO(self, context) }

  func actorShape(inputs: Int, _ kind: ActionKind) -> NetworkShape {
    let bounded: Activation =
      switch kind {
      case .discrete: .softmax
      case .delta: .tanh
      case .instant: .sigmoid
      }
    var layers = hidden.map { (outputs: $0, activation: Activation.relu) }
    let misplaced = compatibility == .upstream && !kind.isDiscrete
    if misplaced { layers[layers.count - 1].activation = bounded }
    layers.append((kind.outputs, misplaced ? .identity : bounded))
    return NetworkShape(inputs: inputs, layers: layers)
  }

  func criticShape(inputs: Int) -> NetworkShape {
    NetworkShape(inputs: inputs, layers: hidden.map { ($0, .relu) } + [(1, .identity)])
  }
}
