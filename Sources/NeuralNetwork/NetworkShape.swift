import CMarlise

/// Where every layer's weight and bias lie in one run of floats, and what follows each affine map.
///
/// Layers start on cache lines; the gaps between them stay zero through every optimiser step. A layer with fewer than 16
/// outputs keeps `[outputs, inputs]` (dot products), a wider one `[inputs, outputs]` (outer products).
public final class NetworkShape: @unchecked Sendable {
  /// For the C kernels: immutable once made.
  let layers: UnsafeMutablePointer<marlise_layer>
  public let layerCount: Int
  public let inputs: Int
  public let outputs: Int
  /// Floats that the parameters take, a multiple of 16.
  public let parameterCount: Int
  /// The widest layer's outputs.
  public let width: Int
  public let activations: [Activation]
  /// What computes its products.
  public let kernels: Kernels

  /// - Precondition: at least one layer, all sizes above 0.
  public init(inputs: Int, layers sizes: [(outputs: Int, activation: Activation)]) {
    precondition(inputs > 0 && !sizes.isEmpty && sizes.allSatisfy { $0.outputs > 0 }, "a network without neurons")
    layers = .allocate(capacity: sizes.count)
    layerCount = sizes.count
    self.inputs = inputs
    activations = sizes.map(\.activation)
    kernels = .current
    var fanIn = inputs
    var offset = 0
    var widest = 0
    for (index, size) in sizes.enumerated() {
      let bias = offset + Self.rounded(fanIn * size.outputs)
      (layers + index).initialize(
        to: marlise_layer(
          inputs: Int32(fanIn), outputs: Int32(size.outputs), activation: size.activation.code, reserved: 0,
          weight: Int64(offset), bias: Int64(bias)))
      offset = bias + Self.rounded(size.outputs)
      fanIn = size.outputs
      widest = max(widest, size.outputs)
    }
    outputs = fanIn
    parameterCount = offset
    width = widest
  }

  deinit { layers.deallocate() }

  /// The shape of a network given as values.
  ///
  /// - Throws: `NetworkError` when the layers do not fit together or hold a number that is not finite.
  public convenience init(_ parameters: NetworkParameters) throws {
    try parameters.validate()
    self.init(inputs: parameters.inputs, layers: parameters.layers.map { ($0.outputs, $0.activation) })
  }

  static func rounded(_ count: Int) -> Int { (count + 15) / 16 * 16 }

  func isThin(_ layer: Int) -> Bool { layers[layer].outputs < MARLISE_THIN }
}

extension Activation {
  var code: Int32 {
    switch self {
    case .identity: Int32(MARLISE_IDENTITY)
    case .relu: Int32(MARLISE_RELU)
    case .tanh: Int32(MARLISE_TANH)
    case .sigmoid: Int32(MARLISE_SIGMOID)
    case .softmax: Int32(MARLISE_SOFTMAX)
    }
  }
}
