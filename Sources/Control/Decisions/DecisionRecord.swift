import Autoscaling
import Foundation

/// The first line of a run in a decision log: everything that decisions rest on beside the samples.
public struct DecisionLogHeader: Codable, Sendable, Equatable {
  /// Which agents decided.
  public struct Agents: Codable, Sendable, Equatable {
    public var checkpoint: String
    public var sha256: String
    public var algorithm: String
    /// The agent whose weights every pod has; nil where pod k has agent k's.
    public var hack: Int?

    public init(checkpoint: String, sha256: String, algorithm: String, hack: Int?) {
      self.checkpoint = checkpoint
      self.sha256 = sha256
      self.algorithm = algorithm
      self.hack = hack
    }
  }

  public struct Shield: Codable, Sendable, Equatable {
    var minimum: Int
    var maximum: Int
    var granularity: Int
    var stepMaximum: Int?
    var deadband: Int
    var sampleAgeMaximum: Double
    var restoreAfter: Double?
    var settlementTimeout: Double
    var waitsForCuts: Bool
  }

  public struct Action: Codable, Sendable, Equatable {
    /// `increments`, `factors`, `delta` or `instant`.
    public var kind: String
    public var count: Int
    public var increment: Int
    public var scale: Int
    /// `limit` or `usage`, and the band of the latter.
    public var basis: String
    public var headroomBand: Double
  }

  /// What an observation has apart from its fields, which its name stands for.
  public struct Seeing: Codable, Sendable, Equatable {
    public var slo: Double
    public var caution: Double
    public var hidesResponses: Bool
    public var hidesPeriods: Bool
  }

  /// Always 1: what this version writes and reads.
  public var decisionLog = 1
  /// true: the run goes on with these settings.
  public var continues: Bool?
  public var version: String
  public var started: String
  public var applies: Bool
  /// Seconds between rounds.
  public var interval: Double
  public var agents: Agents
  /// Millicores.
  public var pool: Int
  public var observation: String
  public var seeing: Seeing
  public var action: Action
  public var shield: Shield
  public var compatibility: String

  public init(
    version: String, started: String, applies: Bool, interval: Double, agents: Agents, settings: DecisionSettings
  ) {
    self.version = version
    self.started = started
    self.applies = applies
    self.interval = interval
    self.agents = agents
    pool = settings.pool.capacity
    observation = settings.observation.name
    seeing = Seeing(
      slo: settings.observation.slo, caution: settings.observation.caution,
      hidesResponses: settings.observation.hidesResponses, hidesPeriods: settings.observation.hidesPeriods)
    let space = settings.action
    let (kind, count) =
      switch space.kind {
      case .increments: ("increments", 3)
      case .factors(let count): ("factors", count)
      case .delta: ("delta", 0)
      case .instant: ("instant", 0)
      }
    action = Action(
      kind: kind, count: count, increment: space.increment, scale: space.scale, basis: space.basis.rawValue,
      headroomBand: space.headroomBand)
    let s = settings.shield
    shield = Shield(
      minimum: s.minimum, maximum: s.maximum, granularity: s.granularity, stepMaximum: s.stepMaximum,
      deadband: s.deadband, sampleAgeMaximum: s.sampleAgeMaximum, restoreAfter: s.restoreAfter,
      settlementTimeout: s.settlementTimeout, waitsForCuts: s.waitsForCuts)
    compatibility = settings.compatibility.rawValue
  }

  /// The settings of the group that decided.
  ///
  /// - Throws: `DecisionLogError` for values that no version has written.
  public func settings() throws -> DecisionSettings {
    guard var spec = ObservationSpec.named(observation), seeing.slo > 0, seeing.slo.isFinite, seeing.caution.isFinite,
      let compatibility = DecisionSettings.Compatibility(rawValue: compatibility)
    else {
      throw DecisionLogError("the log's observation '\(observation)' is not one that this version provides")
    }
    spec.slo = seeing.slo
    spec.caution = seeing.caution
    (spec.hidesResponses, spec.hidesPeriods) = (seeing.hidesResponses, seeing.hidesPeriods)
    let kind: ActionSpace.Kind
    switch action.kind {
    case "increments": kind = .increments
    case "factors" where action.count >= 2: kind = .factors(count: action.count)
    case "delta": kind = .delta
    case "instant": kind = .instant
    default: throw DecisionLogError("the log's action space '\(action.kind)' is not one that this version knows")
    }
    guard let basis = ActionSpace.Basis(rawValue: action.basis), action.headroomBand.isFinite else {
      throw DecisionLogError("the log's actions are based on '\(action.basis)', which this version does not know")
    }
    var space = ActionSpace(kind: kind, increment: action.increment, scale: action.scale, basis: basis)
    space.headroomBand = action.headroomBand
    guard shield.granularity > 0, shield.minimum >= 0, pool >= 0, shield.maximum >= shield.minimum,
      [
        shield.maximum, pool, shield.granularity, shield.stepMaximum ?? 0, action.increment, action.scale,
        shield.deadband,
      ]
      .allSatisfy({ $0.magnitude <= 1 << 40 })
    else {
      throw DecisionLogError("the log's shield or pool is impossible")
    }
    var s = SafetyShield(
      minimum: shield.minimum, maximum: shield.maximum, granularity: shield.granularity,
      stepMaximum: shield.stepMaximum, deadband: shield.deadband, sampleAgeMaximum: shield.sampleAgeMaximum,
      restoreAfter: shield.restoreAfter, settlementTimeout: shield.settlementTimeout)
    s.waitsForCuts = shield.waitsForCuts
    return DecisionSettings(
      pool: ResourcePool(capacity: pool), observation: spec,
      action: space, shield: s,
      compatibility: compatibility)
  }
}

