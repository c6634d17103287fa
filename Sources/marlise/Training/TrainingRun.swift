import Foundation
import Terminal
import Training

/// One run of training from where the trainer stands to its end: plays, looks, saves, shows.
struct TrainingRun {
  private let trainer: Trainer
  private let folder: RunFolder

  /// Episodes between two saves of last.h5: what a crash or a number that is not finite can cost.
  private static let saveInterval = 50

  /// Episodes between two looks at what the agents are worth without exploration.
  private static let validationInterval = 10

  init(_ trainer: Trainer, into folder: RunFolder) {
    self.trainer = trainer
    self.folder = folder
  }

  func train() throws -> ExitCode {
    let settings = trainer.settings
    Interruption.install()
    var rows = try LearningCurve(in: folder, agents: settings.pods.count, from: trainer.nextEpisode)
    // What an earlier end said of the run is no longer so.
    try? FileManager.default.removeItem(atPath: folder.path("result.json"))
    let view = TrainingView(trainer)
    let last = folder.path("last.h5")
    var saved: String?
    while trainer.nextEpisode < settings.episodes, trainer.reasonToStop == nil, !mustStop {
      let summary: EpisodeSummary
      do {
        summary = try trainer.runEpisode()
      } catch {
        view.finish()
        try rows.close()
        throw Failure("\(error); \(saved.map { "\($0) keeps the last good agents" } ?? "nothing was saved yet")")
      }
      var validation: Double?
      if trainer.nextEpisode % Self.validationInterval == 0 || trainer.nextEpisode == settings.episodes {
        let (score, isBest) = try trainer.validate()
        validation = score
        if isBest { try trainer.checkpoint(.weights).write(to: folder.path("best.h5")) }
      }
      try rows.add(summary, validation: validation)
      view.update(summary, validation: validation)
      // After the look, so that a run that goes on from here knows of it.
      if trainer.nextEpisode % Self.saveInterval == 0 {
        try rows.flush()
        try trainer.checkpoint().write(to: last)
        saved = last
      }
      if let every = settings.checkpointEvery, trainer.nextEpisode % every == 0 {
        try trainer.checkpoint().write(to: folder.path("ep_\(trainer.nextEpisode).h5"))
      }
    }
    view.finish()
    try rows.close()
    try trainer.checkpoint().write(to: last)
    let end = RunEnd(trainer)
    try folder.write("result.json", end.json)
    Screen.standardError.line(end.sentence(saved: last))
    return end.reason == .interrupted ? .finished : .success
  }

  /// A signal came, or the sweep that this is a run of is gone.
  private var mustStop: Bool { Interruption.requested || ChildProgram.isOrphan }
}
