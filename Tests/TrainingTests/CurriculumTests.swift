import Learning
import PodSimulation
import Testing

@testable import Training

@Suite("Curriculum")
struct CurriculumTests {
  private func run(_ algorithm: String = "mdqn", stages: [String], pods: Int = 8) throws -> TrainingSettings {
    var settings = shortRun(algorithm, episodes: 6)
    settings.steps = 20
    settings.clusters = 4
    settings.pods = Array(repeating: PodParameters(), count: pods)
    settings.pool = 250 * pods
    settings.sharesParameters = true
    settings.observation = "autoscale-v1"
    settings.curriculum = try stages.map { try CurriculumStage($0) }
    return settings
  }

  private let stages = [
    "episodes=2 workload=constant load=0.5 pods=3", "episodes=2 pods=3-5", "pods=3-8 pool_per_pod=150-600",
  ]

  @Test("a stage reads back as it is written")
  func text() throws {
    let text = "episodes=200 workload=constant load=0.5-1 pods=3-5 pool_per_pod=200-400"
    let stage = try CurriculumStage("  pods=3-5 load=0.5-1  episodes=200 workload=constant pool_per_pod=200-400")
    #expect(stage.text == text)
    #expect(try CurriculumStage(stage.text) == stage)
    #expect(try CurriculumStage("") == CurriculumStage())
  }

  @Test(
    "what is no stage is refused with a sentence",
    arguments: [
      ("pod=3", "a stage has 'pod', expected episodes, workload, load, pods or pool_per_pod"),
      ("pods", "a stage has 'pods', expected key=value such as load=0.5-1"),
      ("pods=3 pods=4", "a stage has 'pods' twice"),
      ("pods=2.5", "a stage has 'pods=2.5', expected whole numbers of pods"),
      ("pods=5-3", "a stage has 'pods=5-3', expected a number or two with a dash between them, from 1 to 10000"),
      ("load=-1", "a stage has 'load=-1', expected a number or two with a dash between them, from 0.01 to 100"),
      ("load=nan", "a stage has 'load=nan', expected a number or two with a dash between them, from 0.01 to 100"),
      ("episodes=0", "a stage has 'episodes=0', expected a whole number of episodes from 1 to 100,000,000"),
    ])
  func badStage(text: String, sentence: String) {
    #expect(throws: TrainingError(sentence)) { try CurriculumStage(text) }
  }

  @Test(
    "stages that do not make a run are refused",
    arguments: [
      (
        ["pods=3", "pods=4"],
        "every stage of the curriculum but the last says how many episodes it lasts, and only those do"
      ),
      (["episodes=6", ""], "the curriculum's last stage begins after 6 episodes, expected fewer than the run's 6"),
      (["pods=3-9"], "stage 1 of the curriculum has up to 9 pods, expected at most the run's 8"),
      (
        ["pool_per_pod=40"],
        "stage 1 of the curriculum has 40.0m for a pod, expected at least the smallest limit of 50m"
      ),
    ])
  func badRun(stages: [String], sentence: String) throws {
    let settings = try run(stages: stages)
    #expect(throws: TrainingError(sentence)) { try Trainer(settings, threads: 1) }
  }

  @Test("a load that nobody knows, two draws of the pool and a graph without its pods are refused")
  func contradictions() throws {
    #expect(throws: TrainingError.self) { try Trainer(run(stages: ["workload=tidal"]), threads: 1) }
    var spread = try run(stages: ["pool_per_pod=100-200"])
    spread.poolSpread = 2
    #expect(throws: TrainingError.self) { try Trainer(spread, threads: 1) }
    var graph = try run(stages: ["pods=3"])
    graph.graph = try ServiceGraph("0>1>2", pods: 8)
    #expect(throws: TrainingError.self) { try Trainer(graph, threads: 1) }
  }

