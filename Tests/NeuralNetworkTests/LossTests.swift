import Foundation
import NeuralNetwork
import RandomStreams
import TestSupport
import Testing

@Suite("Losses and distributions")
struct LossTests {
  static let points: [Float] = [-3, -1.001, -0.999, -0.4, 0, 0.3, 0.999, 1.001, 7]

  @Test("Huber and squared error match their formulas and slopes")
  func regression() {
    let target = FloatBuffer(Self.points.count)
    let (prediction, gradient) = (FloatBuffer(Self.points.count), FloatBuffer(Self.points.count))
    prediction.values = Self.points
    func huber(_ e: Double) -> Double { abs(e) <= 1 ? 0.5 * e * e : abs(e) - 0.5 }
    let sum = Losses.huber(
      prediction.pointer, target.pointer, count: Self.points.count, delta: 1, scale: 0.5, gradient: gradient.pointer)
    #expect(abs(sum - Self.points.reduce(0) { $0 + huber(Double($1)) }) < 1e-5)
    let slopes = Self.points.map { finiteDifferences(at: [Double($0)]) { huber($0[0]) }[0] * 0.5 }
    #expect(firstDifference(gradient.values, slopes, tolerance: 1e-4) == nil)
    _ = Losses.squaredError(
      prediction.pointer, target.pointer, count: Self.points.count, scale: 0.5, gradient: gradient.pointer)
    #expect(gradient.values == Self.points)
  }

  @Test("PPO's clipped objective matches finite differences", arguments: 0..<50 as Range<UInt64>)
  func clipped(seed: UInt64) {
    var random = RandomStream(seed: seed, purpose: "ppo loss")
    let (log, advantage) = (random.normal() * 0.4, random.normal())
    func loss(_ log: Double) -> Double {
      -min(exp(log) * advantage, min(max(exp(log), 0.8), 1.2) * advantage)
    }
    let result = Losses.clippedObjective(
      logProbability: Float(log) - 1, old: -1, advantage: Float(advantage), clip: 0.2)
    #expect(abs(Double(result.loss) - loss(log)) < 1e-5)
    let slope = finiteDifferences(at: [log], step: 1e-6) { loss($0[0]) }[0]
    #expect(abs(Double(result.gradient) - slope) < 1e-4)
    #expect(result.clipped == (slope == 0))
  }

  @Test("the normal policy's log-probability, slope and entropy")
  func gaussian() {
    let policy = GaussianPolicy(deviation: 0.25)
    func log(_ action: Double, _ mean: Double) -> Double {
      -0.5 * pow((action - mean) / 0.25, 2) - Foundation.log(0.25) - 0.5 * Foundation.log(2 * .pi)
    }
    #expect(abs(Double(policy.logProbability(0.3, mean: 0.1)) - log(0.3, 0.1)) < 1e-5)
    let slope = finiteDifferences(at: [0.1]) { log(0.3, $0[0]) }[0]
    #expect(abs(Double(policy.gradient(0.3, mean: 0.1)) - slope) < 1e-4)
    #expect(abs(Double(policy.entropy) - (0.5 + 0.5 * Foundation.log(2 * .pi) + Foundation.log(0.25))) < 1e-6)
  }

  @Test("the categorical policy's gradient matches finite differences", arguments: 0..<20 as Range<UInt64>)
  func categorical(seed: UInt64) {
    var random = RandomStream(seed: seed, purpose: "categorical")
    let logits = (0..<4).map { _ in random.normal() }
    let action = random.below(4)
    func probabilities(_ z: [Double]) -> [Double] {
      let sum = z.reduce(0) { $0 + exp($1) }
      return z.map { exp($0) / sum }
    }
    func objective(_ z: [Double]) -> Double {
      let p = probabilities(z)
      return 0.7 * log(p[action]) + 0.3 * p.reduce(0) { $0 - $1 * log($1) }
    }
    let p = FloatBuffer(4)
    let gradient = FloatBuffer(4)
    p.values = probabilities(logits).map(Float.init)
    CategoricalPolicy.gradient(
      p.pointer, count: 4, action: action, logProbabilityWeight: 0.7, entropyWeight: 0.3, into: gradient.pointer)
    let expected = finiteDifferences(at: logits, step: 1e-5, of: objective)
    #expect(firstDifference(gradient.values, expected, tolerance: 1e-5) == nil)
  }

  @Test("the dueling head subtracts the mean, forwards and backwards", arguments: [nil, 0.25] as [Float?])
  func dueling(mean: Float?) {
    let noise = Noise(seed: 4)
    let (values, advantages, weights) = (noise.buffer(5), noise.buffer(15), noise.buffer(15))
    let q = FloatBuffer(15)
    if let mean {
      DuelingHead.combine(
        values: values.pointer, advantages: advantages.pointer, mean: mean, rows: 5, actions: 3, into: q.pointer)
      #expect(q.pointer[4] == values.pointer[1] - mean + advantages.pointer[4])
      return
    }
    DuelingHead.combine(values: values.pointer, advantages: advantages.pointer, rows: 5, actions: 3, into: q.pointer)
    func loss(_ x: [Double]) -> Double {
      (0..<5).reduce(0) { sum, row in
        let a = Array(x[5 + row * 3..<8 + row * 3])
        let center = a.reduce(0, +) / 3
        return sum + (0..<3).reduce(0) { $0 + (x[row] + a[$1] - center) * Double(weights.pointer[row * 3 + $1]) }
      }
    }
    let (dValues, dAdvantages) = (FloatBuffer(5), FloatBuffer(15))
    DuelingHead.backward(
      weights.pointer, rows: 5, actions: 3, values: dValues.pointer, advantages: dAdvantages.pointer)
    let expected = finiteDifferences(at: (values.values + advantages.values).map(Double.init), of: loss)
    #expect(firstDifference(dValues.values + dAdvantages.values, expected, tolerance: 1e-5) == nil)
  }
}

@Suite("Initialisers")
struct InitialiserTests {
  @Test("numbers stay within their bounds, and differ by seed")
  func bounds() {
    var random = RandomStream(seed: 1, purpose: "initialisers")
    for (initialiser, bound) in [
      (Initialiser.linear, 1 / Float(50).squareRoot()), (.kaiming, (6 / Float(50)).squareRoot()),
      (.xavier, (6 / Float(80)).squareRoot()),
    ] {
      let layer = initialiser.layer(inputs: 50, outputs: 30, activation: .relu, using: &random)
      let largest = layer.weight.map(abs).max() ?? 0
      #expect(largest <= bound && largest > 0.95 * bound)
      #expect(initialiser == .linear || layer.bias.allSatisfy { $0 == 0 })
    }
  }

  @Test("orthogonal rows or columns", arguments: [(4, 9), (9, 4), (6, 6)])
  func orthogonal(outputs: Int, inputs: Int) {
    var random = RandomStream(seed: 2, purpose: "initialisers")
    let layer = Initialiser.orthogonal(gain: 2).layer(
      inputs: inputs, outputs: outputs, activation: .relu, using: &random)
    let w = layer.weight
    let (count, length) = (min(outputs, inputs), max(outputs, inputs))
    for a in 0..<count {
      for b in 0..<count {
        let dot = (0..<length).reduce(Float(0)) { sum, k in
          outputs <= inputs ? sum + w[a * inputs + k] * w[b * inputs + k] : sum + w[k * inputs + a] * w[k * inputs + b]
        }
        #expect(abs(dot - (a == b ? 4 : 0)) < 1e-5)
      }
    }
  }
}
