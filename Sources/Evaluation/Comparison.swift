import Dispatch
import Foundation

/// Policies over the same seeded load.
public struct Comparison: Sendable {
  public let scenario: Scenario
  public let contestants: [Contestant]
  public let seeds: [UInt64]

  public init(scenario: Scenario, contestants: [Contestant], seeds: [UInt64]) {
    self.scenario = scenario
    self.contestants = contestants
    self.seeds = seeds
  }

  /// The metrics of one contestant, one per seed in the order of the seeds.
  public struct Result: Sendable, Equatable, Codable {
    public var name: String
    public var runs: [RolloutMetrics]

    public init(name: String, runs: [RolloutMetrics]) {
      self.name = name
      self.runs = runs
    }

    public func estimate(_ column: MetricColumn) -> Estimate { Estimate(of: runs.map(column.value)) }
  }

  /// Plays every contestant on every seed, `jobs` at a time. The result does not depend on `jobs`.
  ///
  /// - Parameter finished: called after each episode with how many are done, from any thread.
  /// - Throws: the first error in the order of contestants and seeds.
  public func run(jobs: Int, finished: @escaping @Sendable (Int) -> Void = { _ in }) throws -> [Result] {
    let count = contestants.count * seeds.count
    let results = Results(count: count)
    DispatchQueue.concurrentPerform(iterations: max(1, min(jobs, count))) { _ in
      while let index = results.next() {
        let outcome = Swift.Result {
          try scenario.rollout(contestants[index / seeds.count], seed: seeds[index % seeds.count])
        }
        finished(results.finish(index, outcome))
      }
    }
    let metrics = try results.all()
    return contestants.enumerated().map { place, contestant in
      Result(name: contestant.name, runs: Array(metrics[place * seeds.count..<(place + 1) * seeds.count]))
    }
  }

  /// Hands out episodes and takes their outcomes, under one lock.
  private final class Results: @unchecked Sendable {
    private let lock = NSLock()
    private var outcomes: [Swift.Result<RolloutMetrics, any Error>?]
    private var started = 0
    private var done = 0

    init(count: Int) { outcomes = Array(repeating: nil, count: count) }

    func next() -> Int? {
      lock.withLock {
        guard started < outcomes.count else { return nil }
        started += 1
        return started - 1
      }
    }

    func finish(_ index: Int, _ outcome: Swift.Result<RolloutMetrics, any Error>) -> Int {
      lock.withLock {
        outcomes[index] = outcome
        done += 1
        return done
      }
    }

    func all() throws -> [RolloutMetrics] { try outcomes.compactMap { try $0?.get() } }
  }
}
