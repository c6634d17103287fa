import NeuralNetwork

/// Evaluates any number of rows through one network in pieces that stay in the cache. One per thread.
final class RowEvaluation {
  static let piece = 128
  private let workspace: Workspace

  init(_ shape: NetworkShape, rows: Int) {
    workspace = Workspace(shape, rows: min(rows, Self.piece), training: false)
  }

  /// - `input`: `[rows, inputs]`, row stride `stride`; `output`: `[rows, outputs]`.
  func run(
    _ network: MLP, _ input: UnsafePointer<Float>, stride: Int, rows: Int, into output: UnsafeMutablePointer<Float>
  ) {
    let outputs = network.shape.outputs
    var first = 0
    while first < rows {
      let count = min(Self.piece, rows - first)
      network.forward(input + first * stride, stride: stride, rows: count, in: workspace)
      (output + first * outputs).update(from: workspace.output, count: count * outputs)
      first += count
    }
  }
}
