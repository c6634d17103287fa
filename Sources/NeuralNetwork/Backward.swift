import CMarlise

/// Where the gradient with respect to the network's input goes: columns `first ..< first + columns` of it, to rows of
/// stride `stride`, added to what is there when `accumulate`.
public struct InputGradient {
  public var pointer: UnsafeMutablePointer<Float>
  public var stride: Int
  public var first: Int
  public var columns: Int
  public var accumulate: Bool

  public init(
    _ pointer: UnsafeMutablePointer<Float>, stride: Int, first: Int = 0, columns: Int, accumulate: Bool = false
  ) {
    self.pointer = pointer
    self.stride = stride
    self.first = first
    self.columns = columns
    self.accumulate = accumulate
  }
}

extension MLP {
  /// Back-propagates `workspace.outputGradient` through the network, after a `forward` of the same rows.
  ///
  ///     ∂L/∂z = ∂L/∂y · f′(z),   ∂L/∂W = xᵀ·∂L/∂z,   ∂L/∂b = Σ ∂L/∂z,   ∂L/∂x = ∂L/∂z·W
  ///
  /// - `input`: `[rows, inputs]` with row stride `stride`, as given to `forward`.
  /// - `gradient`: the parameters' gradient, laid out as the parameters; nil computes none. Added to when `accumulate`.
  /// - `beforeActivation`: `outputGradient` holds ∂L/∂z of the last layer instead of ∂L/∂y.
  /// - `workspace`'s gradients are overwritten.
  public func backward(
    _ input: UnsafePointer<Float>, stride: Int, rows: Int, in workspace: Workspace,
    gradient: UnsafeMutablePointer<Float>?, accumulate: Bool = false, beforeActivation: Bool = false,
    inputGradient: InputGradient? = nil
  ) {
    precondition(rows <= workspace.rows, "\(rows) rows in a workspace for \(workspace.rows)")
    let parameters = parametersPointer
    let add: Int32 = accumulate ? 1 : 0
    var index = shape.layerCount - 1
    while index >= 0 {
      let layer = shape.layers[index]
      let (inputs, outputs) = (Int(layer.inputs), Int(layer.outputs))
      guard let y = workspace.outputs[index], let d = workspace.gradients[index] else {
        preconditionFailure("a backward pass needs a workspace for training")
      }
      let last = index == shape.layerCount - 1
      marlise_activation_backward(
        last && beforeActivation ? Activation.identity.code : layer.activation, y, d, rows, outputs,
        gradient.map { $0 + Int(layer.bias) }, add)
      let below = index > 0 ? workspace.outputs[index - 1].map { UnsafePointer($0) } ?? input : input
      let belowStride = index > 0 ? inputs : stride
      if let gradient {
        let target = gradient + Int(layer.weight)
        switch (shape.kernels, shape.isThin(index)) {
        case (.own, true): marlise_thin_weight_gradient(d, below, belowStride, target, rows, inputs, outputs, add)
        case (.own, false):
          marlise_product(below, 1, belowStride, d, outputs, target, outputs, inputs, outputs, rows, add)
        case (.blas, true):
          marlise_blas_product(1, 0, d, outputs, below, belowStride, target, inputs, outputs, inputs, rows, add)
        case (.blas, false):
          marlise_blas_product(1, 0, below, belowStride, d, outputs, target, outputs, inputs, outputs, rows, add)
        }
      }
      if index > 0, let next = workspace.gradients[index - 1] {
        propagate(
          d, weight: parameters + Int(layer.weight), layer: index, rows: rows, workspace: workspace,
          to: InputGradient(next, stride: inputs, columns: inputs))
      } else if let inputGradient {
        propagate(
          d, weight: parameters + Int(layer.weight), layer: index, rows: rows, workspace: workspace,
          to: inputGradient)
      }
      index -= 1
    }
  }

  /// ∂L/∂x of one layer.
  private func propagate(
    _ d: UnsafePointer<Float>, weight: UnsafePointer<Float>, layer: Int, rows: Int, workspace: Workspace,
    to target: InputGradient
  ) {
    let (inputs, outputs) = (Int(shape.layers[layer].inputs), Int(shape.layers[layer].outputs))
    precondition(target.first >= 0 && target.first + target.columns <= inputs, "input gradient outside the input")
    let add: Int32 = target.accumulate ? 1 : 0
    let thin = shape.isThin(layer)
    if shape.kernels == .blas {
      marlise_blas_product(
        0, thin ? 0 : 1, d, outputs, weight + target.first * (thin ? 1 : outputs), thin ? inputs : outputs,
        target.pointer, target.stride, rows, target.columns, outputs, add)
      return
    }
    if thin {
      marlise_thin_input_gradient(
        d, weight, target.pointer, target.stride, rows, inputs, outputs, target.first, target.columns, add)
      return
    }
    // The kernel multiplies by a row-major matrix, so the weight is turned round first: a hundredth of the product's work.
    let turned = workspace.transposed.pointer
    marlise_transpose(weight + target.first * outputs, target.columns, outputs, turned)
    marlise_product(
      d, outputs, 1, turned, target.columns, target.pointer, target.stride, rows, target.columns, outputs, add)
  }
}
