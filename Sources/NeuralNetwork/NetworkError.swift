/// A network given as values that cannot be computed with.
public enum NetworkError: Error, CustomStringConvertible, Sendable, Equatable {
  case noLayers
  /// A layer's numbers do not fit its declared size, or the layer before it.
  case shape(layer: Int, quantity: String, found: Int, expected: Int)
  case notFinite(layer: Int, quantity: String, index: Int)
  case activation(layer: Int, found: Activation, expected: Activation)

  public var description: String {
    switch self {
    case .noLayers: "the network has no layers"
    case .shape(let layer, let quantity, let found, let expected):
      "layer \(layer) of the network has \(found) \(quantity), expected \(expected)"
    case .notFinite(let layer, let quantity, let index):
      "layer \(layer) of the network: \(quantity) number \(index) is not finite"
    case .activation(let layer, let found, let expected):
      "layer \(layer) of the network ends in \(found.rawValue), expected \(expected.rawValue)"
    }
  }
}

extension NetworkParameters {
  /// Checks that sizes, arrays and neighbours agree and that every number is finite.
  ///
  /// - Throws: `NetworkError`.
  public func validate() throws {
    guard let first = layers.first else { throw NetworkError.noLayers }
    var inputs = first.inputs
    for (index, layer) in layers.enumerated() {
      func check(_ quantity: String, _ found: Int, _ expected: Int) throws {
        if found != expected {
          throw NetworkError.shape(layer: index, quantity: quantity, found: found, expected: expected)
        }
      }
      // Below a million each, so that products stay far from overflow.
      let sensible = 1...1_000_000
      guard sensible.contains(layer.inputs) else {
        throw NetworkError.shape(
          layer: index, quantity: "inputs (1 to a million allowed)", found: layer.inputs, expected: inputs)
      }
      guard sensible.contains(layer.outputs) else {
        throw NetworkError.shape(
          layer: index, quantity: "outputs (1 to a million allowed)", found: layer.outputs, expected: layer.bias.count)
      }
      try check("inputs", layer.inputs, inputs)
      try check("weights", layer.weight.count, layer.inputs * layer.outputs)
      try check("biases", layer.bias.count, layer.outputs)
      for (name, values) in [("weight", layer.weight), ("bias", layer.bias)] {
        if let place = values.firstIndex(where: { !$0.isFinite }) {
          throw NetworkError.notFinite(layer: index, quantity: name, index: place)
        }
      }
      inputs = layer.outputs
    }
  }
}
