/// The mean, all the time.
struct ConstantLoad: LoadShape {
  static let kind = WorkloadKind(name: "constant", summary: "the mean rate, all the time") {
    ConstantLoad(rate: $0.mean)
  }

  let rate: Double

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    rates.update(repeating: Float(rate))
  }
}
