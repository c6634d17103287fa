import NeuralNetwork
import TestSupport
import Testing

@Suite("Optimisers")
struct OptimiserTests {
  static func settings(_ golden: Golden) throws -> OptimiserSettings {
    let name = try golden.attribute("optimizer").string
    var settings = OptimiserSettings(
      name == "sgd" ? .sgd : name == "adam" ? .adam : .adamW, learningRate: try golden.attribute("lr").double)
    settings.weightDecay = try golden.attribute("weight_decay").double
    settings.amsgrad = try golden.attribute("amsgrad").bool
    return settings
  }

  @Test("six steps match the goldens, in one gradient or two", arguments: ["adam", "adamw_amsgrad", "sgd"], [1, 2])
  func goldens(name: String, gradients: Int) throws {
    let golden = try Golden.load("optimizers")[name]
    let start = try golden["start"].floats
    let optimiser = Optimiser(try Self.settings(golden), count: 16)
    let (parameters, gradient, other) = (FloatBuffer(16), FloatBuffer(16), FloatBuffer(16))
    parameters.values = start + [Float](repeating: 0, count: 11)
    let expected = try golden["after_each_step"].doubles
    for (step, row) in try golden["grad"].floats.chunked(5).enumerated() {
      for (index, value) in row.enumerated() {
        gradient.pointer[index] = gradients == 1 ? value : value * 0.25
        other.pointer[index] = value * 0.75
      }
      let second = gradients == 1 ? nil : UnsafePointer(other.pointer)
      optimiser.begin()
      #expect(
        optimiser.apply(to: parameters.pointer, gradient: gradient.pointer, other: second, range: 0..<16))
      let wanted = Array(expected[step * 5..<step * 5 + 5])
      #expect(firstDifference(Array(parameters.values.prefix(5)), wanted, tolerance: 1e-5) == nil)
    }
  }

  @Test("a step over two ranges has the bits of a step over one", arguments: 0..<10 as Range<UInt64>)
  func ranges(seed: UInt64) {
    var settings = OptimiserSettings(.adamW, learningRate: 1e-3)
    settings.amsgrad = true
    settings.weightDecay = 0.01
    settings.clipValue = 0.5
    var results: [[Float]] = []
    for split in [false, true] {
      let noise = Noise(seed: seed)
      let optimiser = Optimiser(settings, count: 96)
      let (p, g, target) = (noise.buffer(96), noise.buffer(96), noise.buffer(96))
      for _ in 0..<5 {
        optimiser.begin(tau: 0.01)
        for range in split ? [32..<96, 0..<32] : [0..<96] {
          #expect(optimiser.apply(to: p.pointer, gradient: g.pointer, target: target.pointer, range: range))
        }
      }
      results.append(p.values + target.values)
    }
    #expect(results[0] == results[1])
  }

  @Test("clipping by norm scales the gradient to that norm")
  func clipNorm() {
    var settings = OptimiserSettings(.sgd, learningRate: 1)
    settings.clipNorm = 1
    let optimiser = Optimiser(settings, count: 16)
    let (p, g) = (FloatBuffer(16), FloatBuffer(16))
    g.pointer[0] = 3
    g.pointer[1] = 4
    optimiser.begin()
    optimiser.clipNorm(gradient: g.pointer)
    #expect(optimiser.apply(to: p.pointer, gradient: g.pointer, range: 0..<16))
    #expect(abs(p.pointer[0] + 0.6) < 1e-5 && abs(p.pointer[1] + 0.8) < 1e-5)
  }

  @Test("momentum accumulates, and the target follows softly")
  func momentumAndTarget() {
    var settings = OptimiserSettings(.sgd, learningRate: 1)
    settings.momentum = 0.5
    let optimiser = Optimiser(settings, count: 16)
    let (p, g, target) = (FloatBuffer(16), FloatBuffer(16), FloatBuffer(16))
    g.pointer[3] = 1
    for _ in 0..<2 {
      optimiser.begin(tau: 0.25)
      #expect(optimiser.apply(to: p.pointer, gradient: g.pointer, target: target.pointer, range: 0..<16))
    }
    #expect(p.pointer[3] == -2.5)
    #expect(target.pointer[3] == 0.75 * -0.25 + 0.25 * -2.5)
  }

  @Test("a gradient that is not a number is reported", arguments: [Float.nan, .infinity])
  func notFinite(value: Float) {
    for method in OptimiserSettings.Method.allCases {
      let optimiser = Optimiser(OptimiserSettings(method, learningRate: 1e-3), count: 32)
      let (p, g) = (FloatBuffer(32), FloatBuffer(32))
      g.pointer[17] = value
      optimiser.begin()
      #expect(!optimiser.apply(to: p.pointer, gradient: g.pointer, range: 0..<32))
    }
  }
}

extension Array {
  func chunked(_ size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}
