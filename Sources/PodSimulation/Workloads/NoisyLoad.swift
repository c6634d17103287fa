import Glibc
import RandomStreams

/// Log-normal noise around the mean, remembering a part of the second before (first-order autoregressive in the logarithm).
struct NoisyLoad: LoadShape {
  static let kind = WorkloadKind(
    name: "noisy", summary: "log-normal noise around the mean, correlated from second to second",
    parameters: [
      LoadParameter(name: "variation", value: 0.4, range: 0...10),
      LoadParameter(name: "memory", value: 0.7, range: 0...0.999),
    ]
  ) {
    NoisyLoad(mean: $0.mean, variation: $0.value("variation"), memory: $0.value("memory"))
  }

  let mean: Double
  /// Standard deviation ÷ mean.
  let variation: Double
  /// Correlation of neighbouring seconds (of the logarithm).
  let memory: Double

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let variance = log1p(variation * variation)
    var state = context.random.normal()
    for second in rates.indices {
      rates[second] = Float(mean * exp(variance.squareRoot() * state - variance / 2))
      state = memory * state + (1 - memory * memory).squareRoot() * context.random.normal()
    }
  }
}
