import Dispatch
import Foundation
import RandomStreams

/// Whether the two parameters of the simulated kernel that were fitted, slice and speed, are more than fitted: they are chosen
/// anew on a part of the steady cells and judged on the others.
///
/// The score of some cells is the mean over mean, P95, P99, usage and throttled fraction, and over median and 90th percentile,
/// of error ÷ required error: 1 is just what is required, less is better.
public struct FidelityCalibration: Codable, Sendable {
  /// A choice of the parameters, core-seconds and a share.
  public struct Choice: Codable, Sendable, Equatable {
    public var slice: Double
    public var speed: Double
  }

  public struct Fold: Codable, Sendable {
    /// Which cells the choice was made on, and which judged it.
    public var fitted: String
    public var judged: String
    public var fittedCells: Int
    public var judgedCells: Int
    public var choice: Choice
    /// Of the choice, on the cells of either part.
    public var fittedScore: Double
    public var judgedScore: Double
    /// Of the defaults and of the best possible choice, on the cells that judge.
    public var defaultScore: Double
    public var bestScore: Double
  }

  public static let slices = [0.005, 0.006, 0.0065, 0.007, 0.0075, 0.008, 0.009, 0.010]
  public static let speeds = [0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.995, 1]

  public var folds: [Fold]
  /// Scores on all cells: `[slice][speed]`.
  public var scores: [[Double]]
  /// The choice whose score is least above the best possible one (as a ratio) in the worst of the parts.
  public var robust: Choice

  /// - Parameter jobs: choices tried at the same time; the outcome does not depend on it.
  public static func measure(
    _ cells: [GroundTruth.SteadyCell], phases: Int, jobs: Int = 1
  ) throws -> FidelityCalibration {
    let choices = slices.flatMap { slice in speeds.map { Choice(slice: slice, speed: $0) } }
    let outcomes = Outcomes(count: choices.count)
    DispatchQueue.concurrentPerform(iterations: max(1, min(jobs, choices.count))) { _ in
      while let index = outcomes.next() {
        outcomes.finish(
          index,
          Result {
            try SteadyFidelity.measure(cells, phases: phases) {
              ($0.slice, $0.speed) = (choices[index].slice, choices[index].speed)
              $0.keptRuntime = min($0.keptRuntime, $0.slice)
            }.cells
          })
      }
    }
    let grid = try zip(choices, outcomes.all()).map { choice, outcome in (choice, try outcome.get()) }
    let defaults = try SteadyFidelity.measure(cells, phases: phases).cells
    guard !defaults.isEmpty else { throw SimulationError("there are no steady cells to calibrate on") }
    var folds: [Fold] = []
    var regions: [[Bool]] = []
    for (first, second, contains) in splits(defaults) {
      let isFirst = defaults.indices.map(contains)
      guard isFirst.count(where: { $0 }) >= 4, isFirst.count(where: { !$0 }) >= 4 else { continue }
      let isSecond = isFirst.map { !$0 }
      folds.append(fold(grid, defaults, fit: isFirst, judge: isSecond, first, second))
      folds.append(fold(grid, defaults, fit: isSecond, judge: isFirst, second, first))
      regions += [isFirst, isSecond]
    }
    if regions.isEmpty { regions = [defaults.map { _ in true }] }
    let best = regions.map { region in grid.map { score($0.1, region) }.min() ?? 1 }
    func worst(_ cells: [SteadyFidelity.Cell]) -> Double {
      zip(regions, best).map { score(cells, $0) / max($1, 1e-9) }.max() ?? .infinity
    }
    let robust = grid.map { ($0.0, worst($0.1)) }.min { $0.1 < $1.1 }?.0
    let all = defaults.map { _ in true }
    return FidelityCalibration(
      folds: folds,
      scores: slices.indices.map { row in
        speeds.indices.map { score(grid[row * speeds.count + $0].1, all) }
      }, robust: robust ?? choices[0])
  }

  /// Ways to part the cells, each by what the first half holds.
  private static func splits(
    _ cells: [SteadyFidelity.Cell]
  ) -> [(String, String, (Int) -> Bool)] {
    var splits: [(String, String, (Int) -> Bool)] = [
      ("every second cell", "the others", { $0 % 2 == 0 }),
      ("1 worker", "several workers", { cells[$0].workers == 1 }),
      ("1 core", "2 cores", { cells[$0].cores == 1 }),
      ("limits to 200 m", "larger limits", { cells[$0].limit <= 200 }),
      ("utilisations to 0.6", "higher utilisations", { cells[$0].utilisation <= 0.6 }),
    ]
    for number in 1...5 {
      var random = RandomStream(seed: 1, purpose: "calibration", number)
      let halves = cells.map { _ in random.below(2) == 0 }
      splits.append(("half \(number)a, drawn", "half \(number)b", { halves[$0] }))
    }
    return splits
  }

  private static func fold(
    _ grid: [(Choice, [SteadyFidelity.Cell])], _ defaults: [SteadyFidelity.Cell], fit: [Bool], judge: [Bool],
    _ fitted: String, _ judged: String
  ) -> Fold {
    let tried = grid.map { (choice: $0.0, fitted: score($0.1, fit), judged: score($0.1, judge)) }
    let best = tried.min { $0.fitted < $1.fitted } ?? tried[0]
    return Fold(
      fitted: fitted, judged: judged, fittedCells: fit.count { $0 }, judgedCells: judge.count { $0 },
      choice: best.choice, fittedScore: best.fitted, judgedScore: best.judged, defaultScore: score(defaults, judge),
      bestScore: tried.map(\.judged).min() ?? best.judged)
  }

  /// Errors in units of what is required, over the chosen cells.
  static func score(_ cells: [SteadyFidelity.Cell], _ isChosen: [Bool]) -> Double {
    let row = SteadyFidelity.ErrorRow(region: "", zip(cells, isChosen).filter(\.1).map(\.0))
    let parts = SteadyFidelity.requirements(of: row)
    return parts.reduce(0) { $0 + ($1.error.median / $1.required[0] + $1.error.p90 / $1.required[1]) / 2 }
      / Double(parts.count)
  }

  private final class Outcomes: @unchecked Sendable {
    private let lock = NSLock()
    private var started = 0
    private var outcomes: [Result<[SteadyFidelity.Cell], any Error>?]

    init(count: Int) { outcomes = Array(repeating: nil, count: count) }

    func next() -> Int? {
      lock.withLock {
        guard started < outcomes.count else { return nil }
        started += 1
        return started - 1
      }
    }

    func finish(_ index: Int, _ outcome: Result<[SteadyFidelity.Cell], any Error>) {
      lock.withLock { outcomes[index] = outcome }
    }

    func all() -> [Result<[SteadyFidelity.Cell], any Error>] { lock.withLock { outcomes.compactMap { $0 } } }
  }
}
