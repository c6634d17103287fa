import RandomStreams

/// A random walk that is reflected at minimum and maximum, begun at a uniform point between them.
struct RandomWalkLoad: LoadShape {
  static let kind = WorkloadKind(
    name: "random-walk", summary: "a random walk between minimum and maximum",
    parameters: [LoadParameter(name: "step", value: 0.1, range: 0...10)]
  ) {
    RandomWalkLoad(range: $0.minimum...max($0.maximum, $0.minimum), deviation: $0.value("step") * $0.mean)
  }

  let range: ClosedRange<Double>
  /// Standard deviation of a second's step, requests/s.
  let deviation: Double

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let width = range.upperBound - range.lowerBound
    // The walk runs free; folding it like a strip of paper reflects it at both ends.
    var place = context.uniform(0...1) * width
    for second in rates.indices {
      let folded = width > 0 ? place.remainder(dividingBy: 2 * width).magnitude : 0
      rates[second] = Float(range.lowerBound + folded)
      place += deviation * context.random.normal()
    }
  }
}
