import NeuralNetwork
import RandomStreams

/// The network of the DQN family: plain layers, or shared features with a value and an advantage stream.
/// All parameters lie in one buffer.
final class QNetwork {
  enum Form {
    case plain(MLP)
    case dueling(feature: MLP, advantage: MLP, value: MLP)
  }

  let form: Form
  let buffer: FloatBuffer
  let actions: Int

  init(plain shape: NetworkShape) {
    buffer = FloatBuffer(shape.parameterCount)
    form = .plain(MLP(shape, in: buffer))
    actions = shape.outputs
  }

  init(feature: NetworkShape, advantage: NetworkShape, value: NetworkShape) {
    buffer = FloatBuffer(feature.parameterCount + advantage.parameterCount + value.parameterCount)
    form = .dueling(
      feature: MLP(feature, in: buffer),
      advantage: MLP(advantage, in: buffer, at: feature.parameterCount),
      value: MLP(value, in: buffer, at: feature.parameterCount + advantage.parameterCount))
    actions = advantage.outputs
  }

  /// A network of the same shape with parameters of its own.
  func twin() -> QNetwork {
    switch form {
    case .plain(let q): QNetwork(plain: q.shape)
    case .dueling(let feature, let advantage, let value):
      QNetwork(feature: feature.shape, advantage: advantage.shape, value: value.shape)
    }
  }

  var streams: [(name: String, network: MLP)] {
    switch form {
    case .plain(let q): [("q", q)]
    case .dueling(let feature, let advantage, let value):
      [("feature", feature), ("advantage", advantage), ("value", value)]
    }
  }

  func initialise(_ initialiser: Initialiser, using random: inout RandomStream) throws {
    for (_, network) in streams {
      try network.load(NetworkParameters(network.shape, initialiser, using: &random))
    }
  }

  /// The streams' outputs; `q` too, except where one mean for the whole batch is still to be found.
  func forward(
    _ input: UnsafePointer<Float>, stride: Int, rows: Int, in workspace: QWorkspace, combining: Bool = true
  ) {
    switch form {
    case .plain(let q): q.forward(input, stride: stride, rows: rows, in: workspace.trunk)
    case .dueling(let feature, let advantage, let value):
      guard let heads = workspace.heads else { preconditionFailure("a dueling network needs a dueling workspace") }
      feature.forward(input, stride: stride, rows: rows, in: workspace.trunk)
      let width = feature.shape.outputs
      advantage.forward(workspace.trunk.output, stride: width, rows: rows, in: heads.advantage)
      value.forward(workspace.trunk.output, stride: width, rows: rows, in: heads.value)
      if combining {
        DuelingHead.combine(
          values: heads.value.output, advantages: heads.advantage.output, rows: rows, actions: actions,
          into: workspace.q)
      }
    }
  }

  /// What the greedy action is the first maximum of: Q, or the advantages, which differ from Q by a constant per row.
  func forwardGreedy(
    _ input: UnsafePointer<Float>, stride: Int, rows: Int, in workspace: QWorkspace
  ) -> UnsafeMutablePointer<Float> {
    guard case .dueling(let feature, let advantage, _) = form, let heads = workspace.heads else {
      forward(input, stride: stride, rows: rows, in: workspace)
      return workspace.q
    }
    feature.forward(input, stride: stride, rows: rows, in: workspace.trunk)
    advantage.forward(workspace.trunk.output, stride: feature.shape.outputs, rows: rows, in: heads.advantage)
    return heads.advantage.output
  }

  /// Back-propagates `workspace.qGradient`.
  ///
  /// - `mean`: the mean of the gradient over the whole batch, where the forward pass subtracted that of the advantages.
  func backward(
    _ input: UnsafePointer<Float>, stride: Int, rows: Int, in workspace: QWorkspace,
    gradient: UnsafeMutablePointer<Float>, mean: Float? = nil
  ) {
    switch form {
    case .plain(let q):
      q.backward(input, stride: stride, rows: rows, in: workspace.trunk, gradient: gradient)
    case .dueling(let feature, let advantage, let value):
      guard let heads = workspace.heads else { preconditionFailure("a dueling network needs a dueling workspace") }
      DuelingHead.backward(
        workspace.qGradient, mean: mean, rows: rows, actions: actions, values: heads.value.outputGradient,
        advantages: heads.advantage.outputGradient)
      let width = feature.shape.outputs
      let features = UnsafePointer(workspace.trunk.output)
      let target = workspace.trunk.outputGradient
      advantage.backward(
        features, stride: width, rows: rows, in: heads.advantage, gradient: gradient + advantage.offset,
        inputGradient: InputGradient(target, stride: width, columns: width))
      value.backward(
        features, stride: width, rows: rows, in: heads.value, gradient: gradient + value.offset,
        inputGradient: InputGradient(target, stride: width, columns: width, accumulate: true))
      feature.backward(input, stride: stride, rows: rows, in: workspace.trunk, gradient: gradient)
    }
  }
}

/// Room for one evaluation of a `QNetwork` and its gradients.
final class QWorkspace {
  let trunk: Workspace
  let heads: (advantage: Workspace, value: Workspace)?
  /// `[rows, actions]` and its gradient.
  let q: UnsafeMutablePointer<Float>
  let qGradient: UnsafeMutablePointer<Float>
  private let combined: FloatBuffer

  init(_ network: QNetwork, rows: Int, training: Bool) {
    switch network.form {
    case .plain(let mlp):
      trunk = Workspace(mlp.shape, rows: rows, training: training)
      heads = nil
      combined = FloatBuffer(0)
      q = trunk.output
      qGradient = trunk.outputGradient
    case .dueling(let feature, let advantage, let value):
      trunk = Workspace(feature.shape, rows: rows, training: training)
      heads = (
        Workspace(advantage.shape, rows: rows, training: training),
        Workspace(value.shape, rows: rows, training: training)
      )
      combined = FloatBuffer(2 * rows * network.actions)
      q = combined.pointer
      qGradient = combined.pointer + rows * network.actions
    }
  }
}

/// The index of the first largest of `count` values.
@inline(__always)
func firstMaximum(_ values: UnsafePointer<Float>, _ count: Int) -> Int {
  var best = 0
  for index in 1..<max(count, 1) where values[index] > values[best] { best = index }
  return best
}
