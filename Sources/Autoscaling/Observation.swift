/// One number of an observation row.
public enum ObservationField: String, Sendable, Codable, CaseIterable {
  case limit, usage, available, utilisation
  case otherUtilisation = "other_utilisation"
  case priority
  case otherPriorities = "other_priorities"

  // Of `LoadHistory`; what each is stands there.
  case usageNow = "usage_now"
  case usageBefore = "usage_before"
  case usageTwoBefore = "usage_two_before"
  case usage3 = "usage_3s"
  case usage30 = "usage_30s"
  case usage120 = "usage_120s"
  case usagePeak = "usage_peak"
  case usageSpread10 = "usage_spread_10s"
  case usageSpread60 = "usage_spread_60s"
  case usageGrain = "usage_grain"
  case limitRatio = "limit_ratio"
  case limitStep = "limit_step"
  case sinceResize = "since_resize"
  case throttledNow = "throttled_now"
  case throttledBefore = "throttled_before"
  case throttled5 = "throttled_5s"
  case throttled60 = "throttled_60s"
  case responseMean = "response_mean"
  case responseTail = "response_tail"
  case responseTail30 = "response_tail_30s"
  case responseTypical = "response_typical"
  case knowsResponses = "knows_responses"
  case lastPeriod = "last_period"
  case lastPeriods = "last_periods"
  case saturatedRun = "saturated_run"
  case knowsPeriods = "knows_periods"
  case levelCores = "level_cores"
  case poolSlack = "pool_slack"
  case poolDemand = "pool_demand"
  case poolShare = "pool_share"
  case relativePriority = "relative_priority"
  case caution
  case experience

  /// Whether it is read off a pod's load history rather than off its newest reading.
  var needsHistory: Bool {
    switch self {
    case .limit, .usage, .available, .utilisation, .otherUtilisation, .priority, .otherPriorities: false
    default: true
    }
  }
}

/// What a network sees of a pod: the last `history` readings, oldest first, each reduced to `fields`.
///
/// Element `t · fields.count + f` is field `f` of reading `t`. The published agents use the seven `shared` fields (42
/// numbers) or the five `independent` ones (30 numbers) with a history of six.
///
/// - Source: the published system's environment; its golden is `observation_stacking.json`.
public struct ObservationSpec: Sendable, Equatable {
  public var name: String
  public var fields: [ObservationField]
  public var history: Int
  /// The response time, seconds, that fields of response times are measured against; the published fields have none.
  public var slo: Double
  /// How dear a late request is to the operator, in doublings of the price that agents were trained around: what they see of
  /// it makes one policy a whole front between CPU and response times. Agents trained at one price ignore it.
  public var caution = 0.0
  /// Treats response times or CFS periods as unknown even where the source tells them: so that agents learn to do without,
  /// as on clusters where nobody measures them.
  public var hidesResponses = false
  public var hidesPeriods = false

  public init(name: String, fields: [ObservationField], history: Int, slo: Double = 0.25) {
    self.name = name
    self.fields = fields
    self.history = history
    self.slo = slo
  }

  /// A pod and the means of its neighbours.
  public static let shared = ObservationSpec(
    name: "shared",
    fields: [.limit, .usage, .available, .utilisation, .otherUtilisation, .priority, .otherPriorities], history: 6)
  /// A pod by itself.
  public static let independent = ObservationSpec(
    name: "independent", fields: [.limit, .usage, .available, .utilisation, .priority], history: 6)

  /// Our own: a pod's load history against its own level, throttling, response times against the SLO, and how scarce the
  /// pool is. Nothing in it depends on how many pods there are or how large the pool is, so that one policy serves any number.
  /// What it means never changes; a richer one would be a `v2`.
  public static let autoscaleV1 = ObservationSpec(
    name: "autoscale-v1",
    fields: [
      .usageNow, .usageBefore, .usageTwoBefore, .usage3, .usage30, .usage120, .usagePeak, .usageSpread10,
      .usageSpread60, .usageGrain, .limitRatio, .limitStep, .sinceResize, .throttledNow, .throttledBefore, .throttled5,
      .throttled60,
      .responseMean, .responseTail, .responseTail30, .responseTypical, .knowsResponses, .lastPeriod, .lastPeriods,
      .saturatedRun, .knowsPeriods, .levelCores, .poolSlack, .poolDemand, .poolShare,
      .relativePriority, .caution, .experience,
    ], history: 1)

  /// Every observation that can be asked for by name.
  public static let all: [ObservationSpec] = [.shared, .independent, .autoscaleV1]

  public static func named(_ name: String) -> ObservationSpec? { all.first { $0.name == name } }

  /// Numbers in one reading.
  public var width: Int { fields.count }
  /// Numbers in one observation: what a network takes as input.
  public var size: Int { fields.count * history }
  /// Whether any field is read off the pods' load histories.
  public var needsHistory: Bool { fields.contains(where: \.needsHistory) }
  /// Whether CFS periods make a difference: a source that can tell them should.
  public var usesPeriods: Bool { fields.contains(.knowsPeriods) && !hidesPeriods }
}

