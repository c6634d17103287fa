/// What a layer computes after its affine map.
public enum Activation: String, Sendable, Codable, CaseIterable {
  case identity, relu, tanh, sigmoid, softmax
}

/// The weights of one dense layer as plain values: y = activation(x·Wᵀ + b).
public struct LayerParameters: Sendable, Equatable {
  public var inputs: Int
  public var outputs: Int
  /// `[outputs, inputs]`, row-major, as checkpoints store it.
  public var weight: [Float]
  /// `[outputs]`.
  public var bias: [Float]
  public var activation: Activation

  public init(inputs: Int, outputs: Int, weight: [Float], bias: [Float], activation: Activation) {
    self.inputs = inputs
    self.outputs = outputs
    self.weight = weight
    self.bias = bias
    self.activation = activation
  }
}

/// The weights of one network as plain values: the form in which networks travel between rooms (agents, checkpoints,
/// the cluster). `MLP` computes with them; a checkpoint stores them.
public struct NetworkParameters: Sendable, Equatable {
  public var layers: [LayerParameters]

  public init(layers: [LayerParameters]) {
    self.layers = layers
  }

  public var inputs: Int { layers.first?.inputs ?? 0 }
  public var outputs: Int { layers.last?.outputs ?? 0 }
  /// Numbers of weights and biases together.
  public var count: Int { layers.reduce(0) { $0 + $1.weight.count + $1.bias.count } }
}
