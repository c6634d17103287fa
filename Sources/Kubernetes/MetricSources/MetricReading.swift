import Autoscaling

/// A container's counters at one point in time, as a source tells them. Everything cumulative counts since the container
/// started; a source that does not know a counter leaves it nil.
public struct ContainerCounters: Sendable, Equatable {
  /// The sample's own time, not the time it was fetched.
  public var time: Timestamp
  /// CPU time used, nanoseconds.
  public var cpuNanoseconds: Int64
  /// CFS periods in which there was something to run, those of them that were throttled, and the time spent throttled.
  public var periods: Int64?
  public var throttledPeriods: Int64?
  public var throttledNanoseconds: Int64?
  /// Time in which some task waited for CPU (PSI), nanoseconds.
  public var cpuPressureNanoseconds: Int64?
  /// Time in which some task waited for memory (PSI), nanoseconds.
  public var memoryPressureNanoseconds: Int64?
  public var outOfMemoryKills: Int64?
  /// Bytes in use.
  public var memory: Int
  /// The limit in force, millicores, where the source tells it.
  public var limit: Millicores?

  public init(time: Timestamp, cpuNanoseconds: Int64, memory: Int = 0, limit: Millicores? = nil) {
    self.time = time
    self.cpuNanoseconds = cpuNanoseconds
    self.memory = memory
    self.limit = limit
  }
}

/// What sources that give averages instead of counters tell.
public struct AverageUsage: Sendable, Equatable {
  public var time: Timestamp
  /// Millicores, averaged over the source's own window.
  public var usage: Double
  /// Bytes.
  public var memory: Int

  public init(time: Timestamp, usage: Double, memory: Int) {
    self.time = time
    self.usage = usage
    self.memory = memory
  }
}

public enum ContainerReading: Sendable, Equatable {
  case counters(ContainerCounters)
  case average(AverageUsage)

  public var time: Timestamp {
    switch self {
    case .counters(let counters): counters.time
    case .average(let average): average.time
    }
  }
}

/// How a source names a container: by pod and name, or by the runtime's identifier.
public enum MetricKey: Sendable, Hashable {
  case container(namespace: String, pod: String, name: String)
  case id(String)
}

/// What one look at a source gave.
public struct MetricSnapshot: Sendable, Equatable {
  public var readings: [MetricKey: ContainerReading]
  /// Lines or entries that could not be read.
  public var unreadable: Int

  public init(readings: [MetricKey: ContainerReading] = [:], unreadable: Int = 0) {
    self.readings = readings
    self.unreadable = unreadable
  }

  public func reading(of pod: SelectedPod) -> ContainerReading? {
    readings[.container(namespace: pod.namespace, pod: pod.name, name: pod.container)] ?? readings[.id(pod.containerID)]
  }

  /// Keeps the newer reading of each container: after a restart the old one's numbers linger for a while.
  mutating func put(_ key: MetricKey, _ reading: ContainerReading) {
    if let held = readings[key], held.time >= reading.time { return }
    readings[key] = reading
  }

  public mutating func merge(_ other: MetricSnapshot) {
    for (key, reading) in other.readings { put(key, reading) }
    unreadable += other.unreadable
  }
}

/// Somewhere to read what containers use. Calls block.
public protocol MetricSource: Sendable {
  /// As `--metrics` names it.
  var name: String { get }
  /// Whether every node is asked separately, so that one can answer while another does not.
  var isReadByNode: Bool { get }
  func read(_ pods: [SelectedPod]) throws(ClusterError) -> MetricSnapshot
}

extension MetricSource {
  public var isReadByNode: Bool { false }
}

/// Turns one container's readings into samples: counter differences divided by the difference of the samples' own times, at
/// full precision. Pure.
public struct SampleMeter: Sendable, Equatable {
  public enum Outcome: Sendable, Equatable {
    case sample(PodSample)
    /// Not newer than the last one: no news, never zero usage.
    case stale
    /// The first reading, or the first after a restart or a counter's jump: differences come with the next.
    case first
  }

  private var last: ContainerReading?
  /// The limit in force as the source told it last. A reading that lacks it (half an answer) says nothing new about it, and
  /// what the pod's status says may be older than what the source has told already.
  private var toldLimit: Millicores?
  /// The limit of the last sample or first reading.
  private var limitBefore: Millicores = 0

  public init() {}

