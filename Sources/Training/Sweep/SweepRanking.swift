/// The outcomes of a sweep, the best setting first.
public struct SweepRanking: Equatable, Sendable {
  /// What became of one run.
  public enum Outcome: Equatable, Sendable {
    /// The best validation score, the episodes before it, all episodes, and whether the run stopped early.
    case finished(score: Double, bestEpisode: Int, episodes: Int, stoppedEarly: Bool)
    /// Why there is no score, in one sentence.
    case failed(String)

    public var score: Double? {
      if case .finished(let score, _, _, _) = self, score.isFinite { score } else { nil }
    }
  }

  /// One setting with all its seeds.
  public struct Entry: Equatable, Sendable {
    /// A value per axis.
    public let values: [String]
    /// One per seed.
    public let outcomes: [Outcome]

    public var scores: [Double] { outcomes.compactMap(\.score) }
    /// Whether every seed has a score.
    public var isComplete: Bool { scores.count == outcomes.count }
    /// Of the seeds that have a score; nil without one.
    public var mean: Double? { scores.isEmpty ? nil : scores.reduce(0) { $0 + $1 / Double(scores.count) } }
    /// Standard deviation over the seeds; 0 for a single one, which says nothing of its spread.
    public var deviation: Double? {
      guard let mean else { return nil }
      guard scores.count > 1 else { return 0 }
      let squares = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return (squares / Double(scores.count - 1)).squareRoot()
    }
    /// Why seeds have no score, each reason once.
    public var failures: [String] {
      var reasons: [String] = []
      for case .failed(let reason) in outcomes where !reasons.contains(reason) { reasons.append(reason) }
      return reasons
    }

    public init(values: [String], outcomes: [Outcome]) {
      self.values = values
      self.outcomes = outcomes
    }
  }

  public let entries: [Entry]

  /// Orders by mean score. A setting that fails for some seeds comes behind all that do not: the mean of the seeds that went
  /// well flatters it.
  public init(_ entries: [Entry]) {
    self.entries = entries.enumerated().sorted { left, right in
      let (a, b) = (left.element, right.element)
      if a.isComplete != b.isComplete { return a.isComplete }
      let (x, y) = (a.mean ?? -.infinity, b.mean ?? -.infinity)
      return x != y ? x > y : left.offset < right.offset
    }.map(\.element)
  }
}
