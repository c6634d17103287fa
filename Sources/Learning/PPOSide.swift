import NeuralNetwork

/// One of PPO's two networks with what it needs to learn: room, gradient, optimiser, and the sums of one update.
final class PPOSide {
  let network: MLP
  let optimiser: Optimiser
  let workspace: Workspace
  let gradient: FloatBuffer
  /// Observations of a shuffled minibatch.
  let gathered: FloatBuffer
  /// This side's share of the objective, at each step of the update: lossWeight · loss + figureWeight · figure.
  let objectives: FloatBuffer
  private let weights: (loss: Double, figure: Double)
  /// Sums of the steps' losses, and of a second figure (the actor's entropy, the critic's value).
  private(set) var loss = 0.0
  private(set) var figure = 0.0
  private(set) var isFinite = true

  /// - Parameters:
  ///   - rows: samples that go through the network at once.
  ///   - updates: steps of one update (epochs × minibatches).
  init(
    _ network: MLP, _ optimiser: Optimiser, rows: Int, updates: Int, lossWeight: Double, figureWeight: Double
  ) {
    self.network = network
    self.optimiser = optimiser
    workspace = Workspace(network.shape, rows: rows)
    gradient = FloatBuffer(network.shape.parameterCount)
    gathered = FloatBuffer(rows * network.shape.inputs)
    objectives = FloatBuffer(updates)
    weights = (lossWeight, figureWeight)
  }

  func begin() {
    (loss, figure, isFinite) = (0, 0, true)
  }

  /// Takes the gradient step of one minibatch.
  func finish(_ step: Int, loss: Double, figure: Double) {
    optimiser.begin()
    optimiser.clipNorm(gradient: gradient.pointer)
    let stayedFinite = optimiser.apply(
      to: network.buffer.pointer, gradient: gradient.pointer, range: 0..<optimiser.count)
    objectives.pointer[step] = Float(weights.loss * loss + weights.figure * figure)
    self.loss += loss
    self.figure += figure
    isFinite = isFinite && stayedFinite
  }
}
