import Checkpoints
import Learning
import PodSimulation
import Testing

@testable import Training

@Suite("Training pods that come and go")
struct AbsentPodTests {
  private func run(_ algorithm: String, episodes: Int = 4) -> TrainingSettings {
    var settings = shortRun(algorithm, episodes: episodes)
    settings.clusters = 2
    settings.churn = PodChurn(stay: 20, absence: 10, restart: 15)
    settings.pods[1].startupWork = 0.5
    return settings
  }

  @Test("same seed, same checkpoint, resumed or not, with any number of threads", arguments: Algorithms.names)
  func determinism(algorithm: String) throws {
    let whole = try Trainer(run(algorithm), threads: 1)
    for _ in 0..<4 { _ = try whole.runEpisode() }
    let first = try Trainer(run(algorithm), threads: 2)
    for _ in 0..<2 { _ = try first.runEpisode() }
    let second = try Trainer(run(algorithm), threads: 1)
    try second.resume(try first.checkpoint())
    for _ in 0..<2 { _ = try second.runEpisode() }
    #expect(try second.checkpoint() == whole.checkpoint())
  }

  @Test("only steps of pods that were there before and after are learnt from")
  func transitions() throws {
    var settings = shortRun("mdqn", episodes: 2)
    settings.schedules = [PodSchedule(), PodSchedule(start: 20, end: 40), PodSchedule(start: 1000)]
    let trainer = try Trainer(settings, threads: 1)
    let summaries = try (0..<2).map { _ in try trainer.runEpisode() }
    let training = try #require(try trainer.checkpoint().training)
    let counts = (0..<3).map { training["agents/\($0)/replay/count"] }
    // There at 20 readings, which is 19 steps, in each of two episodes.
    #expect(counts == [.int64([120], shape: [1]), .int64([38], shape: [1]), .int64([0], shape: [1])])
    for summary in summaries {
      #expect(summary.agentRewards[2] == 0)
      #expect(summary.meanLimit > 0 && summary.meanLatency > 0)
    }
  }

  @Test("absent pods have no part in the others' reward")
  func rewards() throws {
    var settings = shortRun("mdqn", episodes: 1)
    settings.pods = Array(settings.pods.prefix(2))
    settings.workload = WorkloadSettings("constant", mean: 12)
    settings.schedules = [PodSchedule(), PodSchedule(start: 1000)]
    settings.pool = 400
    settings.start = .carried
    // A single choice that changes nothing: the same limits whoever decides.
    settings.increment = 1
    settings.minimum = 200
    settings.maximum = 200
    let beside = try Trainer(settings, threads: 1)
    settings.pods = Array(settings.pods.prefix(1))
    settings.schedules = nil
    settings.pool = 200
    let alone = try Trainer(settings, threads: 1)
    #expect(try beside.runEpisode().agentRewards[0] == alone.runEpisode().agentRewards[0])
  }
}
