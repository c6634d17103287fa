import Foundation

/// Finds each tunable policy's best setting: the values of a grid are apart, and the cheapest one that keeps the goal may leave a
/// policy far from where it could stand.
///
/// In each round every family gets more settings on each load, one for each number that can be tuned: half-way between its
/// cheapest setting that keeps the goal and the next one on the grid that would be cheaper and does not. Judge and judged are
/// treated alike.
public struct Refinement: Sendable {
  /// Response-time goal, seconds.
  public let slo: Double
  public let rounds: Int

  public init(slo: Double, rounds: Int) {
    self.slo = slo
    self.rounds = rounds
  }

  /// Episodes that it plays at most.
  public func cells(of study: Study) -> Int {
    let knobs = Dictionary(study.contestants.map { ($0.family, $0.knobs.count) }, uniquingKeysWith: max)
    return rounds * knobs.values.reduce(0, +) * study.loads.count * study.seeds.count
  }

  /// The settings to try next on a load.
  func next(after result: Study.LoadResult) throws -> [Contestant] {
    let settings = zip(result.contestants, result.policies).map { Setting(contestant: $0, policy: $1) }
    var families: [String] = []
    for setting in settings where !families.contains(setting.contestant.family) {
      families.append(setting.contestant.family)
    }
    var more: [Contestant] = []
    for family in families {
      let own = settings.filter { $0.contestant.family == family }
      let kept = own.filter { $0.policy.meets(slo) }
      guard let best = kept.min(by: { $0.cost < $1.cost }) else { continue }
      for knob in best.contestant.knobs {
        guard let next = try between(best, knob, own) else { continue }
        // What was asked for by name may lie there already.
        guard !own.contains(where: { $0.contestant.identity == next.identity }) else { continue }
        more.append(next)
      }
    }
    return more
  }

  private struct Setting {
    var contestant: Contestant
    var policy: PolicyResult
    var cost: Double { policy.meanAllocated }

    func value(on line: String) -> Double? { contestant.knobs.first { $0.line == line }?.value }
  }

  private func between(_ best: Setting, _ knob: Contestant.Knob, _ family: [Setting]) throws -> Contestant? {
    let others = family.compactMap { setting in setting.value(on: knob.line).map { (value: $0, setting: setting) } }
    let below = others.filter { $0.value < knob.value }.max { $0.value < $1.value }
    let above = others.filter { $0.value > knob.value }.min { $0.value < $1.value }
    let cheaper = [below, above].compactMap { $0 }.filter {
      !$0.setting.policy.meets(slo) && $0.setting.cost < best.cost
    }
    guard let far = cheaper.min(by: { $0.setting.policy.p99 < $1.setting.policy.p99 }) else { return nil }
    let value = ((knob.value + far.value) / 2 * 1e6).rounded() / 1e6
    // The grid is as fine as numbers are shown.
    return value == knob.value || value == far.value ? nil : try knob.turned(value)
  }
}

extension Study {
  /// The outcome with the settings that the refinement adds, behind those that were played. Takes what `run` takes.
  ///
  /// - Parameter finished: called after each episode with how many this call has played.
  /// - Throws: what `run` throws.
  public func refine(
    _ results: [LoadResult], by refinement: Refinement, jobs: Int, kept: FinishedCells? = nil,
    shouldStop: @escaping @Sendable () -> Bool = { false }, finished: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws -> [LoadResult] {
    var results = results
    var before = 0
    for load in results.indices {
      for _ in 0..<refinement.rounds {
        let more = try refinement.next(after: results[load])
        if more.isEmpty { break }
        let round = Study(loads: [loads[load]], contestants: more, seeds: seeds)
        let base = before
        let added: [LoadResult]
        do {
          added = try round.run(jobs: jobs, kept: kept, shouldStop: shouldStop) { finished(base + $0) }
        } catch var stop as Interrupted {
          stop.finished += cells + base
          stop.cells += cells + base
          throw stop
        }
        before += round.cells
        for one in added { results[load].add(one) }
      }
    }
    return results
  }
}

extension Study.LoadResult {
  fileprivate mutating func add(_ other: Self) {
    policies += other.policies
    contestants += other.contestants
    decisionTimes += other.decisionTimes
  }
}
