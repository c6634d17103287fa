import Foundation

/// Finds each tunable policy's best setting: the values of a grid are apart, and the cheapest one that keeps the goal may leave a
/// policy far from where it could stand.
///
/// In each round every family gets one more setting on each load: half-way between its cheapest setting that keeps the goal and
/// the next one on the grid that would be cheaper and does not. Judge and judged are treated alike.
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
    let families = Set(study.contestants.filter { $0.knob != nil }.map(\.family))
    return rounds * families.count * study.loads.count * study.seeds.count
  }

  /// The settings to try next on a load, one per family at most.
  func next(after result: Study.LoadResult) throws -> [Contestant] {
    let settings = zip(result.contestants, result.policies).filter { $0.0.knob != nil }
    var families: [String] = []
    for (contestant, _) in settings where !families.contains(contestant.family) { families.append(contestant.family) }
    return try families.compactMap { family in
      try next(
        settings.filter { $0.0.family == family }.compactMap { contestant, policy in
          contestant.knob.map { (knob: $0, policy: policy) }
        })
    }
  }

  private func next(_ settings: [(knob: Contestant.Knob, policy: PolicyResult)]) throws -> Contestant? {
    let ordered = settings.sorted { $0.knob.value < $1.knob.value }
    let kept = ordered.indices.filter { ordered[$0].policy.meets(slo) }
    guard let best = kept.min(by: { ordered[$0].policy.meanAllocated < ordered[$1].policy.meanAllocated }) else {
      return nil
    }
    let cheaper = [best - 1, best + 1].filter {
      ordered.indices.contains($0) && !ordered[$0].policy.meets(slo)
        && ordered[$0].policy.meanAllocated < ordered[best].policy.meanAllocated
    }
    guard let other = cheaper.min(by: { ordered[$0].policy.p99 < ordered[$1].policy.p99 }) else { return nil }
    let (near, far) = (ordered[best].knob.value, ordered[other].knob.value)
    let value = ((near + far) / 2 * 1e6).rounded() / 1e6
    // The grid is as fine as numbers are shown.
    guard value != near, value != far else { return nil }
    return try ordered[best].knob.turned(value)
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
