import RandomStreams

/// On and off in turn, each for exponentially distributed times; every pod for itself.
struct BurstyLoad: LoadShape {
  static let kind = WorkloadKind(
    name: "bursty", summary: "bursts of random length, every pod for itself",
    parameters: [
      LoadParameter(name: "ratio", value: 5, range: 1...1000),
      LoadParameter(name: "on", value: 6, range: 0.1...100_000),
      LoadParameter(name: "off", value: 14, range: 0.1...100_000),
    ]
  ) {
    BurstyLoad(mean: $0.mean, ratio: $0.value("ratio"), on: $0.value("on"), off: $0.value("off"))
  }

  let mean: Double
  /// The rate in a burst ÷ the rate between bursts; the long-run average is the mean.
  let ratio: Double
  /// Mean seconds of a burst, and between bursts.
  let on: Double
  let off: Double

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let share = on / (on + off)
    let low = mean / (1 + share * (ratio - 1))
    let drawn: Double = context.random.uniform()
    var isOn = drawn < share
    var left = context.random.exponential(mean: isOn ? on : off)
    for second in rates.indices {
      // A second in which the state changes, perhaps more than once, has the average of its parts.
      var onTime = 0.0
      var rest = 1.0
      while left < rest {
        if isOn { onTime += left }
        rest -= left
        isOn.toggle()
        left = context.random.exponential(mean: isOn ? on : off)
      }
      if isOn { onTime += rest }
      left -= rest
      rates[second] = Float(low * (1 + onTime * (ratio - 1)))
    }
  }
}
