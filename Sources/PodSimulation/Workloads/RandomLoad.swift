/// One rate per pod and episode, uniform between minimum and maximum, constant within the episode.
struct RandomLoad: LoadShape {
  static let kind = WorkloadKind(
    name: "random", summary: "a constant per pod and episode, uniform between minimum and maximum"
  ) {
    RandomLoad(range: $0.minimum...max($0.maximum, $0.minimum))
  }

  let range: ClosedRange<Double>

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    rates.update(repeating: Float(context.uniform(range)))
  }
}
