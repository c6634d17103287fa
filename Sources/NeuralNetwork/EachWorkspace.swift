/// Room for evaluating networks of one shape that each have weights of their own, one row each: `MLP.forwardEach`.
public final class EachWorkspace {
  public let shape: NetworkShape
  /// Networks that can be evaluated in one call.
  public let networks: Int
  /// `[networks, outputs]`, of the last call.
  public let output: UnsafeMutablePointer<Float>
  /// Floats between two rows of the scratch memory.
  let width: Int
  let scratch: FloatBuffer
  let list: UnsafeMutablePointer<Int32>
  private let outputs: FloatBuffer

  public init(_ shape: NetworkShape, networks: Int) {
    self.shape = shape
    self.networks = networks
    width = NetworkShape.rounded(max(shape.width, shape.inputs))
    scratch = FloatBuffer(2 * width)
    list = .allocate(capacity: width)
    list.initialize(repeating: 0, count: width)
    outputs = FloatBuffer(networks * shape.outputs)
    output = outputs.pointer
  }

  deinit { list.deallocate() }
}
