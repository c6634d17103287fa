import Autoscaling
import RandomStreams

/// How old, and averaged over how long, what the agent sees of a pod is.
///
/// A pod's counters are read once every `interval`; the reading is at hand `delay` later, and until the next one is it is all
/// that is known. Each pod of each episode draws an interval, a delay, a phase and a noise of its own and keeps them. Readings fall on
/// whole seconds, the resolution of `PodCluster`. Usage and throttling are those of the whole time between two readings, as
/// cumulative counters give them.
///
/// Decoding fills missing keys with those of `direct`.
public struct MetricLag: Codable, Equatable, Sendable {
  /// Seconds between two readings, 1…300; drawn values are rounded to whole seconds.
  public var interval: Randomization.Range
  /// Seconds from a reading until the agent has it, 0…60.
  public var delay: Randomization.Range
  /// Relative standard deviation of what is read, 0…1: usage, throttled fraction and response times are each multiplied by
  /// a log-normal factor of mean 1, independent from reading to reading. Time stamps cut to seconds do this to usage.
  public var noise: Randomization.Range

  public init(
    interval: Randomization.Range, delay: Randomization.Range = .init(0, 0), noise: Randomization.Range = .init(0, 0)
  ) {
    self.interval = interval
    self.delay = delay
    self.noise = noise
  }

  /// The second that has just passed: what a cgroup's counters show that are read every second.
  public static let direct = MetricLag(interval: .init(1, 1))
  /// The kubelet's own readings, which its housekeeping takes every 10 to 15 s.
  public static let kubelet = MetricLag(interval: .init(10, 15), delay: .init(0, 1))
  /// The metrics-server's, every 15 s; what it reads of the kubelet is up to a housekeeping interval old by then.
  public static let metricsServer = MetricLag(interval: .init(15, 15), delay: .init(0, 10))
  /// Everything between reading cgroups and scraping, for training.
  public static let any = MetricLag(interval: .init(1, 15), delay: .init(0, 2))

  /// The names that a flag or a file may give.
  public static let names = ["direct", "cgroup", "kubelet", "metrics-server", "any"]

  /// - Throws: `SimulationError` for a name that is not one of `names`.
  public static func named(_ name: String) throws -> MetricLag {
    switch name {
    case "direct", "cgroup": direct
    case "kubelet": kubelet
    case "metrics-server": metricsServer
    case "any": any
    default:
      throw SimulationError("unknown metrics '\(name)', expected one of: \(names.joined(separator: " "))")
    }
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    interval = try values.decodeIfPresent(Randomization.Range.self, forKey: .interval) ?? Self.direct.interval
    delay = try values.decodeIfPresent(Randomization.Range.self, forKey: .delay) ?? Self.direct.delay
    noise = try values.decodeIfPresent(Randomization.Range.self, forKey: .noise) ?? Self.direct.noise
  }

  public func validate() throws {
    try interval.validate("metrics.interval", within: 1...300, "seconds")
    try delay.validate("metrics.delay", within: 0...60, "seconds")
    try noise.validate("metrics.noise", within: 0...1)
  }

  /// Whether every second is seen as it was and as soon as it has passed.
  var isDirect: Bool { interval.to < 1.5 && delay.to == 0 && noise.to == 0 }
}

/// Reads the pods of a cluster as a lagging metric source does. Allocates in `init` only.
final class LaggingMetrics {
  /// One pod's counters since the episode began and what was read of them.
  fileprivate struct Place {
    var interval = 1
    var phase = 0
    var delay = 0.0
    // Since the last reading.
    var seconds = 0
    var usage = 0.0
    var periods = 0
    var throttledPeriods = 0
    var ended = 0
    var responseSum = 0.0
    var p95Sum = 0.0
    /// Readings made; number n lies in slot n modulo `slots`.
    var readings = 0
    /// The pod's relative standard deviation, and where its factors come from.
    var noise = 0.0
    var random = RandomStream(seed: 0, stream: 0)
  }

  private let lag: MetricLag
  private let seed: UInt64
  private let count: Int
  private let slots: Int
  private let places: UnsafeMutablePointer<Place>
  private let readings: UnsafeMutablePointer<PodSample>

