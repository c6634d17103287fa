import RandomStreams

/// What a load is asked to be; the same for every workload, so that one configuration block describes them all.
public struct WorkloadSettings: Codable, Equatable, Sendable {
  /// One of `Workload.names`.
  public var name = "random"
  /// Mean request rate of a pod, requests/s, 0…100,000.
  public var mean = 20.0
  /// No second's rate is below this, requests/s, 0…`mean`.
  public var minimum = 1.0
  /// Whether every pod's mean is drawn anew for every episode, uniformly from `minimum` to `mean`.
  public var meanVaries = false
  /// No second's rate is above this, requests/s; nil is twice the mean for `random` and `random-walk`, none for the others.
  public var maximum: Double?
  /// The workload's own parameters by name; those left out have its defaults.
  public var parameters: [String: Double] = [:]
  /// The recording, for `trace`.
  public var trace: TraceSettings?

  public init(
    _ name: String = "random", mean: Double = 20, minimum: Double = 1, maximum: Double? = nil,
    parameters: [String: Double] = [:], trace: TraceSettings? = nil
  ) {
    self.name = name
    self.mean = mean
    self.minimum = minimum
    self.maximum = maximum
    self.parameters = parameters
    self.trace = trace
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decodeIfPresent(String.self, forKey: .name) ?? name
    mean = try values.decodeIfPresent(Double.self, forKey: .mean) ?? mean
    minimum = try values.decodeIfPresent(Double.self, forKey: .minimum) ?? minimum
    meanVaries = try values.decodeIfPresent(Bool.self, forKey: .meanVaries) ?? meanVaries
    maximum = try values.decodeIfPresent(Double.self, forKey: .maximum)
    parameters = try values.decodeIfPresent([String: Double].self, forKey: .parameters) ?? parameters
    trace = try values.decodeIfPresent(TraceSettings.self, forKey: .trace)
  }
}

/// A kind of load, made ready: gives every pod of an episode its rate for every second.
///
/// What an episode gets depends on (seed, pod, episode) alone.
public struct Workload: Sendable {
  /// The catalogue. A new workload is a file beside this one and a line here.
  static let catalogue: [WorkloadKind] = [
    ConstantLoad.kind, StepLoad.kind, RampLoad.kind, DiurnalLoad.kind, NoisyLoad.kind, BurstyLoad.kind,
    FlashCrowdLoad.kind, RandomLoad.kind, RandomWalkLoad.kind, MixtureLoad.kind, VariedLoad.kind, TraceLoad.kind,
  ]

  public static var names: [String] { catalogue.map(\.name) }
  /// One line per workload: what it is and which parameters it has. For help texts.
  public static var summaries: [(name: String, summary: String)] {
    catalogue.map { kind in
      let parameters = kind.parameters.map { "\($0.name) = \($0.value)" }.joined(separator: ", ")
      return (kind.name, parameters.isEmpty ? kind.summary : "\(kind.summary) (\(parameters))")
    }
  }

  /// The largest mean request rate of a pod, requests/s.
  static let largestMean = 100_000.0

  public let settings: WorkloadSettings
  /// Mean request rate of a pod, requests/s; of a trace at its own scale, the trace's.
  public let mean: Double
  /// The shape's parameters with their values, defaults included; none for a trace.
  public let parameters: [(name: String, value: Double)]
  /// Length of the recording, as it is played; nil for generated loads.
  public let recordedSeconds: Int?
  private let shape: any LoadShape
  private let bounds: ClosedRange<Double>