  @Test("one shared network learns from clusters of three to eight pods at once")
  func pods() throws {
    let trainer = try Trainer(run(stages: stages), threads: 1)
    let schedule = EpisodeSchedule(settings: trainer.settings)
    var seen: [Set<Int>] = [[], [], []]
    trainer.onStep = { trainer, step in
      let environment = trainer.environment
      for cluster in 0..<environment.clusters {
        let present = (0..<environment.pods).count { environment.cluster.isPresent(pod: $0, cluster: cluster) }
        // Who is there does not change within an episode, and is what the schedule says.
        #expect(present == schedule.presentPods(episode: trainer.nextEpisode, cluster: cluster))
        seen[trainer.stage ?? 0].insert(present)
        let group = environment.groups[cluster]
        let limits = (0..<group.count).filter { group.samples[$0].isPresent }.map { group.samples[$0].limit }
        #expect(limits.reduce(0, +) <= group.settings.pool.capacity)
      }
    }
    for _ in 0..<6 { _ = try trainer.runEpisode() }
    #expect(seen[0] == [3])
    #expect(seen[1].isSubset(of: 3...5) && seen[2].isSubset(of: 3...8))
    #expect(seen[2].count > 2)
    #expect(trainer.agents.agents.count == 1)
  }

  @Test("every stage's conditions come from its ranges, the same every time")
  func draws() throws {
    var settings = try run(stages: ["episodes=50 load=0.5-2 pods=3-8 pool_per_pod=100-400", "load=3"])
    settings.episodes = 100
    let schedule = EpisodeSchedule(settings: settings)
    let draws = (0..<50).flatMap { episode in
      (0..<4).map { cluster in
        (
          schedule.presentPods(episode: episode, cluster: cluster),
          schedule.loadScale(episode: episode, cluster: cluster),
          schedule.pool(settings.pool, episode: episode, cluster: cluster)
        )
      }
    }
    #expect(Set(draws.map(\.0)) == [3, 4, 5, 6, 7, 8])
    #expect(draws.allSatisfy { (0.5...2).contains($0.1) && (100 * $0.0...400 * $0.0 + 1).contains($0.2) })
    // Half as much is as frequent as twice as much.
    #expect((60...140).contains(draws.count { $0.1 < 1 }))
    #expect(schedule.loadScale(episode: 50, cluster: 0) == 3)
    #expect(schedule.presentPods(episode: 99, cluster: 0) == 8)
    // Validation plays what comes last.
    #expect(schedule.loadScale(episode: -1, cluster: 0) == 3)
  }

  @Test("a stage without a pool of its own keeps the pool's part for each pod")
  func pool() throws {
    let schedule = EpisodeSchedule(settings: try run(stages: ["pods=4"]))
    #expect(schedule.pool(2000, episode: 0, cluster: 0) == 1000)
    #expect(EpisodeSchedule(settings: try run(stages: ["load=2"])).pool(2000, episode: 0, cluster: 0) == 2000)
  }

  @Test("the load of a stage is its own, and scaled")
  func load() throws {
    var settings = try run(stages: ["episodes=1 workload=constant load=0.5", "episodes=1 load=2", "workload=constant"])
    settings.workload = WorkloadSettings("constant", mean: 12)
    let trainer = try Trainer(settings, threads: 1)
    let demands = try (0..<3).map { _ in
      _ = try trainer.runEpisode()
      return trainer.environment.demand(ofPod: 0, cluster: 1).peak
        / trainer.environment.demand(ofPod: 0, cluster: 1).perRequest
    }
    #expect(demands.map { ($0 * 100).rounded() / 100 } == [6, 24, 12])
  }

  @Test("same seed, same checkpoint, resumed or not, with any number of threads", arguments: Algorithms.names)
  func determinism(algorithm: String) throws {
    let settings = try run(algorithm, stages: stages)
    let whole = try Trainer(settings, threads: 1)
    for _ in 0..<6 { _ = try whole.runEpisode() }
    let score = try whole.validate()
    for half in [1, 2, 4] {
      let first = try Trainer(settings, threads: 2)
      for _ in 0..<half { _ = try first.runEpisode() }
      let second = try Trainer(settings, threads: 1)
      try second.resume(first.checkpoint())
      for _ in half..<6 { _ = try second.runEpisode() }
      #expect(try second.validate() == score)
      #expect(try second.checkpoint() == whole.checkpoint())
    }
  }

  @Test("pods that are left out stay out, also where pods come and go")
  func churn() throws {
    var settings = try run(stages: ["pods=3"])
    settings.churn = PodChurn(stay: 5, absence: 5, restart: 5)
    let trainer = try Trainer(settings, threads: 1)
    var everLater = false
    trainer.onStep = { trainer, _ in
      for cluster in 0..<4 {
        for pod in 3..<8 where trainer.environment.cluster.isPresent(pod: pod, cluster: cluster) { everLater = true }
      }
    }
    for _ in 0..<4 { _ = try trainer.runEpisode() }
    #expect(!everLater)
  }
}
