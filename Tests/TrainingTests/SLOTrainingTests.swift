import Autoscaling
import Checkpoints
import PodSimulation
import Testing

@testable import Training

@Suite("Training for the slo reward")
struct SLOTrainingTests {
  private func settings(_ algorithm: String) -> TrainingSettings {
    var settings = shortRun(algorithm, episodes: 2)
    settings.observation = ObservationSpec.autoscaleV1.name
    settings.basis = .usage
    settings.slo = SLOReward()
    settings.choices = 11
    settings.clusters = 2
    settings.sharesParameters = true
    settings.randomization = Randomization()
    settings.workload = WorkloadSettings("varied", mean: 12)
    return settings
  }

  @Test(
    "every algorithm learns headroom for the slo reward",
    arguments: ["mdqn", "ddmdqn", "ppo", "ippo", "dppo", "ddpg", "iddpg"])
  func algorithms(name: String) throws {
    let trainer = try Trainer(settings(name), threads: 1)
    for _ in 0..<2 {
      let summary = try trainer.runEpisode()
      // A limit costs at least something, and nothing is ever earned.
      #expect(summary.reward < 0 && summary.reward.isFinite)
    }
    #expect(try trainer.validate().score < 0)
    let metadata = try trainer.checkpoint().metadata
    #expect(metadata.reward == "slo" && metadata.normalisation == "level")
    #expect(
      metadata.extra == ["shared_parameters": "true", "action_basis": "usage", "headroom_band": "0.1", "slo": "0.25"])
    #expect(metadata.observation.kind == "autoscale-v1")
  }

  @Test("a pod's reward is its own limit and its own late requests, in units of its demand")
  func ownCredit() throws {
    var settings = settings("ppo")
    settings.randomization = nil
    settings.workload = WorkloadSettings("constant", mean: 10)
    let trainer = try Trainer(settings, threads: 1)
    let environment = trainer.environment
    environment.begin(episode: 0, limits: [600, 600, 200, 200, 100, 100])
    var reader = try RewardReader(settings, algorithm: trainer.algorithm)
    reader.begin(environment)
    environment.advance()
    let slo = SLOReward()
    var seen = 0
    reader.rewards(of: environment, cluster: 1) { pod, total in
      let lateness = environment.cluster.responses(pod: pod, cluster: 1).reduce(0.0) { $0 + slo.lateness($1) }
      let limit = Double(environment.cluster.limit(ofPod: pod, cluster: 1))
      // 10 requests/s of 10.1 ms.
      #expect(abs(total - -(limit + 40 * 10.1 * lateness) / 101) < 1e-4)
      seen += 1
    }
    #expect(seen == 3)
  }

  @Test("the price of late requests is drawn for every cluster and episode, within its doublings", arguments: 0..<20)
  func caution(episode: Int) {
    var settings = settings("ppo")
    #expect(EpisodeSchedule(settings: settings).caution(episode: episode, cluster: 0) == 0)
    settings.slo?.weightDoublings = 1.5
    let schedule = EpisodeSchedule(settings: settings)
    let drawn = (0..<20).map { schedule.caution(episode: episode, cluster: $0) }
    #expect(drawn.allSatisfy { abs($0) <= 1.5 })
    #expect(Set(drawn).count == 20)
    #expect(drawn == (0..<20).map { schedule.caution(episode: episode, cluster: $0) })
  }

  @Test("a pool that spreads stays within its factor and above everybody's minimum", arguments: 0..<50)
  func poolSpread(episode: Int) {
    var settings = settings("ppo")
    settings.poolSpread = 3
    let schedule = EpisodeSchedule(settings: settings)
    #expect((333...3000).contains(schedule.pool(1000, episode: episode, cluster: 1)))
    settings.minimum = 200
    #expect(EpisodeSchedule(settings: settings).pool(1000, episode: episode, cluster: 1) >= 600)
  }

  @Test("agents that learn to do without a source are not shown it in three of eight clusters")
  func hidden() throws {
    var settings = settings("ppo")
    settings.clusters = 8
    settings.hidesSources = true
    let trainer = try Trainer(settings, threads: 1)
    _ = try trainer.runEpisode()
    let shown = trainer.environment.groups.map { group in
      [group.histories[0].knowsResponses, group.histories[0].knowsPeriods]
    }
    #expect(
      shown == [
        [true, true], [false, true], [true, true], [true, false], [true, true], [false, false], [true, true],
        [true, true],
      ])
  }

  @Test("a reward that cannot be is refused with a sentence")
  func refusals() {
    var settings = settings("ppo")
    settings.slo?.slo = 0
    #expect(throws: TrainingError.self) { try settings.validate() }
    settings = self.settings("ppo")
    settings.compatibility = .upstream
    #expect(throws: TrainingError("actions that mean headroom have no upstream compatibility")) {
      try settings.validate()
    }
  }
}