/// A line of a decision log: one round, every place of the group.
public struct DecisionRecord: Codable, Sendable, Equatable {
  /// One place. Absent pods have a name and no sample.
  public struct Pod: Codable, Sendable, Equatable {
    public struct Sample: Codable, Sendable, Equatable {
      public var time: Double
      public var limit: Int
      public var request: Int
      public var usage: Double
      public var throttled: Double
      public var memory: Int
      public var responseMean: Double?
      public var responseP95: Double?
      /// CPU in each CFS period, millicores, and how many of them were throttled; nil where the source does not tell.
      public var periods: [Double]?
      public var periodsThrottled: Int?
    }

    public var name: String
    public var owner: String?
    public var priority: Double
    /// Millicores.
    public var minimum: Int
    public var maximum: Int
    public var original: Int?
    /// false: this pod is only advised.
    public var applied: Bool
    public var sample: Sample?
    /// What the network saw: float32, little-endian, base64; nil where not logged.
    public var observation: String?
    /// The network's output.
    public var action: Double?
    /// The allocation before, and the way from the wish to the limit; millicores.
    public var allocation: Int
    public var wish: Int?
    public var request: Int
    public var grant: Int
    public var from: Int
    public var limit: Int
    public var reasons: [String]
  }

  public var round: Int
  /// Seconds on the samples' clock.
  public var time: Double
  public var reserved: Int
  public var missedRounds: Int
  public var pods: [Pod]
  public var rejectedBefore: [Int]
  public var sent: [Int]
  public var heldBack: [Int]
  public var rejected: [Int]

  /// - Parameters:
  ///   - actions: the networks' outputs, one per place.
  ///   - logsObservations: whether what the networks saw is kept too.
  public init(_ round: ControlRound, _ group: PodGroup, actions: [Float], logsObservations: Bool) {
    self.round = round.number
    time = round.time
    reserved = round.reserved
    missedRounds = round.missedRounds
    rejectedBefore = round.rejectedBefore
    sent = round.sent
    heldBack = round.heldBack
    rejected = round.rejected
    pods = (0..<group.count).map { place in
      let (sample, resize, description) = (group.samples[place], group.resizes[place], group.pods[place])
      let told = place < round.places.count ? round.places[place] : Place(description)
      return Pod(
        name: description.name, owner: told.owner.isEmpty ? nil : told.owner, priority: description.priority,
        minimum: description.bounds.lowerBound, maximum: description.bounds.upperBound, original: told.original,
        applied: told.isApplied, sample: sample.isPresent ? Pod.Sample(sample) : nil,
        observation: logsObservations && sample.isPresent ? group.observationBase64(place) : nil,
        action: place < actions.count && sample.isPresent ? Double(actions[place]) : nil, allocation: resize.allocation,
        wish: resize.wish, request: resize.request, grant: resize.grant, from: resize.from, limit: resize.limit,
        reasons: resize.reasons.names)
    }
  }
}

extension DecisionRecord.Pod.Sample {
  init(_ sample: PodSample) {
    self.init(
      time: sample.time, limit: sample.limit, request: sample.request, usage: sample.usage,
      throttled: sample.throttledFraction, memory: sample.memory, responseMean: sample.responseTimes?.mean,
      responseP95: sample.responseTimes?.p95,
      periods: sample.periodUsage.map { usage in (0..<usage.count).map { Double(usage.values[$0]) } },
      periodsThrottled: sample.periodUsage?.throttled)
  }

  var sample: PodSample {
    var times: ResponseTimes?
    if let responseMean, let responseP95 { times = ResponseTimes(mean: responseMean, p95: responseP95) }
    var sample = PodSample(
      time: time, limit: limit, request: request, usage: usage, throttledFraction: throttled, memory: memory,
      responseTimes: times)
    if let periods {
      var usage = PeriodUsage()
      for period in periods.suffix(PeriodUsage.capacity) { usage.append(Float(period)) }
      usage.throttled = periodsThrottled ?? 0
      sample.periodUsage = usage
    }
    return sample
  }
}

extension PodGroup {
  /// The observation of a place, as the log keeps it.
  func observationBase64(_ place: Int) -> String {
    let row = observations.row(firstRow + place * rowStride)
    let bytes = (0..<settings.observation.size).flatMap { index in
      withUnsafeBytes(of: row[index].bitPattern.littleEndian) { Array($0) }
    }
    return Data(bytes).base64EncodedString()
  }
}

/// A decision log that cannot be used, or does not say what is asked.
public struct DecisionLogError: Error, CustomStringConvertible, Sendable, Equatable {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}
