import Dispatch
import Foundation

/// Policies over the same seeded loads: every contestant plays every seed of every load.
public struct Study: Sendable {
  public struct Load: Sendable {
    /// As shown: `diurnal`, `day.csv`.
    public var name: String
    public var scenario: Scenario

    public init(name: String, scenario: Scenario) {
      self.name = name
      self.scenario = scenario
    }
  }

  public let loads: [Load]
  public let contestants: [Contestant]
  public let seeds: [UInt64]

  public init(loads: [Load], contestants: [Contestant], seeds: [UInt64]) {
    self.loads = loads
    self.contestants = contestants
    self.seeds = seeds
  }

  /// Episodes in all.
  public var cells: Int { loads.count * contestants.count * seeds.count }

  /// One load's outcome.
  public struct LoadResult: Sendable {
    public var name: String
    /// One per contestant, in their order.
    public var policies: [PolicyResult]
    public var contestants: [Contestant] = []
    /// Mean time of one round's decisions for all pods, seconds, per contestant; nil where every episode came from a file.
    public var decisionTimes: [Double?]
  }

  /// The study was asked to stop before its last episode.
  public struct Interrupted: Error, Sendable {
    public var finished: Int
    public var cells: Int
  }

  /// Plays what `kept` does not hold yet, `jobs` episodes at a time. The result does not depend on `jobs` or on what was kept.
  ///
  /// - Parameters:
  ///   - kept: episodes that were finished before; finished ones are added to it.
  ///   - shouldStop: asked before every episode; those under way are finished.
  ///   - finished: called after each episode with how many are done, from any thread.
  /// - Throws: the first error in the order of loads, contestants and seeds; `Interrupted`.
  public func run(
    jobs: Int, kept: FinishedCells? = nil, shouldStop: @escaping @Sendable () -> Bool = { false },
    finished: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws -> [LoadResult] {
    let keys = kept.map { _ in self.keys } ?? []
    let cells = Cells(count: self.cells)
    for (index, key) in keys.enumerated() {
      if let metrics = kept?[key] { cells.put(index, metrics) }
    }
    finished(cells.done)
    DispatchQueue.concurrentPerform(iterations: max(1, min(jobs, self.cells))) { _ in
      while !shouldStop(), let index = cells.next() {
        let outcome = Result {
          let (load, contestant, seed) = self[index]
          let outcome = try load.scenario.play(contestant, seed: seed)
          try kept?.add(
            FinishedCells.Cell(
              key: keys[index], load: load.name, policy: contestant.name, seed: seed, metrics: outcome.metrics))
          return outcome
        }
        finished(cells.finish(index, outcome))
      }
    }
    let (metrics, times) = try cells.all()
    guard metrics.count == self.cells else { throw Interrupted(finished: metrics.count, cells: self.cells) }
    return loads.indices.map { load in
      let places = contestants.indices.map { (load * contestants.count + $0) * seeds.count }
      return LoadResult(
        name: loads[load].name,
        policies: zip(contestants, places).map { contestant, first in
          PolicyResult(
            name: contestant.name, family: contestant.family, isTrained: contestant.isTrained,
            runs: Array(metrics[first..<first + seeds.count]))
        },
        contestants: contestants,
        decisionTimes: places.map { first in
          let known = times[first..<first + seeds.count].compactMap { $0 }
          return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
        })
    }
  }

  /// The episode at a place of the study's order: loads, in them contestants, in them seeds.
  private subscript(index: Int) -> (Load, Contestant, UInt64) {
    let pair = index / seeds.count
    return (loads[pair / contestants.count], contestants[pair % contestants.count], seeds[index % seeds.count])
  }

  /// How many of the episodes `kept` holds.
  public func finished(in kept: FinishedCells) -> Int { keys.count { kept[$0] != nil } }

  private var keys: [String] {
    let loads = loads.map { $0.scenario.fingerprint(firstSeed: seeds.first ?? 0) }
    return (0..<cells).map { index in
      let pair = index / seeds.count
      let contestant = contestants[pair % contestants.count]
      var print = Fingerprint()
      print.add(loads[pair / contestants.count])
      print.add("\(contestant.identity) \(contestant.observation) \(contestant.action) \(contestant.compatibility)")
      print.add("\(seeds[index % seeds.count])")
      return print.text
    }
  }

  /// Hands out episodes and takes their outcomes, under one lock.
  private final class Cells: @unchecked Sendable {
    private let lock = NSLock()
    private var metrics: [RolloutMetrics?]
    private var times: [Double?]
    private var errors: [Int: any Error] = [:]
    private var place = 0
    private(set) var done = 0

    init(count: Int) {
      metrics = Array(repeating: nil, count: count)
      times = Array(repeating: nil, count: count)
    }

    func put(_ index: Int, _ value: RolloutMetrics) {
      metrics[index] = value
      done += 1
    }

    /// The next one that nobody has begun; nil after the last, or once one has failed.
    func next() -> Int? {
      lock.withLock {
        while place < metrics.count, metrics[place] != nil { place += 1 }
        guard errors.isEmpty, place < metrics.count else { return nil }
        place += 1
        return place - 1
      }
    }

    func finish(_ index: Int, _ outcome: Result<RolloutOutcome, any Error>) -> Int {
      lock.withLock {
        switch outcome {
        case .success(let outcome):
          metrics[index] = outcome.metrics
          times[index] = outcome.decisionTime
        case .failure(let error): errors[index] = error
        }
        done += 1
        return done
      }
    }

    /// What is finished; all of it unless somebody stopped the study.
    func all() throws -> ([RolloutMetrics], [Double?]) {
      if let first = errors.keys.min(), let error = errors[first] { throw error }
      return (metrics.compactMap { $0 }, times)
    }
  }
}
