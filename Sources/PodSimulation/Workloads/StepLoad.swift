/// One step within the episode, up for even pods and down for odd ones, each at its own moment around `at`.
struct StepLoad: LoadShape {
  static let kind = WorkloadKind(
    name: "step", summary: "one step in the episode, up for even pods and down for odd ones",
    parameters: [
      LoadParameter(name: "ratio", value: 3, range: 1...1000),
      LoadParameter(name: "at", value: 0.5, range: 0...1),
      LoadParameter(name: "spread", value: 0.2, range: 0...1),
    ]
  ) {
    StepLoad(mean: $0.mean, ratio: $0.value("ratio"), at: $0.value("at"), spread: $0.value("spread"))
  }

  let mean: Double
  /// The high rate ÷ the low one; their average is the mean.
  let ratio: Double
  /// When, as a part of the episode; uniformly drawn in `at` ± half of `spread`.
  let at: Double
  let spread: Double

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let low = 2 * mean / (1 + ratio)
    let isUp = context.pod % 2 == 0
    let part = at + spread * context.uniform(-0.5...0.5)
    for second in rates.indices {
      let isLate = Double(second) >= part * Double(rates.count)
      rates[second] = Float(isLate == isUp ? low * ratio : low)
    }
  }
}