  /// - Parameter lag: valid.
  init(_ lag: MetricLag, places count: Int, seed: UInt64) {
    self.lag = lag
    self.seed = seed
    self.count = count
    // As many as can be on their way at once, the one in force and the one being made.
    slots = Int(lag.delay.to / max(lag.interval.from.rounded(), 1)) + 3
    places = .allocate(capacity: count)
    places.initialize(repeating: Place(), count: count)
    readings = .allocate(capacity: count * slots)
    readings.initialize(repeating: .absent(at: 0), count: count * slots)
  }

  deinit {
    places.deallocate()
    readings.deallocate()
  }

  /// Begins a pod's episode.
  func reset(_ place: Int, pod: Int, episode: Int) {
    var random = RandomStream(seed: seed, purpose: "metric lag", pod, episode)
    var fresh = Place()
    fresh.interval = max(Int(lag.interval.draw(&random).rounded()), 1)
    fresh.delay = lag.delay.draw(&random)
    fresh.phase = random.below(fresh.interval)
    fresh.random = RandomStream(seed: seed, purpose: "metric noise", pod, episode)
    fresh.noise = lag.noise.draw(&fresh.random)
    places[place] = fresh
  }

  /// Forgets all readings: a pod has arrived that nothing is known of.
  func forget(_ place: Int) {
    places[place] = places[place].successor
  }

  /// Takes in the second that has passed, whose direct sample is `sample`, and reads the counters if it is time. The first
  /// second is always read: whoever watches a pod has a reading of it to begin with.
  func note(_ second: PodSecond, _ sample: PodSample, at time: Int, place index: Int) {
    let place = places + index
    place.pointee.seconds += 1
    place.pointee.usage += second.usage
    place.pointee.periods += second.periods
    place.pointee.throttledPeriods += second.throttledPeriods
    place.pointee.ended += second.ended
    place.pointee.responseSum += second.mean * Double(second.ended)
    place.pointee.p95Sum += second.p95 * Double(second.ended)
    let now = place.pointee
    guard now.readings == 0 || time % now.interval == now.phase else { return }
    var reading = sample
    reading.usage = now.usage / Double(now.seconds)
    if now.seconds > 1 { reading.periodUsage = nil }
    reading.throttledFraction = now.periods > 0 ? Double(now.throttledPeriods) / Double(now.periods) : 0
    if now.ended > 0 {
      // The window's P95 is taken as the mean of its seconds', each weighted by its requests.
      reading.responseTimes = ResponseTimes(
        mean: now.responseSum / Double(now.ended), p95: now.p95Sum / Double(now.ended))
    }
    if now.noise > 0 { place.pointee.blur(&reading) }
    readings[index * slots + now.readings % slots] = reading
    place.pointee = place.pointee.successor
    place.pointee.readings = now.readings + 1
  }

  /// The newest reading that is at hand at `time`; nil before the first second.
  func reading(at time: Int, place index: Int) -> PodSample? {
    let place = places[index]
    guard place.readings > 0 else { return nil }
    let oldest = max(place.readings - slots, 0)
    var number = place.readings - 1
    while number > oldest, readings[index * slots + number % slots].time + place.delay > Double(time) { number -= 1 }
    return readings[index * slots + number % slots]
  }
}

extension LaggingMetrics.Place {
  /// The same pod with fresh counters and no readings.
  fileprivate var successor: Self {
    var next = Self()
    next.interval = interval
    next.phase = phase
    next.delay = delay
    next.noise = noise
    next.random = random
    return next
  }

  fileprivate mutating func blur(_ reading: inout PodSample) {
    let usage = random.logNormal(mean: 1, variation: noise)
    let throttling = random.logNormal(mean: 1, variation: noise)
    let times = random.logNormal(mean: 1, variation: noise)
    reading.usage *= usage
    reading.throttledFraction = min(reading.throttledFraction * throttling, 1)
    reading.periodUsage?.values *= Float(usage)
    if let exact = reading.responseTimes {
      reading.responseTimes = ResponseTimes(mean: exact.mean * times, p95: exact.p95 * times)
    }
  }
}
