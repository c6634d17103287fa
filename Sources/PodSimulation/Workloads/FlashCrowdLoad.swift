import Glibc
import RandomStreams

/// Quiet, then a crowd within seconds, then a slow way back; one crowd per pod and episode, at the pod's own time. Scaled
/// so that the episode's average is the mean.
struct FlashCrowdLoad: LoadShape {
  static let kind = WorkloadKind(
    name: "flash-crowd", summary: "quiet, then many times the load within seconds, and a slow way back",
    parameters: [
      LoadParameter(name: "peak", value: 6, range: 1...1000),
      LoadParameter(name: "rise", value: 3, range: 0.1...100_000),
      LoadParameter(name: "decay", value: 15, range: 0.1...100_000),
    ]
  ) {
    FlashCrowdLoad(mean: $0.mean, peak: $0.value("peak"), rise: $0.value("rise"), decay: $0.value("decay"))
  }

  let mean: Double
  /// The highest rate ÷ the quiet one.
  let peak: Double
  /// Seconds from quiet to the peak, and the time constant of the way back.
  let rise: Double
  let decay: Double

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let begin = context.uniform(0...0.7) * Double(rates.count)
    var sum = 0.0
    for second in rates.indices {
      let since = Double(second) - begin
      let crowd = since < 0 ? 0 : since < rise ? since / rise : exp(-(since - rise) / decay)
      let shape = 1 + (peak - 1) * crowd
      sum += shape
      rates[second] = Float(shape)
    }
    let scale = sum > 0 ? mean * Double(rates.count) / sum : 0
    for second in rates.indices { rates[second] *= Float(scale) }
  }
}
