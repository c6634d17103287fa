/// How much CPU one request needs, in core-seconds (a request of 0.010 runs for 10 ms on a whole core).
public struct ServiceDemand: Codable, Equatable, Sendable {
  public enum Distribution: String, Codable, Sendable, CaseIterable {
    /// Every request needs `mean`.
    case deterministic
    case exponential
    /// Log-normal with `mean` and coefficient of variation `variation`.
    case lognormal
    /// Drawn with replacement from `samples`; `mean` and `variation` are ignored.
    case empirical
  }

  public var distribution: Distribution = .exponential
  /// Mean CPU demand, core-seconds, 10 µs…60 s.
  public var mean: Double = 0.010
  /// Standard deviation ÷ mean, log-normal only, 0…10.
  public var variation: Double = 1
  /// Measured demands, core-seconds, empirical only.
  public var samples: [Double] = []

  public init(
    _ distribution: Distribution = .exponential, mean: Double = 0.010, variation: Double = 1, samples: [Double] = []
  ) {
    self.distribution = distribution
    self.mean = mean
    self.variation = variation
    self.samples = samples
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    distribution = try values.decodeIfPresent(Distribution.self, forKey: .distribution) ?? distribution
    mean = try values.decodeIfPresent(Double.self, forKey: .mean) ?? mean
    variation = try values.decodeIfPresent(Double.self, forKey: .variation) ?? variation
    samples = try values.decodeIfPresent([Double].self, forKey: .samples) ?? samples
  }

  /// The mean of what will be drawn, core-seconds.
  public var effectiveMean: Double {
    distribution == .empirical && !samples.isEmpty ? samples.reduce(0, +) / Double(samples.count) : mean
  }

  public func validate() throws {
    try PodSimulation.validate("demand.mean", mean, in: 1e-5...60, "core-seconds")
    try PodSimulation.validate("demand.variation", variation, in: 0...10)
    if distribution == .empirical {
      try PodSimulation.validate("the number of demand.samples", samples.count, in: 1...10_000_000)
      for (index, sample) in samples.enumerated() {
        try PodSimulation.validate("demand.samples[\(index)]", sample, in: 0...60, "core-seconds")
      }
    }
  }
}

/// How requests are spread within each second, given that second's rate.
public struct Arrivals: Codable, Equatable, Sendable {
  public enum Process: String, Codable, Sendable, CaseIterable {
    case poisson
    /// Equally spaced.
    case deterministic
    /// Poisson, but only during `onFraction` of every second, at rate ÷ `onFraction`; each pod's window lies elsewhere.
    case onOff = "on-off"
  }

  public var process: Process = .poisson
  /// Share of the second in which requests come, on-off only, 0.01…1.
  public var onFraction: Double = 0.3

  public init(_ process: Process = .poisson, onFraction: Double = 0.3) {
    self.process = process
    self.onFraction = onFraction
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    process = try values.decodeIfPresent(Process.self, forKey: .process) ?? process
    onFraction = try values.decodeIfPresent(Double.self, forKey: .onFraction) ?? onFraction
  }

  public func validate() throws {
    try PodSimulation.validate("arrivals.onFraction", onFraction, in: 0.01...1)
  }
}
