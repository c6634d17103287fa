/// When a run has learnt what it can: so many looks at validation load in a row without an improvement.
public struct EarlyStopping: Codable, Equatable, Sendable {
  /// Looks, 1…1,000,000.
  public var patience: Int
  /// By how much a score must exceed the best one to count as an improvement, 0…1e12.
  public var minimum: Double

  public init(patience: Int, minimum: Double = 0) {
    self.patience = patience
    self.minimum = minimum
  }

  func validate() throws {
    guard (1...1_000_000).contains(patience), (0...1e12).contains(minimum) else {
      throw TrainingError(
        "early stopping waits for \(patience) validations that improve by \(minimum), expected 1 to 1,000,000 and 0 to 1e12"
      )
    }
  }

  /// What has been seen so far. Part of a checkpoint, so that a resumed run stops where the whole one does.
  struct Progress: Equatable {
    /// The last score that counted as an improvement, and the episodes before it; nil before the first.
    var best: Double?
    var episode = 0
    /// Looks since then.
    var waited = 0

    mutating func note(_ score: Double, episode: Int, minimum: Double) {
      // A score that is no number is no improvement.
      guard best.map({ score > $0 + minimum }) ?? score.isFinite else {
        waited += 1
        return
      }
      self = Progress(best: score, episode: episode)
    }
  }
}
