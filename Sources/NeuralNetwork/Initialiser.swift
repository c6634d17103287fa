import RandomStreams

/// How a new layer's numbers are drawn.
public enum Initialiser: Codable, Equatable, Sendable {
  /// Weights and biases uniform in ±1/√fan_in, as torch's `Linear` (Kaiming uniform with a = √5).
  case linear
  /// Weights uniform in ±√(6/fan_in), biases zero (He et al. 2015; for ReLU).
  case kaiming
  /// Weights uniform in ±√(6/(fan_in + fan_out)), biases zero (Glorot & Bengio 2010).
  case xavier
  /// Orthonormal rows or columns times `gain`, biases zero (Saxe et al. 2014).
  case orthogonal(gain: Float)

  /// One layer's numbers, `[outputs, inputs]`, drawn in that order whatever the memory layout.
  public func layer(
    inputs: Int, outputs: Int, activation: Activation, using random: inout RandomStream
  ) -> LayerParameters {
    func uniform(_ count: Int, _ bound: Double) -> [Float] {
      (0..<count).map { _ in Float(bound * (2 * (random.uniform() as Double) - 1)) }
    }
    let zero = [Float](repeating: 0, count: outputs)
    let weight: [Float]
    var bias = zero
    switch self {
    case .linear:
      let bound = 1 / Double(inputs).squareRoot()
      weight = uniform(inputs * outputs, bound)
      bias = uniform(outputs, bound)
    case .kaiming: weight = uniform(inputs * outputs, (6 / Double(inputs)).squareRoot())
    case .xavier: weight = uniform(inputs * outputs, (6 / Double(inputs + outputs)).squareRoot())
    case .orthogonal(let gain):
      weight = Self.orthogonal(rows: outputs, columns: inputs, using: &random).map { Float($0 * Double(gain)) }
    }
    return LayerParameters(inputs: inputs, outputs: outputs, weight: weight, bias: bias, activation: activation)
  }

  /// The shorter side's vectors are made orthonormal, by modified Gram–Schmidt on normal draws (twice, for precision).
  static func orthogonal(rows: Int, columns: Int, using random: inout RandomStream) -> [Double] {
    let tall = rows > columns
    let (vectors, length) = tall ? (columns, rows) : (rows, columns)
    var basis = (0..<vectors).map { _ in (0..<length).map { _ in random.normal() } }
    for current in 0..<vectors {
      for _ in 0..<2 {
        for earlier in 0..<current {
          let overlap = zip(basis[current], basis[earlier]).reduce(0) { $0 + $1.0 * $1.1 }
          for place in 0..<length { basis[current][place] -= overlap * basis[earlier][place] }
        }
        let norm = basis[current].reduce(0) { $0 + $1 * $1 }.squareRoot()
        for place in 0..<length { basis[current][place] /= norm }
      }
    }
    return (0..<rows * columns).map { tall ? basis[$0 % columns][$0 / columns] : basis[$0 / columns][$0 % columns] }
  }
}

extension NetworkParameters {
  /// A new network of the given shape.
  public init(_ shape: NetworkShape, _ initialiser: Initialiser = .linear, using random: inout RandomStream) {
    self.init(
      layers: (0..<shape.layerCount).map { index in
        initialiser.layer(
          inputs: Int(shape.layers[index].inputs), outputs: Int(shape.layers[index].outputs),
          activation: shape.activations[index], using: &random)
      })
  }
}
