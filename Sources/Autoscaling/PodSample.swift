/// CPU in thousandths of a core. Limits sent to a cluster are multiples of 10.
public typealias Millicores = Int

/// Response times of the requests that ended within one sample's interval, in seconds.
public struct ResponseTimes: Sendable, Equatable {
  public var mean: Double
  public var p95: Double

  public init(mean: Double, p95: Double) {
    self.mean = mean
    self.p95 = p95
  }
}

/// What was measured of one pod over one interval. Everything the decision path may know about a pod comes in here, from
/// a simulated pod and from a real one alike.
public struct PodSample: Sendable, Equatable {
  /// The sample's own time, seconds. A sample that is not newer than the last one is stale, never zero.
  public var time: Double
  /// The limit in force at `time`, millicores.
  public var limit: Millicores
  /// The CPU request at `time`, millicores.
  public var request: Millicores
  /// CPU used, millicores, averaged over the interval (Δ counter ÷ true interval); may exceed `limit`.
  public var usage: Double
  /// Δnr_throttled ÷ Δnr_periods over the interval, 0…1.
  public var throttledFraction: Double
  /// Bytes in use; 0 where the source does not know.
  public var memory: Int
  /// nil where the source does not measure requests.
  public var responseTimes: ResponseTimes?
  /// CPU used in each CFS period of the interval; nil where the source reads too rarely to tell.
  public var periodUsage: PeriodUsage?
  /// false when at `time` there is no such pod: it has not arrived yet or has left. Nothing else in the sample counts then.
  public var isPresent = true

  /// The sample of a pod that is not there.
  public static func absent(at time: Double) -> PodSample {
    var sample = PodSample(time: time, limit: 0, request: 0, usage: 0)
    sample.isPresent = false
    return sample
  }

  public init(
    time: Double, limit: Millicores, request: Millicores, usage: Double, throttledFraction: Double = 0, memory: Int = 0,
    responseTimes: ResponseTimes? = nil
  ) {
    self.time = time
    self.limit = limit
    self.request = request
    self.usage = usage
    self.throttledFraction = throttledFraction
    self.memory = memory
    self.responseTimes = responseTimes
  }

  /// Usage as a share of the limit, percent; 0 when there is no limit. Not clipped: bursts and quota rewrites exceed 100.
  @inlinable
  public var utilisation: Double { limit > 0 ? usage / Double(limit) * 100 : 0 }
}
