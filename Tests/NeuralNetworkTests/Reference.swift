import Foundation
import NeuralNetwork
import RandomStreams

/// Random test data by seed.
final class Noise {
  var random: RandomStream
  init(seed: UInt64) { random = RandomStream(seed: seed, purpose: "network tests") }

  func value() -> Float { 2 * random.uniform() - 1 }
  func buffer(_ count: Int) -> FloatBuffer {
    let buffer = FloatBuffer(count)
    for index in 0..<count { buffer.pointer[index] = value() }
    return buffer
  }
  func network(_ inputs: Int, _ layers: [(Int, Activation)]) -> NetworkParameters {
    NetworkParameters(NetworkShape(inputs: inputs, layers: layers.map { ($0.0, $0.1) }), .linear, using: &random)
  }
}

/// The same network in double precision and the plainest code.
struct ReferenceNetwork {
  var layers: [LayerParameters]
  /// All weights and biases, layer by layer, weight `[outputs, inputs]` first.
  var flat: [Double]

  init(_ parameters: NetworkParameters) {
    layers = parameters.layers
    flat = parameters.layers.flatMap { ($0.weight + $0.bias).map(Double.init) }
  }

  func evaluate(_ flat: [Double], _ input: [Double]) -> [Double] {
    var x = input
    var place = 0
    for layer in layers {
      let bias = place + layer.inputs * layer.outputs
      var z = (0..<layer.outputs).map { output in
        (0..<layer.inputs).reduce(flat[bias + output]) { $0 + flat[place + output * layer.inputs + $1] * x[$1] }
      }
      switch layer.activation {
      case .identity: break
      case .relu: z = z.map { max($0, 0) }
      case .tanh: z = z.map { Foundation.tanh($0) }
      case .sigmoid: z = z.map { 1 / (1 + exp(-$0)) }
      case .softmax:
        let total = z.reduce(0) { $0 + exp($1) }
        z = z.map { exp($0) / total }
      }
      x = z
      place = bias + layer.outputs
    }
    return x
  }
}
