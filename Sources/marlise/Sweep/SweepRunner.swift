import Foundation
import Terminal
import Training

/// Does the runs of a sweep, so many at a time, each as a process of its own: one that fails, or is killed, harms no other.
struct SweepRunner {
  private let plan: SweepPlan
  private let folder: SweepFolder
  private let jobs: Int
  private let retries: Bool

  init(_ plan: SweepPlan, in folder: SweepFolder, jobs: Int, retries: Bool) {
    self.plan = plan
    self.folder = folder
    self.jobs = jobs
    self.retries = retries
  }

  private struct Place {
    let setting: Int
    let seed: Int
  }

  private struct Working {
    let place: Place
    let folder: RunFolder
    let child: ChildProgram
  }

  /// - Returns: the outcomes, `[setting][seed]`; nil when a signal came before the last one.
  func run() throws -> [[SweepRanking.Outcome]]? {
    var outcomes: [[SweepRanking.Outcome?]] = plan.seeds.map { $0.map { _ in nil } }
    var waiting: [Place] = []
    for (setting, runs) in plan.seeds.enumerated() {
      for (seed, run) in runs.enumerated() {
        let outcome =
          FileManager.default.fileExists(atPath: "\(folder.path)/runs/\(run.name)")
          ? SweepRecord.outcome(in: try folder.run(run.name), retries: retries) : nil
        outcomes[setting][seed] = outcome
        if outcome == nil { waiting.append(Place(setting: setting, seed: seed)) }
      }
    }
    waiting.reverse()
    var done = plan.runs - waiting.count
    let bar = ProgressBar("sweep", total: plan.runs, unit: "runs", done: done)
    var working: [Working] = []
    var hasPassedOn = false
    // Whatever ends this, no child is left behind.
    defer {
      for one in working { one.child.interrupt() }
      while working.contains(where: { $0.child.end() == nil }) { usleep(20_000) }
    }
    while !waiting.isEmpty || !working.isEmpty {
      if Interruption.requested {
        if !hasPassedOn { for one in working { one.child.interrupt() } }
        hasPassedOn = true
        waiting = []
      }
      while working.count < jobs, let place = waiting.popLast() { working.append(try start(place)) }
      var still: [Working] = []
      for one in working {
        guard let end = one.child.end() else {
          still.append(one)
          continue
        }
        let outcome = try outcome(of: one, end)
        outcomes[one.place.setting][one.place.seed] = outcome
        if case .failed(let reason)? = outcome {
          Screen.standardError.line("failed: \(plan.seeds[one.place.setting][one.place.seed].name): \(reason)")
        }
        if outcome != nil { done += 1 }
      }
      working = still
      bar.update(done) {
        [("running", "\(working.count)"), ("best validation", best(outcomes).map { Number.fixed($0, 4) } ?? "–")]
      }
      if !working.isEmpty { usleep(20_000) }
    }
    bar.finish { [("best validation", best(outcomes).map { Number.fixed($0, 4) } ?? "–")] }
    let all = outcomes.map { $0.compactMap { $0 } }
    return zip(all, outcomes).allSatisfy { $0.count == $1.count } ? all : nil
  }

  private func best(_ outcomes: [[SweepRanking.Outcome?]]) -> Double? {
    outcomes.joined().compactMap { $0?.score }.max()
  }

  private func start(_ place: Place) throws -> Working {
    let run = plan.seeds[place.setting][place.seed]
    let folder = try folder.run(run.name)
    SweepRecord.forgetFailure(in: folder)
    try folder.write("options.yaml", run.yaml)
    let goesOn = FileManager.default.fileExists(atPath: folder.path("last.h5"))
    return Working(
      place: place, folder: folder,
      child: try ChildProgram(
        [
          "train", "--config", folder.path("options.yaml"), "--out", folder.folder, "--threads", "1",
          goesOn ? "--resume" : "--force",
        ], log: folder.path("log.txt")))
  }

  /// What came of a run; nil when it was told to stop and is to be gone on with.
  private func outcome(of one: Working, _ end: ChildProgram.End) throws -> SweepRanking.Outcome? {
    switch end {
    case .exited(0):
      return SweepRecord.outcome(in: one.folder, retries: true) ?? .failed("ended without a result")
    case .exited(let code) where code >= 128:
      return Interruption.requested ? nil : .failed("was stopped by signal \(code - 128)")
    case .exited(let code):
      let reason = SweepRecord.complaint(in: one.folder) ?? "ended with code \(code)"
      // The same run would end the same way once more.
      try SweepRecord.note(failure: reason, in: one.folder)
      return .failed(reason)
    case .killed(let signal):
      // A crash, or the system was out of memory: the next time may go well, so nothing is noted.
      return Interruption.requested ? nil : .failed("was ended by signal \(signal)")
    }
  }
}
