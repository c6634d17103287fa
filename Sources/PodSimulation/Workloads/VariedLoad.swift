import Glibc
import RandomStreams

/// Every pod of every episode gets a load of another character: a slow tide, noise of drawn strength and memory, perhaps bursts,
/// perhaps a step, multiplied with each other. What a policy should be trained on that is to meet loads nobody has described:
/// it must find out from what it sees which kind it is dealing with.
struct VariedLoad: LoadShape {
  static let kind = WorkloadKind(
    name: "varied", summary: "tide, noise, bursts and steps of drawn strength; every pod and episode another character",
    parameters: [
      LoadParameter(name: "tide", value: 0.9, range: 0...1),
      LoadParameter(name: "variation", value: 1.2, range: 0...10),
      LoadParameter(name: "ratio", value: 8, range: 1...1000),
    ]
  ) {
    VariedLoad(mean: $0.mean, tide: $0.value("tide"), variation: $0.value("variation"), ratio: $0.value("ratio"))
  }

  let mean: Double
  /// The largest amplitude of the tide, a part of its mean.
  let tide: Double
  /// The largest standard deviation ÷ mean of the noise.
  let variation: Double
  /// The largest ratio of a burst or a step.
  let ratio: Double

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    for second in rates.indices { rates[second] = 1 }
    if context.uniform(0...1) < 0.7 { addTide(rates, &context) }
    if context.uniform(0...1) < 0.6 { addNoise(rates, &context) }
    if context.uniform(0...1) < 0.25 { addBursts(rates, &context) }
    if context.uniform(0...1) < 0.15 { addStep(rates, &context) }
    // The episode's mean is the mean asked for, whatever was drawn.
    let sum = rates.reduce(0.0) { $0 + Double($1) }
    let scale = sum > 0 ? mean * Double(rates.count) / sum : 0
    for second in rates.indices { rates[second] *= Float(scale) }
  }

  /// A sine wave with a period of 40 s to 40 min.
  private func addTide(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let amplitude = context.uniform(0...tide)
    let period = exp(context.uniform(log(40)...log(2400)))
    let start = context.uniform(0...1)
    for second in rates.indices {
      rates[second] *= Float(1 + amplitude * sin(2 * .pi * (start + Double(second) / period)))
    }
  }

  /// Log-normal noise that remembers none to nearly all of the second before; mostly weak.
  private func addNoise(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let deviation = variation * pow(context.uniform(0...1), 3)
    let variance = log1p(deviation * deviation)
    let memory = 1 - pow(10, -context.uniform(0...2))
    var state = context.random.normal()
    for second in rates.indices {
      rates[second] *= Float(exp(variance.squareRoot() * state - variance / 2))
      state = memory * state + (1 - memory * memory).squareRoot() * context.random.normal()
    }
  }

  /// Bursts of 2 to 30 s on average, 5 to 120 s apart, each at its own height and gone at once or slowly.
  private func addBursts(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let highest = exp(context.uniform(0...log(ratio)))
    let length = exp(context.uniform(log(2)...log(30)))
    let gap = exp(context.uniform(log(5)...log(120)))
    let fades = context.uniform(0...1) < 0.4
    var height = 0.0
    var left = context.random.exponential(mean: gap)
    for second in rates.indices {
      rates[second] *= Float(1 + height)
      if fades, height > 0 { height *= exp(-1 / length) }
      left -= 1
      guard left <= 0 else { continue }
      let begins = fades || height == 0
      height = begins ? (highest - 1) * context.uniform(0.3...1) : 0
      left = max(context.random.exponential(mean: begins && !fades ? length : gap), 1)
    }
  }

  private func addStep(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let factor = exp(context.uniform(-log(ratio) / 2...log(ratio) / 2))
    let at = context.uniform(0...1) * Double(rates.count)
    for second in rates.indices where Double(second) >= at { rates[second] *= Float(factor) }
  }
}
