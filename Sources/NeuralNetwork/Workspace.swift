/// Room for the activations of one network for up to `rows` rows and, for training, their gradients.
public final class Workspace {
  public let shape: NetworkShape
  public let rows: Int
  /// Per layer, `[rows, outputs]`.
  let outputs: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  /// Per layer, the loss's gradient with respect to `outputs`; nil without training.
  let gradients: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  /// The last layer's outputs and their gradient (the gradient's memory is one float without training).
  public let output: UnsafeMutablePointer<Float>
  public let outputGradient: UnsafeMutablePointer<Float>
  /// One layer's weight, turned round.
  let transposed: FloatBuffer
  private let memory: FloatBuffer

  public init(_ shape: NetworkShape, rows: Int, training: Bool = true) {
    self.shape = shape
    self.rows = rows
    let counts = (0..<shape.layerCount).map { NetworkShape.rounded(rows * Int(shape.layers[$0].outputs)) }
    let total = counts.reduce(0, +)
    memory = FloatBuffer(training ? 2 * total : total)
    outputs = .allocate(capacity: counts.count)
    gradients = .allocate(capacity: counts.count)
    var place = memory.pointer
    for (index, count) in counts.enumerated() {
      (outputs + index).initialize(to: place)
      (gradients + index).initialize(to: training ? place + total : nil)
      place += count
    }
    output = place - (counts.last ?? 0)
    outputGradient = training ? output + total : memory.pointer
    let largest = (0..<shape.layerCount).map { Int(shape.layers[$0].inputs) * Int(shape.layers[$0].outputs) }.max() ?? 0
    transposed = FloatBuffer(training ? largest : 0)
  }

  deinit {
    outputs.deallocate()
    gradients.deallocate()
  }
}
