import Testing

@testable import Training

@Suite("Early stopping")
struct EarlyStoppingTests {
  @Test("so many looks in a row without an improvement that counts")
  func progress() {
    var progress = EarlyStopping.Progress()
    for (index, score) in [1.0, 1.05, 1.2, 1.25, .nan, 1.3].enumerated() {
      progress.note(score, episode: index, minimum: 0.1)
    }
    // 1.05 is no improvement on 1, 1.2 is one, and nothing after it is.
    #expect(progress == EarlyStopping.Progress(best: 1.2, episode: 2, waited: 3))
  }

  @Test("a number that is none is never the best")
  func none() {
    var progress = EarlyStopping.Progress()
    progress.note(.nan, episode: 1, minimum: 0)
    #expect(progress == EarlyStopping.Progress(best: nil, episode: 0, waited: 1))
  }

  /// Improvements so large do not happen: all looks but the first wait.
  private func run(patience: Int = 3) -> TrainingSettings {
    var settings = shortRun("mdqn", episodes: 40)
    settings.steps = 5
    settings.stopping = EarlyStopping(patience: patience, minimum: 1e9)
    return settings
  }

  private func play(_ trainer: Trainer, looks: Int) throws {
    for _ in 0..<looks where trainer.reasonToStop == nil {
      _ = try trainer.runEpisode()
      _ = try trainer.validate()
    }
  }

  @Test("a run says why it stops, and a resumed one stops where the whole one does")
  func resume() throws {
    let whole = try Trainer(run(), threads: 1)
    try play(whole, looks: 40)
    #expect(whole.nextEpisode == 4)
    let reason = try #require(whole.reasonToStop)
    #expect(
      reason.hasPrefix("3 validations in a row were no better than ") && reason.hasSuffix("by more than 1000000000.0"))
    for looks in 1...4 {
      let half = try Trainer(run(), threads: 1)
      try play(half, looks: looks)
      let resumed = try Trainer(run(), threads: 2)
      try resumed.resume(half.checkpoint())
      #expect((resumed.reasonToStop == nil) == (looks < 4))
      try play(resumed, looks: 40)
      #expect(try resumed.checkpoint() == whole.checkpoint())
      #expect(resumed.reasonToStop == reason)
    }
  }

  @Test("patience may be longer, or begin, when a run is gone on with")
  func longer() throws {
    let stopped = try Trainer(run(), threads: 1)
    try play(stopped, looks: 40)
    let patient = try Trainer(run(patience: 5), threads: 1)
    try patient.resume(stopped.checkpoint())
    try play(patient, looks: 40)
    #expect(patient.nextEpisode == 6)

    var without = run()
    without.stopping = nil
    let plain = try Trainer(without, threads: 1)
    try play(plain, looks: 2)
    let begins = try Trainer(run(patience: 2), threads: 1)
    try begins.resume(plain.checkpoint())
    try play(begins, looks: 40)
    #expect(begins.nextEpisode == 4)
  }

  @Test("a patience of none is refused")
  func refusal() {
    #expect(throws: TrainingError.self) { try Trainer(run(patience: 0), threads: 1) }
  }
}
