import NeuralNetwork
import TestSupport
import Testing

@testable import Learning

extension Golden {
  /// The group `layer0 … layerN` as a network.
  func network(_ path: String, _ activations: [Activation]) throws -> NetworkParameters {
    NetworkParameters(
      layers: try activations.enumerated().map { index, activation in
        let weight = try self["\(path)/layer\(index)/weight"]
        return LayerParameters(
          inputs: try weight.shape[1], outputs: try weight.shape[0], weight: try weight.floats,
          bias: try self["\(path)/layer\(index)/bias"].floats, activation: activation)
      })
  }

  /// The first difference between a network's numbers and a golden group's, by layer; nil when they agree.
  ///
  /// - `undecided`: Adam divides a gradient by its own magnitude, so where the golden `gradient` is a sum that cancels to
  ///   rounding error (below 1e-6), another order of summation may step the other way, by up to two `step`s.
  func difference(
    _ path: String, _ network: NetworkParameters, suffix: String = "", tolerance: Double = 1e-5,
    undecided: (gradient: String, step: Double)? = nil
  ) throws -> String? {
    for (index, layer) in network.layers.enumerated() {
      for (name, values) in [("weight", layer.weight), ("bias", layer.bias)] {
        let place = "\(path)/layer\(index)/\(name)\(suffix)"
        let expected = try self[place].doubles
        var actual = values.map(Double.init)
        if let undecided {
          let gradient = try self["\(undecided.gradient)/layer\(index)/\(name)"].doubles
          for entry in actual.indices
          where gradient[entry].magnitude < 1e-6 && abs(actual[entry] - expected[entry]) <= 2 * undecided.step {
            actual[entry] = expected[entry]
          }
        }
        if let difference = firstDifference(actual, expected, tolerance: tolerance) {
          return "\(place) \(difference)"
        }
      }
    }
    return nil
  }

  func activations(_ attribute: String) throws -> [Activation] {
    try self.attribute(attribute).string.split(separator: ",").map {
      guard let activation = Activation(rawValue: String($0)) else { throw Failure.kind("activation \($0)") }
      return activation
    }
  }
}

/// A network's gradient or moment in checkpoint order, from a buffer in memory order.
func inCheckpointOrder(_ network: MLP, _ buffer: FloatBuffer) -> NetworkParameters {
  MLP(network.shape, in: buffer, at: network.offset).parameters
}

/// Floats that stay where they are.
final class Rows {
  let buffer: FloatBuffer
  init(_ values: [Float]) {
    buffer = FloatBuffer(values.count)
    buffer.values = values
  }
  var pointer: UnsafePointer<Float> { UnsafePointer(buffer.pointer) }
}

extension Agent {
  /// `store` from arrays.
  func store(
    _ observations: [Float], actions: [Float], rewards: [Float], next: [Float], ends: [Float]
  ) {
    let rows = [observations, actions, rewards, next, ends].map { Rows($0) }
    withExtendedLifetime(rows) {
      store(
        Transitions(
          rows: rewards.count, observations: rows[0].pointer, actions: rows[1].pointer, rewards: rows[2].pointer,
          nextObservations: rows[3].pointer, ends: rows[4].pointer))
    }
  }
}

/// What a golden step must not depend on.
struct KernelsAndParts: CustomTestStringConvertible {
  let kernels: Kernels
  let parts: Int
  var testDescription: String { "\(kernels), \(parts) part\(parts == 1 ? "" : "s")" }
}

extension Kernels {
  static var withParts: [KernelsAndParts] {
    allCases.flatMap { kernels in [1, 2].map { KernelsAndParts(kernels: kernels, parts: $0) } }
  }
}
