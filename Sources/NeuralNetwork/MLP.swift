import CMarlise

/// A network of dense layers: y = activation(x·Wᵀ + b), layer after layer.
///
/// It holds the parameters only. Activations and their gradients live in a `Workspace`, so that two threads can evaluate
/// one network side by side, each with its own. No call allocates.
public final class MLP {
  public let shape: NetworkShape
  /// All parameters; networks that are optimised together share one buffer.
  public let buffer: FloatBuffer
  public let offset: Int

  public var parametersPointer: UnsafeMutablePointer<Float> { buffer.pointer + offset }

  /// A network with all parameters zero, in `buffer` at `offset` (a multiple of 16) or in a buffer of its own.
  public init(_ shape: NetworkShape, in buffer: FloatBuffer? = nil, at offset: Int = 0) {
    self.shape = shape
    self.buffer = buffer ?? FloatBuffer(shape.parameterCount)
    self.offset = offset
    precondition(
      offset % 16 == 0 && offset + shape.parameterCount <= self.buffer.count, "the network leaves its buffer")
  }

  /// - Throws: `NetworkError` when the layers do not fit together or hold a number that is not finite.
  public convenience init(_ parameters: NetworkParameters) throws {
    self.init(try NetworkShape(parameters))
    write(parameters)
  }

  /// The weights as values, `[outputs, inputs]` per layer. Setting goes through `load`.
  public var parameters: NetworkParameters {
    NetworkParameters(
      layers: (0..<shape.layerCount).map { index in
        let layer = shape.layers[index]
        let (inputs, outputs) = (Int(layer.inputs), Int(layer.outputs))
        let weight = parametersPointer + Int(layer.weight)
        let bias = parametersPointer + Int(layer.bias)
        var values = [Float](repeating: 0, count: inputs * outputs)
        for output in 0..<outputs {
          for input in 0..<inputs {
            values[output * inputs + input] = weight[place(output, input, of: index)]
          }
        }
        return LayerParameters(
          inputs: inputs, outputs: outputs, weight: values,
          bias: Array(UnsafeBufferPointer(start: bias, count: outputs)), activation: shape.activations[index])
      })
  }

  /// Takes over weights of the same shape.
  ///
  /// - Throws: `NetworkError` when a size or an activation differs or a number is not finite; nothing is changed then.
  public func load(_ parameters: NetworkParameters) throws {
    try parameters.validate()
    guard parameters.layers.count == shape.layerCount else {
      throw NetworkError.shape(
        layer: 0, quantity: "layers from here on", found: parameters.layers.count, expected: shape.layerCount)
    }
    for (index, layer) in parameters.layers.enumerated() {
      let own = shape.layers[index]
      if layer.inputs != Int(own.inputs) {
        throw NetworkError.shape(layer: index, quantity: "inputs", found: layer.inputs, expected: Int(own.inputs))
      }
      if layer.outputs != Int(own.outputs) {
        throw NetworkError.shape(layer: index, quantity: "outputs", found: layer.outputs, expected: Int(own.outputs))
      }
      if layer.activation != shape.activations[index] {
        throw NetworkError.activation(layer: index, found: layer.activation, expected: shape.activations[index])
      }
    }
    write(parameters)
  }

  private func write(_ parameters: NetworkParameters) {
    for (index, values) in parameters.layers.enumerated() {
      let weight = parametersPointer + Int(shape.layers[index].weight)
      let bias = parametersPointer + Int(shape.layers[index].bias)
      for output in 0..<values.outputs {
        bias[output] = values.bias[output]
        for input in 0..<values.inputs {
          weight[place(output, input, of: index)] = values.weight[output * values.inputs + input]
        }
      }
    }
  }

  /// Where in its layer's block a weight lies.
  private func place(_ output: Int, _ input: Int, of layer: Int) -> Int {
    shape.isThin(layer)
      ? output * Int(shape.layers[layer].inputs) + input : input * Int(shape.layers[layer].outputs) + output
  }

  /// Evaluates `rows` observations; the result is `workspace.output`, `[rows, outputs]`.
  ///
  /// With our own kernels, a row's result has the same bits whatever rows are computed beside it.
  @inline(__always)
  public func forward(
    _ input: UnsafePointer<Float>, stride: Int, rows: Int, in workspace: Workspace
  ) {
    Self.forward(shape, parametersPointer, input, stride: stride, rows: rows, in: workspace)
  }

  // MARK: Inference on parameters that lie elsewhere

  /// As `forward`, with the parameters given.
  @inline(__always)
  public static func forward(
    _ shape: NetworkShape, _ parameters: UnsafePointer<Float>, _ input: UnsafePointer<Float>, stride: Int, rows: Int,
    in workspace: Workspace
  ) {
    precondition(rows <= workspace.rows, "\(rows) rows in a workspace for \(workspace.rows)")
    switch shape.kernels {
    case .own:
      marlise_forward(shape.layers, Int32(shape.layerCount), parameters, input, stride, rows, workspace.outputs)
    case .blas:
      marlise_blas_forward(shape.layers, Int32(shape.layerCount), parameters, input, stride, rows, workspace.outputs)
    }
  }

  /// One row through each of `networks` networks of one shape whose parameters follow each other; the result is
  /// `workspace.output`, `[networks, outputs]`.
  ///
  /// With our own kernels the result is that of `forward`, and weights that an input of 0 meets are not read: after a ReLU every
  /// other one. Where the weights come from memory, that is where the time goes.
  public static func forwardEach(
    _ shape: NetworkShape, _ parameters: UnsafePointer<Float>, networks: Int, _ input: UnsafePointer<Float>,
    stride: Int, in workspace: EachWorkspace
  ) {
    precondition(
      networks <= workspace.networks && workspace.shape === shape,
      "\(networks) networks in a workspace for \(workspace.networks)")
    switch shape.kernels {
    case .own:
      marlise_forward_each(
        shape.layers, Int32(shape.layerCount), parameters, shape.parameterCount, networks, input, stride,
        workspace.scratch.pointer, workspace.list, workspace.width, workspace.output, shape.outputs)
    case .blas:
      marlise_blas_forward_each(
        shape.layers, Int32(shape.layerCount), parameters, shape.parameterCount, networks, input, stride,
        workspace.scratch.pointer, workspace.width, workspace.output, shape.outputs)
    }
  }
}
