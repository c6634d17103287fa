import Glibc
import RandomStreams

/// A sine wave, a day in `period` seconds; the pods' days are shifted against each other so that they peak in turn.
struct DiurnalLoad: LoadShape {
  static let kind = WorkloadKind(
    name: "diurnal", summary: "a sine wave; the pods peak in turn",
    parameters: [
      LoadParameter(name: "amplitude", value: 0.8, range: 0...1),
      LoadParameter(name: "period", value: 120, range: 1...1_000_000),
      LoadParameter(name: "noise", value: 0, range: 0...10),
    ]
  ) {
    DiurnalLoad(mean: $0.mean, amplitude: $0.value("amplitude"), period: $0.value("period"), noise: $0.value("noise"))
  }

  let mean: Double
  let amplitude: Double
  /// Seconds.
  let period: Double
  /// Coefficient of variation of a log-normal factor on every second.
  let noise: Double

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let start: Double = context.common.uniform()
    let shift = Double(context.pod) / Double(context.pods)
    for second in rates.indices {
      let wave = sin(2 * .pi * (start + shift + Double(second) / period))
      let factor = noise > 0 ? context.random.logNormal(mean: 1, variation: noise) : 1
      rates[second] = Float(mean * (1 + amplitude * wave) * factor)
    }
  }
}