/// One reading of one pod with what surrounds it, before scaling.
public struct Reading: Sendable, Equatable {
  /// Millicores.
  public var limit: Double
  /// Millicores.
  public var usage: Double
  /// Budget less all allocations, millicores; may be negative.
  public var available: Double
  /// Percent of the limit; may exceed 100.
  public var utilisation: Double
  /// Mean utilisation of the other pods, percent; 0 without others.
  public var otherUtilisation: Double
  public var priority: Double
  /// Mean priority of the other pods; 0 without others.
  public var otherPriorities: Double

  public init(
    limit: Double, usage: Double, available: Double, utilisation: Double, otherUtilisation: Double, priority: Double,
    otherPriorities: Double
  ) {
    self.limit = limit
    self.usage = usage
    self.available = available
    self.utilisation = utilisation
    self.otherUtilisation = otherUtilisation
    self.priority = priority
    self.otherPriorities = otherPriorities
  }

  /// The value of one field, scaled: CPU by `budget` (millicores), percentages by 100, priorities as they are. Nothing
  /// is clipped: a saturated pod reads above 1 and an overdrawn pool below 0.
  @inlinable
  func scaled(_ field: ObservationField, budget: Double) -> Float {
    switch field {
    case .limit: Float(limit / budget)
    case .usage: Float(usage / budget)
    case .available: Float(available / budget)
    case .utilisation: Float(utilisation / 100)
    case .otherUtilisation: Float(otherUtilisation / 100)
    case .priority: Float(priority)
    case .otherPriorities: Float(otherPriorities)
    default: 0
    }
  }
}

/// The observations of many pods as one matrix `[rows, spec.size]`, ready to be multiplied by a network's first layer.
///
/// One that `keepsLast` is two: while the newest observations are made, those before them stay, for who learns from both.
///
/// Owns its memory (64-byte aligned). A row is shifted by one reading when a new one arrives, so that it stays contiguous;
/// for 42 numbers that costs less than a gather would.
public final class ObservationMatrix: @unchecked Sendable {  // written by one thread per row
  public let spec: ObservationSpec
  public let rows: Int
  public private(set) var values: UnsafeMutablePointer<Float>
  /// The observations before the last `turn`; `values` where they are not kept.
  public private(set) var lastValues: UnsafeMutablePointer<Float>

  public init(spec: ObservationSpec, rows: Int, keepsLast: Bool = false) {
    precondition(rows > 0 && spec.size > 0, "observation matrix: \(rows) rows of \(spec.size)")
    self.spec = spec
    self.rows = rows
    func zeros() -> UnsafeMutablePointer<Float> {
      UnsafeMutableRawPointer.allocate(byteCount: rows * spec.size * MemoryLayout<Float>.stride, alignment: 64)
        .initializeMemory(as: Float.self, repeating: 0, count: rows * spec.size)
    }
    values = zeros()
    lastValues = keepsLast ? zeros() : values
  }

  deinit {
    if lastValues != values { lastValues.deallocate() }
    values.deallocate()
  }

  /// What is here becomes what was before; every row is then appended to, filled, copied or kept.
  public func turn() { swap(&values, &lastValues) }

  /// Leaves `row` as it was.
  func keep(row: Int) {
    if lastValues != values { self.row(row).update(from: lastRow(row), count: spec.size) }
  }

  /// The observation in `row`: `[spec.size]`.
  public func row(_ row: Int) -> UnsafeMutablePointer<Float> { values + row * spec.size }
  private func lastRow(_ row: Int) -> UnsafeMutablePointer<Float> { lastValues + row * spec.size }

  /// Drops the oldest reading of `row` and appends `reading`. `budget` scales this reading only; older ones keep theirs.
  public func append(_ reading: Reading, toRow row: Int, budget: Double) {
    let width = spec.width
    let start = self.row(row)
    start.update(from: lastRow(row) + width, count: spec.size - width)
    store(reading, at: start + (spec.size - width), budget: budget)
  }

  /// Makes `row` the newest reading repeated over the whole history: what an agent sees first of a pod it never saw.
  public func fill(_ reading: Reading, row: Int, budget: Double) {
    let width = spec.width
    let start = self.row(row)
    store(reading, at: start, budget: budget)
    for time in 1..<max(spec.history, 1) { (start + time * width).update(from: start, count: width) }
  }

  /// Appends a reading with what is read off the pod's load history, or, for a pod never seen before, fills the row with it.
  func stack(
    _ reading: Reading, history: LoadHistory, surroundings: LoadSurroundings, row: Int, budget: Double, caution: Double,
    isFirst: Bool
  ) {
    let width = spec.width
    let start = self.row(row)
    let place = isFirst ? start : start + (spec.size - width)
    if !isFirst { start.update(from: lastRow(row) + width, count: spec.size - width) }
    for index in 0..<width {
      let field = spec.fields[index]
      place[index] =
        field.needsHistory
        ? history.value(
          of: field, spec: spec, reading: reading, surroundings: surroundings, capacity: budget, caution: caution)
        : reading.scaled(field, budget: budget)
    }
    if isFirst { for time in 1..<max(spec.history, 1) { (start + time * width).update(from: start, count: width) } }
  }

  /// Forgets everything in `row`.
  public func clear(row: Int) { self.row(row).update(repeating: 0, count: spec.size) }

  private func store(_ reading: Reading, at place: UnsafeMutablePointer<Float>, budget: Double) {
    for index in 0..<spec.fields.count { place[index] = reading.scaled(spec.fields[index], budget: budget) }
  }
}
