import NeuralNetwork

/// Settings of the DQN family (`mdqn`, `dmdqn`, `ddmdqn`).
public struct DQNSettings: AgentSettings {
  /// The next action is the policy network's choice, its value the target network's (van Hasselt et al. 2016).
  public var double = false
  /// Value and advantage streams over shared features (Wang et al. 2016).
  public var dueling = false
  /// Widths of the hidden layers of the plain network.
  public var hidden = [64, 128, 64]
  /// Widths of the dueling network's feature layers, and of the hidden layers of each stream.
  public var featureWidths = [128]
  public var streamWidths = [128]
  /// Transitions per gradient step, and transitions remembered.
  public var batchSize = 128
  public var memory = 1000
  /// γ
  public var discount = 0.99
  /// Share of the policy network that the target network takes over per gradient step.
  public var tau = 0.005
  public var optimiser: OptimiserSettings
  /// Where the Huber loss turns from square to straight.
  public var huberDelta = 1.0
  public var epsilon = EpsilonSchedule()
  /// Steps between gradient steps, and how many are taken then.
  public var updateEvery = 1
  public var updatesPerRound = 1
  public var initialiser = Initialiser.linear
  /// `.upstream`: a time limit ends everything, the dueling mean runs over the whole batch, and every agent remembers the
  /// last agent's transition.
  public var compatibility = Compatibility.correct

  public init(double: Bool = false, dueling: Bool = false) {
    self.double = double
    self.dueling = dueling
    optimiser = OptimiserSettings(.adamW, learningRate: 1e-4)
    optimiser.weightDecay = 0.01
    optimiser.amsgrad = true
    optimiser.clipValue = 100
  }

  public func validate() throws {
    for (name, widths) in [("hidden", hidden), ("featureWidths", featureWidths), ("streamWidths", streamWidths)] {
      try requireWidths(name, widths)
    }
    try require("featureWidths", featureWidths, "at least one layer", !featureWidths.isEmpty)
    try require("batchSize", batchSize, "1 to 1,000,000", (1...1_000_000).contains(batchSize))
    try require("memory", memory, "batchSize to 100,000,000", memory >= batchSize && memory <= 100_000_000)
    try require("discount", discount, "0 to 1", (0...1).contains(discount))
    try require("tau", tau, "0 to 1", (0...1).contains(tau))
    try require("huberDelta", huberDelta, "above 0", huberDelta > 0)
    try require("updateEvery", updateEvery, "at least 1", updateEvery >= 1)
    try require("updatesPerRound", updatesPerRound, "1 to 100,000", (1...100_000).contains(updatesPerRound))
    try epsilon.validate()
    try optimiser.validate()
  }

  public func makeAgent(_ context: AgentContext) throws -> any Agent { try DQN(self, context) }
}

extension DQNSettings {
  func network(inputs: Int, actions: Int) -> QNetwork {
    func shape(_ inputs: Int, _ widths: [Int], _ outputs: Int?) -> NetworkShape {
      NetworkShape(
        inputs: inputs, layers: widths.map { ($0, .relu) } + (outputs.map { [($0, .identity)] } ?? []))
    }
    if !dueling { return QNetwork(plain: shape(inputs, hidden, actions)) }
    let feature = shape(inputs, featureWidths, nil)
    return QNetwork(
      feature: feature, advantage: shape(feature.outputs, streamWidths, actions),
      value: shape(feature.outputs, streamWidths, 1))
  }
}