  /// - Parameters:
  ///   - limit: in force, millicores, where the reading does not tell it better.
  ///   - request: millicores.
  public mutating func take(_ reading: ContainerReading, limit: Millicores, request: Millicores) -> Outcome {
    if let last, reading.time <= last.time { return .stale }
    defer { last = reading }
    if case .counters(let counters) = reading, let limit = counters.limit { toldLimit = limit }
    let limit = toldLimit ?? limit
    let limitMaximum = max(limit, limitBefore)
    limitBefore = limit
    switch (reading, last) {
    case (.average(let average), _):
      return .sample(
        PodSample(
          time: average.time.seconds, limit: limit, request: request, usage: average.usage, memory: average.memory))
    case (.counters(let counters), .counters(let earlier)?) where counters.cpuNanoseconds >= earlier.cpuNanoseconds:
      let sample = Self.sample(counters, since: earlier, limit: limit, request: request)
      let interval = counters.time.seconds(since: earlier.time)
      return Self.isPossible(sample.usage, under: limitMaximum, for: interval) ? .sample(sample) : .first
    case (.counters, _): return .first
    }
  }

  /// Whether a container can have used so much (millicores) under a limit. What it cannot is a counter that was told too low for
  /// a while and then jumped; an agent would remember such a peak for long.
  ///
  /// An interval may have two and a half periods more of quota than its length says: at its ends, and where the quota was written.
  /// 50m is for the slices that the kernel hands out at small limits.
  private static func isPossible(_ usage: Double, under limit: Millicores, for interval: Double) -> Bool {
    guard limit > 0, interval > 0 else { return true }
    return usage <= Double(limit) * (1.05 + 0.25 / interval) + 50
  }

  /// The sample between two readings of one container.
  ///
  ///     usage = Δcpu ÷ Δt;   throttled fraction = Δnr_throttled ÷ Δnr_periods
  ///
  /// A source that knows the time spent throttled but not the periods gives Δthrottled ÷ Δt instead, at most 1.
  public static func sample(
    _ now: ContainerCounters, since earlier: ContainerCounters, limit: Millicores, request: Millicores
  ) -> PodSample {
    let interval = now.time.seconds(since: earlier.time)
    var sample = PodSample(
      time: now.time.seconds, limit: now.limit ?? limit, request: request,
      // Nanoseconds per second are millionths of a millicore.
      usage: interval > 0 ? Double(now.cpuNanoseconds &- earlier.cpuNanoseconds) / interval / 1e6 : 0,
      memory: now.memory)
    if let periods = now.periods, let before = earlier.periods, let throttled = now.throttledPeriods,
      let throttledBefore = earlier.throttledPeriods
    {
      let elapsed = periods &- before
      if elapsed > 0 {
        sample.throttledFraction = min(max(Double(throttled &- throttledBefore) / Double(elapsed), 0), 1)
      }
    } else if let throttled = now.throttledNanoseconds, let before = earlier.throttledNanoseconds, interval > 0 {
      sample.throttledFraction = min(max(Double(throttled &- before) / 1e9 / interval, 0), 1)
    }
    return sample
  }
}

/// The meters of all driven pods. Pure.
public struct PodMeters: Sendable, Equatable {
  private var meters: [String: SampleMeter] = [:]

  public init() {}

  /// One outcome a pod, in their order; a pod that the snapshot does not know is stale. Meters of pods that are no longer
  /// driven are dropped; a restarted container begins afresh.
  public mutating func take(_ snapshot: MetricSnapshot, of pods: [SelectedPod]) -> [SampleMeter.Outcome] {
    var kept: [String: SampleMeter] = [:]
    kept.reserveCapacity(pods.count)
    let outcomes = pods.map { pod -> SampleMeter.Outcome in
      let key = pod.meterKey
      var meter = meters[key] ?? SampleMeter()
      let outcome = snapshot.reading(of: pod).map { meter.take($0, limit: pod.limit, request: pod.request) } ?? .stale
      kept[key] = meter
      return outcome
    }
    meters = kept
    return outcomes
  }
}

/// A number from outside as an integer; nil for NaN and what does not fit.
func whole(_ value: Double) -> Int64? { Int64(exactly: value.rounded()) }

/// Quota and period (microseconds) as a limit in millicores; nil for no limit.
func cpuLimit(quota: Int64, period: Int64) -> Millicores? {
  guard quota > 0, period > 0 else { return nil }
  let (scaled, overflow) = quota.multipliedReportingOverflow(by: 1000)
  return overflow ? nil : Int(min((Double(scaled) / Double(period)).rounded(), 0x1p40))
}
