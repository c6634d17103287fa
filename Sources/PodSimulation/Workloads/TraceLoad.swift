import RandomStreams

/// How a recording is used as a load.
public struct TraceSettings: Codable, Equatable, Sendable {
  /// A CSV file with the columns `second` and `rps`.
  public var path: String
  /// The part of the recording that is used: its first second, and the second that is used no more; nil for its ends.
  public var from: Int?
  public var to: Int?
  /// Recordings that are played after it, each whole.
  public var followers: [String] = []
  /// Seconds averaged to one, ≥ 1: plays the recording faster.
  public var compression = 1
  /// Width of the moving average in seconds, ≥ 1; 1 leaves counts as they are.
  public var smoothing = 1
  /// Coefficient of variation of a log-normal factor on every second, 0…10.
  public var noise = 0.0
  /// The second that an episode starts at, for evaluation: pod p then reads `offset` · p seconds later. nil gives each
  /// episode and pod a random window, for training.
  public var start: Int?
  /// Seconds from pod to pod; nil spreads the pods evenly over the recording.
  public var offset: Int?
  /// Whether the recording is scaled to the workload's mean; if not it keeps its own rates.
  public var isRescaled = true

  public init(
    path: String, compression: Int = 1, smoothing: Int = 1, noise: Double = 0, start: Int? = nil,
    isRescaled: Bool = true
  ) {
    self.path = path
    self.compression = compression
    self.smoothing = smoothing
    self.noise = noise
    self.start = start
    self.isRescaled = isRescaled
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    path = try values.decode(String.self, forKey: .path)
    from = try values.decodeIfPresent(Int.self, forKey: .from)
    to = try values.decodeIfPresent(Int.self, forKey: .to)
    followers = try values.decodeIfPresent([String].self, forKey: .followers) ?? followers
    compression = try values.decodeIfPresent(Int.self, forKey: .compression) ?? compression
    smoothing = try values.decodeIfPresent(Int.self, forKey: .smoothing) ?? smoothing
    noise = try values.decodeIfPresent(Double.self, forKey: .noise) ?? noise
    start = try values.decodeIfPresent(Int.self, forKey: .start)
    offset = try values.decodeIfPresent(Int.self, forKey: .offset)
    isRescaled = try values.decodeIfPresent(Bool.self, forKey: .isRescaled) ?? isRescaled
  }
}

/// A recorded rate, repeated for ever; every pod reads it from another place.
struct TraceLoad: LoadShape {
  static let kind = WorkloadKind(name: "trace", summary: "a recorded request rate, each pod from another second on") {
    guard let settings = $0.settings.trace else {
      throw SimulationError("workload 'trace' has no file, expected trace.path")
    }
    try validate("trace.noise", settings.noise, in: 0...10)
    if let start = settings.start { try validate("trace.start", start, in: 0...1_000_000_000, "seconds") }
    if let offset = settings.offset { try validate("trace.offset", offset, in: 0...1_000_000_000, "seconds") }
    var trace = try Trace.load(settings.path)
    if settings.from != nil || settings.to != nil {
      let (from, to) = (settings.from ?? 0, settings.to ?? trace.seconds)
      guard from >= 0, from < to, to <= trace.seconds else {
        throw SimulationError(
          "seconds \(from) to \(to) of trace \(trace.name), expected a part of its 0 to \(trace.seconds)")
      }
      trace = try trace.spliced(from..<to)
    }
    for path in settings.followers { trace = try trace.spliced(0..<trace.seconds, with: Trace.load(path)) }
    trace = try trace.compressed(by: settings.compression).smoothed(window: settings.smoothing)
    if settings.isRescaled {
      trace = try trace.rescaled(mean: $0.mean)
    } else if trace.mean > Workload.largestMean {
      throw SimulationError(
        "trace \(trace.name) has a mean of \(trace.mean) requests/s, expected at most \(Workload.largestMean); it has to be "
          + "scaled to what one pod gets")
    }
    return TraceLoad(trace: trace, noise: settings.noise, start: settings.start, offset: settings.offset)
  }

  let trace: Trace
  let noise: Double
  let start: Int?
  let offset: Int?

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    let first: Int
    if let start {
      first = start + (offset.map { context.pod * $0 } ?? context.pod * trace.seconds / context.pods)
    } else {
      first = context.random.below(min(trace.seconds, 1 << 32))
    }
    for second in rates.indices {
      let factor = noise > 0 ? context.random.logNormal(mean: 1, variation: noise) : 1
      rates[second] = Float(min(trace[cyclic: first + second] * factor, 1e6))
    }
  }
}
