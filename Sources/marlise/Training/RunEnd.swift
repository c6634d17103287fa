import Terminal
import Training

/// How a run of training ended: `result.json` of its folder. Equal runs give equal files.
struct RunEnd: Equatable {
  enum Reason: String {
    /// All episodes are played.
    case finished
    /// Early stopping has waited long enough.
    case stoppedEarly = "stopped early"
    case interrupted
  }

  let reason: Reason
  let episodes: Int
  /// The best validation score and how many episodes came before it; nil before the first.
  let best: (score: Double, episode: Int)?
  /// Why it stopped early, in words.
  let explanation: String?

  init(_ trainer: Trainer) {
    episodes = trainer.nextEpisode
    best = trainer.best
    explanation = trainer.reasonToStop
    reason =
      trainer.reasonToStop != nil
      ? .stoppedEarly : trainer.nextEpisode < trainer.settings.episodes ? .interrupted : .finished
  }

  static func == (left: RunEnd, right: RunEnd) -> Bool { left.json == right.json }

  var json: String {
    """
    {
      "reason" : "\(reason.rawValue)",
      "episodes" : \(episodes),
      "bestValidation" : \(best.map { Number.json($0.score) } ?? "null"),
      "bestEpisode" : \(best.map { "\($0.episode)" } ?? "null")
    }

    """
  }

  func sentence(saved path: String) -> String {
    switch reason {
    case .finished: "saved \(path)"
    case .stoppedEarly: "stopped early after \(episodes) episodes, because \(explanation ?? ""); saved \(path)"
    case .interrupted: "interrupted after \(episodes) episodes; saved \(path)"
    }
  }
}
