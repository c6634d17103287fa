/// A straight line over the episode, rising for even pods and falling for odd ones, its middle at the mean.
struct RampLoad: LoadShape {
  static let kind = WorkloadKind(
    name: "ramp", summary: "a straight line, rising for even pods and falling for odd ones",
    parameters: [LoadParameter(name: "amplitude", value: 0.8, range: 0...1)]
  ) {
    RampLoad(mean: $0.mean, amplitude: $0.value("amplitude"))
  }

  let mean: Double
  /// The line runs from (1 − amplitude) · mean to (1 + amplitude) · mean.
  let amplitude: Double

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let direction = context.pod % 2 == 0 ? 1.0 : -1.0
    for second in rates.indices {
      let part = rates.count > 1 ? Double(second) / Double(rates.count - 1) : 0.5
      rates[second] = Float(mean * (1 + direction * amplitude * (2 * part - 1)))
    }
  }
}
