import Foundation

/// One setting of one policy on one load: its runs, one per seed in the order of the seeds.
public struct PolicyResult: Sendable, Equatable, Codable {
  /// As shown: `captain:target=0.1`.
  public var name: String
  /// The policy, whatever its setting: `captain`.
  public var family: String
  public var isTrained: Bool
  public var runs: [RolloutMetrics]

  public init(name: String, family: String? = nil, isTrained: Bool = false, runs: [RolloutMetrics]) {
    self.name = name
    self.family = family ?? name
    self.isTrained = isTrained
    self.runs = runs
  }

  public func estimate(_ column: MetricColumn) -> Estimate { Estimate(of: runs.map(column.value)) }

  /// Mean over the seeds, seconds.
  public var p99: Double { runs.reduce(0) { $0 + $1.p99 } / Double(max(runs.count, 1)) }
  /// One per seed, core-seconds.
  public var allocated: [Double] { runs.map(\.allocatedCoreSeconds) }
  /// Mean over the seeds, core-seconds.
  public var meanAllocated: Double { allocated.reduce(0, +) / Double(max(runs.count, 1)) }

  /// Whether every run's P99 keeps the goal: one that does not would make the others look cheaper than keeping it is.
  public func meets(_ slo: Double) -> Bool { missedRuns(slo) == 0 }
  /// Seeds whose own P99 is above the goal.
  public func missedRuns(_ slo: Double) -> Int { runs.count { $0.p99 > slo } }
}

/// The settings of one policy that no other setting of it beats both in CPU and in tail response time.
public struct PolicyFront: Sendable {
  public let family: String
  public let isTrained: Bool
  /// By ascending P99, and so by descending CPU.
  public let settings: [PolicyResult]
  /// Those that are beaten too.
  private let all: [PolicyResult]

  public init(family: String, of results: [PolicyResult]) {
    self.family = family
    all = results
    isTrained = results.contains(where: \.isTrained)
    var front: [PolicyResult] = []
    let ordered = results.enumerated().sorted {
      ($0.element.p99, $0.element.meanAllocated, $0.offset) < ($1.element.p99, $1.element.meanAllocated, $1.offset)
    }
    for (_, result) in ordered where result.meanAllocated < front.last?.meanAllocated ?? .infinity {
      front.append(result)
    }
    settings = front
  }

  /// The fronts of all families, in the order in which they first appear.
  public static func all(of results: [PolicyResult]) -> [PolicyFront] {
    var families: [String] = []
    for result in results where !families.contains(result.family) { families.append(result.family) }
    return families.map { family in PolicyFront(family: family, of: results.filter { $0.family == family }) }
  }

  /// The setting that allocates least among those that keep the goal. It need not be on the front: one that another beats in the
  /// mean may be the only one that keeps the goal in every run.
  public func cheapest(meeting slo: Double) -> PolicyResult? {
    all.filter { $0.meets(slo) }.min { $0.meanAllocated < $1.meanAllocated }
  }

  /// What the policy needs for a given P99: core-seconds per seed.
  ///
  /// Between two settings of the front interpolated linearly in log P99, for each seed; beyond its thriftiest setting that
  /// one's: no setting of it needs less, and it is at least as fast. nil where even its fastest setting is slower.
  public func allocated(atP99 p99: Double) -> [Double]? {
    guard let first = settings.first, let last = settings.last, first.p99 <= p99 else { return nil }
    guard p99 < last.p99, let above = settings.firstIndex(where: { $0.p99 > p99 }) else { return last.allocated }
    let (fast, thrifty) = (settings[above - 1], settings[above])
    guard fast.p99 > 0 else { return fast.allocated }
    let share = log(p99 / fast.p99) / log(thrifty.p99 / fast.p99)
    return zip(fast.allocated, thrifty.allocated).map { $0 + share * ($1 - $0) }
  }
}

/// One policy against another where they meet the same tail response time.
public struct EqualP99: Sendable, Equatable, Encodable {
  public var subject: String
  public var opponent: String
  /// The subject's setting that is compared: the cheapest that keeps the goal, or the fastest where none does.
  public var setting: String
  /// Its P99, seconds.
  public var p99: Double
  public var meetsSLO: Bool
  /// CPU of the subject ÷ CPU of the opponent − 1, where both use their cheapest setting that keeps the goal; nil where one of
  /// them has none.
  public var atSLO: PairedDifference?
  /// The same, where the opponent is as fast as the subject's setting; nil where the opponent cannot be so fast.
  public var atEqualP99: PairedDifference?
  /// What was to be reached against this opponent; nil where nothing was.
  public var goal: SavingGoal?

  /// - Returns: nil where the subject has no settings at all.
  public init?(_ subject: PolicyFront, against opponent: PolicyFront, slo: Double) {
    let cheapest = subject.cheapest(meeting: slo)
    guard let setting = cheapest ?? subject.settings.first else { return nil }
    self.subject = subject.family
    self.opponent = opponent.family
    self.setting = setting.name
    p99 = setting.p99
    meetsSLO = cheapest != nil
    if let cheapest, let other = opponent.cheapest(meeting: slo) {
      atSLO = PairedDifference(ratio: cheapest.allocated, to: other.allocated)
    }
    atEqualP99 = opponent.allocated(atP99: setting.p99).flatMap {
      PairedDifference(ratio: setting.allocated, to: $0)
    }
    goal = SavingGoal(against: opponent.family, atEqualP99: atEqualP99)
  }
}