  /// - Throws: for an unknown name, an unknown parameter, a value out of range, an unusable trace.
  public init(_ settings: WorkloadSettings) throws {
    guard let kind = Self.catalogue.first(where: { $0.name == settings.name }) else {
      throw SimulationError(
        "unknown workload '\(settings.name)', expected one of: \(Self.names.joined(separator: " "))")
    }
    try validate("workload mean", settings.mean, in: 0...Self.largestMean, "requests/s")
    try validate("workload minimum", settings.minimum, in: 0...settings.mean, "requests/s")
    if let maximum = settings.maximum {
      try validate("workload maximum", maximum, in: settings.mean...1_000_000, "requests/s")
    }
    var values: [String: Double] = [:]
    for parameter in kind.parameters { values[parameter.name] = parameter.value }
    for (name, value) in settings.parameters.sorted(by: { $0.key < $1.key }) {
      guard let parameter = kind.parameters.first(where: { $0.name == name }) else {
        let known = kind.parameters.map(\.name).joined(separator: " ")
        throw SimulationError(
          "workload '\(kind.name)' has no parameter '\(name)', expected one of: \(known.isEmpty ? "none" : known)")
      }
      try validate("parameter \(name) of workload '\(kind.name)'", value, in: parameter.range)
      values[name] = value
    }
    self.settings = settings
    shape = try kind.make(LoadInput(settings: settings, values: values))
    parameters = kind.parameters.map { ($0.name, values[$0.name] ?? $0.value) }
    let recording = (shape as? TraceLoad)?.trace
    recordedSeconds = recording?.seconds
    // A recording that is scaled to the largest mean may miss it by a rounding.
    mean = min(recording?.mean ?? settings.mean, Self.largestMean)
    bounds = settings.minimum...max(settings.maximum ?? 1_000_000, settings.minimum)
  }

  /// Writes the rates of one episode, requests/s, `[pods × seconds]`: rates[pod · seconds + second].
  public func fill(
    _ rates: UnsafeMutablePointer<Float>, pods: Int, seconds: Int, seed: UInt64, episode: Int
  ) {
    for pod in 0..<pods {
      var context = EpisodeContext(
        pod: pod, pods: pods, seconds: seconds,
        random: RandomStream(seed: seed, purpose: "workload", pod, episode),
        common: RandomStream(seed: seed, purpose: "workload of all pods", 0, episode))
      let row = UnsafeMutableBufferPointer(start: rates + pod * seconds, count: seconds)
      let mean = settings.meanVaries ? context.uniform(settings.minimum...settings.mean) : settings.mean
      let factor = settings.mean > 0 ? mean / settings.mean : 1
      shape.fill(row, &context)
      for second in 0..<seconds {
        row[second] = Float(min(max(Double(row[second]) * factor, bounds.lowerBound), bounds.upperBound))
      }
    }
  }

  /// The rates of one episode, `[pod][second]`.
  public func rates(pods: Int, seconds: Int, seed: UInt64, episode: Int) -> [[Float]] {
    guard pods > 0, seconds > 0 else { return Array(repeating: [], count: max(pods, 0)) }
    let flat = [Float](unsafeUninitializedCapacity: pods * seconds) { buffer, count in
      if let base = buffer.baseAddress { fill(base, pods: pods, seconds: seconds, seed: seed, episode: episode) }
      count = pods * seconds
    }
    return (0..<pods).map { Array(flat[$0 * seconds..<($0 + 1) * seconds]) }
  }
}

// MARK: What a workload's file provides

/// A named parameter with its default and range.
struct LoadParameter: Sendable {
  let name: String
  let value: Double
  let range: ClosedRange<Double>
}

/// An entry of the catalogue.
struct WorkloadKind: Sendable {
  let name: String
  let summary: String
  var parameters: [LoadParameter] = []
  let make: @Sendable (LoadInput) throws -> any LoadShape
}

/// Validated settings, the kind's parameters filled in.
struct LoadInput {
  let settings: WorkloadSettings
  let values: [String: Double]

  var mean: Double { settings.mean }
  var minimum: Double { settings.minimum }
  /// The settings' maximum or as far above the mean as the minimum is below.
  var maximum: Double { settings.maximum ?? 2 * settings.mean - settings.minimum }
  /// - Precondition: the kind lists the parameter.
  func value(_ name: String) -> Double {
    guard let value = values[name] else { preconditionFailure("the workload does not list its parameter '\(name)'") }
    return value
  }
}

/// One pod in one episode.
struct EpisodeContext {
  let pod: Int
  let pods: Int
  let seconds: Int
  /// The pod's own randomness.
  var random: RandomStream
  /// The same draws for every pod of the episode.
  var common: RandomStream

  mutating func uniform(_ range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * (random.uniform() as Double)
  }
}

/// Gives a pod its rate for every second of an episode, before minimum and maximum are applied.
protocol LoadShape: Sendable {
  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext)
}
