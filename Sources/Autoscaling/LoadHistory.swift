import Glibc

/// What is remembered of one pod's load: averages over several times, their spread, throttling, response times.
///
/// All of it is updated in constant time and memory when a reading comes, and weighs readings by the time between them, so
/// that it means the same whether a pod is read every second or every fifteen. An average over τ seconds is
///
///     x̄ ← x̄ + α · (x − x̄),   α = max(1 − exp(−Δt / τ), 1 / readings)
///
/// whose second part makes it the plain mean until enough has been seen. CPU in millicores, times in seconds.
public struct LoadHistory: Sendable, Equatable {
  /// Readings taken since the pod was first seen.
  public private(set) var readings = 0
  /// The newest usage and the two before it.
  public private(set) var usage = 0.0
  public private(set) var usageBefore = 0.0
  public private(set) var usageTwoBefore = 0.0
  /// Average usage over 3, 10, 30 and 120 s.
  public private(set) var usage3 = 0.0
  public private(set) var usage10 = 0.0
  public private(set) var usage30 = 0.0
  public private(set) var usage120 = 0.0
  /// The highest usage, forgotten with a time constant of 20 s.
  public private(set) var peak = 0.0
  /// Mean squared distance of usage from its 10-s average so far, over 10 and 60 s, millicores². Divided by the level it is
  /// the grain of the load: what one request uses, where requests come at random.
  public private(set) var variance10 = 0.0
  public private(set) var variance60 = 0.0
  public private(set) var throttled = 0.0
  public private(set) var throttledBefore = 0.0
  /// Average throttled fraction over 5 and 60 s.
  public private(set) var throttled5 = 0.0
  public private(set) var throttled60 = 0.0
  /// Response times as shares r ÷ (r + SLO) of the newest reading, mean and 95th percentile, and the latter's average over
  /// 30 s; a half is a response time that just meets the SLO. 0 where response times are not known.
  public private(set) var meanPressure = 0.0
  public private(set) var tailPressure = 0.0
  public private(set) var tailPressure30 = 0.0
  public private(set) var knowsResponses = false
  /// Average of the mean response time over 60 s, seconds: what an unhurried request takes; 0 where it is not known.
  public private(set) var meanResponse60 = 0.0
  /// Usage ÷ limit of the newest reading's last CFS period and of its last three: whether the pod has work waiting now, not
  /// only on average. 0 where periods are not known.
  public private(set) var lastPeriod = 0.0
  public private(set) var lastPeriods = 0.0
  /// The periods at the reading's end that used up their limit without a break, as a share of ten.
  public private(set) var saturatedRun = 0.0
  public private(set) var knowsPeriods = false
  public private(set) var limit: Millicores = 0
  public private(set) var limitBefore: Millicores = 0
  /// Seconds since the limit last changed.
  public private(set) var sinceResize = 0.0
  private var time = 0.0

  public init() {}

  /// What action and observation measure other CPU against: the average over 10 s, at least `levelMinimum`.
  public var level: Double { max(usage10, Self.levelMinimum) }
  /// Millicores: a pod that does nothing still has a level to be a multiple of.
  public static let levelMinimum = 10.0

  /// Takes in a newer reading.
  ///
  /// - Parameter spec: for the response time that counts as a half, and for what is hidden.
  public mutating func take(_ sample: PodSample, spec: ObservationSpec) {
    let isFirst = readings == 0
    readings += 1
    let step = isFirst ? 0 : max(sample.time - time, 0)
    time = sample.time
    let first = 1 / Double(readings)
    func weight(_ seconds: Double) -> Double { max(1 - exp(-step / seconds), first) }
    let weight10 = weight(10)
    let weight30 = weight(30)
    let weight60 = weight(60)

    (usageTwoBefore, usageBefore, usage) =
      isFirst ? (sample.usage, sample.usage, sample.usage) : (usageBefore, usage, sample.usage)
    let distance = isFirst ? 0 : usage - usage10
    variance10 += weight10 * (distance * distance - variance10)
    variance60 += weight60 * (distance * distance - variance60)
    usage3 += weight(3) * (usage - usage3)
    usage10 += weight10 * (usage - usage10)
    usage30 += weight30 * (usage - usage30)
    usage120 += weight(120) * (usage - usage120)
    peak = max(usage, peak * exp(-step / 20))

    throttledBefore = isFirst ? sample.throttledFraction : throttled
    throttled = sample.throttledFraction
    throttled5 += weight(5) * (throttled - throttled5)
    throttled60 += weight60 * (throttled - throttled60)

    let responses = spec.hidesResponses ? nil : sample.responseTimes
    knowsResponses = responses != nil
    meanPressure = responses.map { $0.mean / ($0.mean + spec.slo) } ?? 0
    tailPressure = responses.map { $0.p95 / ($0.p95 + spec.slo) } ?? 0
    tailPressure30 += weight30 * (tailPressure - tailPressure30)
    meanResponse60 += weight60 * ((responses?.mean ?? 0) - meanResponse60)
    take(spec.hidesPeriods ? nil : sample.periodUsage, limit: Double(max(sample.limit, 1)))

    limitBefore = isFirst ? sample.limit : limit
    limit = sample.limit
    sinceResize = isFirst || limit != limitBefore ? 0 : sinceResize + step
  }
}

