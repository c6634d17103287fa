import Glibc
import RandomStreams

/// Ranges from which every pod of every episode draws its service, so that a policy does not learn one service by heart.
///
/// What an episode's pod gets depends on (seed, pod, episode) alone. Ranges are inclusive; the defaults lie around the service
/// that the ground truth was measured on. Limit, request, arrivals and timeout stay as the pod has them.
public struct Randomization: Codable, Equatable, Sendable {
  /// Lower and upper end.
  public struct Range: Codable, Equatable, Sendable {
    public var from: Double
    public var to: Double

    public init(_ from: Double, _ to: Double) {
      self.from = from
      self.to = to
    }

    func draw(_ random: inout RandomStream) -> Double { from + (to - from) * (random.uniform() as Double) }

    func validate(_ name: String, within bounds: ClosedRange<Double>, _ unit: String = "") throws {
      try PodSimulation.validate("\(name).from", from, in: bounds, unit)
      try PodSimulation.validate("\(name).to", to, in: from...max(bounds.upperBound, from), unit)
    }
  }

  /// Mean demand, core-seconds, drawn log-uniformly.
  public var demand = Range(0.003, 0.030)
  public var distributions: [ServiceDemand.Distribution] = [.exponential, .deterministic, .lognormal]
  /// Coefficient of variation of log-normal demands.
  public var variation = Range(0.3, 1.5)
  public var workers = [1, 2, 4, 8]
  public var cores = [1.0, 2.0]
  /// Core-seconds.
  public var overhead = Range(0.000_05, 0.000_5)
  /// Seconds.
  public var latency = Range(0.000_2, 0.005)
  public var speed = Range(0.9, 1)
  /// Millicores.
  public var baseUsage = Range(0, 10)
  /// In place of the configuration's metric lag; nil leaves that.
  public var metrics: MetricLag?
  /// In place of the configuration's resize latency, seconds; every pod of every episode draws its own upper end from the
  /// range, and each write its latency below that. nil leaves the configuration's.
  public var resizeLatency: Range?

  public init() {}

  /// The default ranges and those of the way between the cluster and the agent: readings 1 to 15 s apart, off by up to 5 %
  /// (standard deviation), resizes that take 0.1 to 2 s.
  public static var withLags: Randomization {
    var randomization = Randomization()
    randomization.metrics = .any
    randomization.metrics?.noise = Range(0, 0.05)
    randomization.resizeLatency = Range(0.1, 2)
    return randomization
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    func read<T: Decodable>(_ key: CodingKeys, into place: inout T) throws {
      if let value = try values.decodeIfPresent(T.self, forKey: key) { place = value }
    }
    try read(.demand, into: &demand)
    try read(.distributions, into: &distributions)
    try read(.variation, into: &variation)
    try read(.workers, into: &workers)
    try read(.cores, into: &cores)
    try read(.overhead, into: &overhead)
    try read(.latency, into: &latency)
    try read(.speed, into: &speed)
    try read(.baseUsage, into: &baseUsage)
    metrics = try values.decodeIfPresent(MetricLag.self, forKey: .metrics)
    resizeLatency = try values.decodeIfPresent(Range.self, forKey: .resizeLatency)
  }

  /// Throws unless every pod that can be drawn is a valid one.
  public func validate() throws {
    for (name, range) in [
      ("demand", demand), ("variation", variation), ("overhead", overhead), ("latency", latency), ("speed", speed),
      ("baseUsage", baseUsage),
    ] where !(range.from <= range.to) {
      throw SimulationError.outOfRange("randomization.\(name)", "\(range.from)…\(range.to)", expected: "from ≤ to")
    }
    guard !distributions.isEmpty, !workers.isEmpty, !cores.isEmpty else {
      throw SimulationError("randomization has an empty list, expected at least one distribution, workers and cores")
    }
    guard !distributions.contains(.empirical) else {
      throw SimulationError(
        "randomization.distributions has empirical, expected exponential, deterministic or lognormal")
    }
    try metrics?.validate()
    try resizeLatency?.validate("randomization.resizeLatency", within: 0...60, "seconds")
    // The ends of the ranges are pods too, and between two valid ones all are valid.
    for isUpper in [false, true] {
      func end(_ range: Range) -> Double { isUpper ? range.to : range.from }
      var parameters = PodParameters()
      parameters.demand = ServiceDemand(.lognormal, mean: end(demand), variation: end(variation))
      parameters.overhead = end(overhead)
      parameters.latency = end(latency)
      parameters.speed = end(speed)
      parameters.baseUsage = end(baseUsage)
      for value in workers {
        parameters.workers = value
        try parameters.validate()
      }
      for value in cores {
        parameters.cores = value
        try parameters.validate()
      }
    }
  }

  /// One pod of one episode.
  func draw(around parameters: PodParameters, seed: UInt64, pod: Int, episode: Int) -> PodParameters {
    var random = RandomStream(seed: seed, purpose: "randomization", pod, episode)
    func uniform(_ range: Range) -> Double { range.from + (range.to - range.from) * (random.uniform() as Double) }
    var drawn = parameters
    let mean = exp(uniform(Range(log(demand.from), log(demand.to))))
    drawn.demand = ServiceDemand(
      distributions[random.below(distributions.count)], mean: min(max(mean, demand.from), demand.to),
      variation: uniform(variation))
    drawn.workers = workers[random.below(workers.count)]
    drawn.cores = cores[random.below(cores.count)]
    drawn.overhead = uniform(overhead)
    drawn.latency = uniform(latency)
    drawn.speed = uniform(speed)
    drawn.baseUsage = uniform(baseUsage)
    return drawn
  }
}