extension LoadHistory {
  /// A period that used this share of its limit had no more to use: it ends within a slice of the quota.
  private static let saturation = 0.93

  private mutating func take(_ periods: PeriodUsage?, limit: Double) {
    (lastPeriod, lastPeriods, saturatedRun) = (0, 0, 0)
    knowsPeriods = (periods?.count ?? 0) > 0
    guard let periods, periods.count > 0 else { return }
    let count = min(periods.count, PeriodUsage.capacity)
    lastPeriod = min(Double(periods.values[count - 1]) / limit, 2)
    let last = max(count - 3, 0)..<count
    for place in last { lastPeriods += Double(periods.values[place]) / limit }
    lastPeriods = min(lastPeriods / Double(last.count), 2)
    var place = count - 1
    while place >= 0, Double(periods.values[place]) >= Self.saturation * limit { place -= 1 }
    saturatedRun = min(Double(count - 1 - place) / 10, 1)
  }
}

/// What a pod's load is among its neighbours'.
struct LoadSurroundings {
  /// Pods present, their levels' sum (millicores) and their mean priority.
  var pods = 1
  var levels = 0.0
  var meanPriority = 1.0
}

extension LoadHistory {
  /// One number of an `autoscale` observation: a logarithm to base 2 of a ratio to the level, a share, or a share squashed
  /// into 0…1. All are bounded, and none depends on how many pods share the pool or how large it is.
  func value(
    of field: ObservationField, spec: ObservationSpec, reading: Reading, surroundings: LoadSurroundings,
    capacity: Double, caution: Double
  ) -> Float {
    let value: Double =
      switch field {
      case .usageNow: relative(usage)
      case .usageBefore: relative(usageBefore)
      case .usageTwoBefore: relative(usageTwoBefore)
      case .usage3: relative(usage3)
      case .usage30: relative(usage30)
      case .usage120: relative(usage120)
      case .usagePeak: relative(peak)
      case .usageSpread10: min(variance10.squareRoot() / level, 4)
      case .usageSpread60: min(variance60.squareRoot() / level, 4)
      case .limitRatio: relative(Double(limit))
      case .limitStep: limit == limitBefore ? 0 : Self.ratio(Double(limit), to: Double(limitBefore))
      case .sinceResize: min(sinceResize / 60, 1)
      case .throttledNow: throttled
      case .throttledBefore: throttledBefore
      case .throttled5: throttled5
      case .throttled60: throttled60
      case .responseMean: meanPressure
      case .responseTail: tailPressure
      case .responseTail30: tailPressure30
      case .knowsResponses: knowsResponses ? 1 : 0
      case .responseTypical: knowsResponses ? Self.ratio(meanResponse60, to: spec.slo) / 4 : 0
      case .lastPeriod: lastPeriod
      case .lastPeriods: lastPeriods
      case .saturatedRun: saturatedRun
      case .knowsPeriods: knowsPeriods ? 1 : 0
      case .usageGrain: Self.ratio(variance60 / level, to: 20) / 4
      case .levelCores: Self.ratio(level, to: 100) / 4
      case .poolSlack: min(max(reading.available / capacity, -1), 1)
      case .poolDemand: min(surroundings.levels / capacity, 2)
      case .poolShare: Self.ratio(capacity / Double(surroundings.pods), to: level)
      case .relativePriority: Self.ratio(reading.priority, to: surroundings.meanPriority)
      case .caution: min(max(caution, -4), 4) / 2
      case .experience: min(Double(readings) / 60, 1)
      case .limit, .usage, .available, .utilisation, .otherUtilisation, .priority, .otherPriorities: 0
      }
    return value.isFinite ? Float(value) : 0
  }

  private func relative(_ millicores: Double) -> Double { Self.ratio(millicores, to: level) }

  /// log₂(x ÷ y) within ±4; a CPU of nothing reads as −4.
  private static func ratio(_ x: Double, to y: Double) -> Double {
    guard x > 0, y > 0 else { return x > 0 ? 4 : -4 }
    return min(max(log2(x / y), -4), 4)
  }
}
