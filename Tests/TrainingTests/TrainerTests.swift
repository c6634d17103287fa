import Autoscaling
import Checkpoints
import Foundation
import Learning
import PodSimulation
import Testing

@testable import Training

/// A short run, for tests that look at how it is put together rather than at what it learns.
func shortRun(_ algorithm: String, episodes: Int = 4, seed: UInt64 = 7) -> TrainingSettings {
  var settings = TrainingSettings()
  settings.algorithm = algorithm
  settings.episodes = episodes
  settings.seed = seed
  settings.workload = WorkloadSettings("bursty", mean: 12)
  return settings
}

@Suite("Training")
struct TrainerTests {
  private func train(_ settings: TrainingSettings, threads: Int, episodes: Int? = nil) throws -> Trainer {
    let trainer = try Trainer(settings, threads: threads)
    for _ in 0..<(episodes ?? settings.episodes) { _ = try trainer.runEpisode() }
    return trainer
  }

  @Test("same seed, same checkpoint, with any number of threads", arguments: Algorithms.names)
  func determinism(algorithm: String) throws {
    let one = try train(shortRun(algorithm), threads: 1).checkpoint()
    #expect(try train(shortRun(algorithm), threads: 2).checkpoint() == one)
    #expect(try train(shortRun(algorithm, seed: 8), threads: 1).checkpoint().agents != one.agents)
  }

  @Test(
    "a resumed run is the uninterrupted run, bit for bit", arguments: Algorithms.names,
    DecisionSettings.Compatibility.allCases)
  func resume(algorithm: String, compatibility: DecisionSettings.Compatibility) throws {
    var settings = shortRun(algorithm)
    settings.compatibility = compatibility
    settings.clusters = 2
    settings.start = compatibility == .upstream ? .carried : .random
    var agent = try Algorithms.named(algorithm).settings
    if var ppo = agent as? PPOSettings {
      // A rollout is half full where the run stops.
      ppo.updateEvery = 3
      agent = ppo
    }
    let whole = try Trainer(settings, agentSettings: agent, threads: 1)
    let rows = try (0..<4).map { _ in try whole.runEpisode() }
    let half = try Trainer(settings, agentSettings: agent, threads: 1)
    for _ in 0..<2 { _ = try half.runEpisode() }
    let resumed = try Trainer(settings, agentSettings: agent, threads: 2)
    try resumed.resume(half.checkpoint())
    #expect(resumed.nextEpisode == 2)
    #expect(try (2..<4).map { _ in try resumed.runEpisode() } == Array(rows[2...]))
    #expect(try resumed.checkpoint() == whole.checkpoint())
  }

  @Test("a validation score does not depend on the looks before it", arguments: DecisionSettings.Compatibility.allCases)
  func repeatedValidation(compatibility: DecisionSettings.Compatibility) throws {
    var settings = shortRun("ppo")
    settings.compatibility = compatibility
    let trainer = try Trainer(settings, threads: 1)
    let first = try trainer.validate().score
    #expect(try trainer.validate().score == first)
  }

  @Test(
    "every row has the exploration of its episode's end, learnt or not",
    arguments: [
      ("mdqn", EpsilonSchedule().value(at: 60)), ("ppo", 0.5), ("dppo", 0),
      ("ddpg", OrnsteinUhlenbeckSettings().sigma(after: 59, decaySteps: 18_000 * (1 / 3.5))),
    ])
  func exploration(algorithm: String, first: Double) throws {
    let trainer = try Trainer(shortRun(algorithm, episodes: 300), threads: 1)
    // Too early for an update of any of them: the memories are too empty, the rollout is of three episodes.
    let row = try trainer.runEpisode()
    #expect(row.updates == 0)
    #expect(row.exploration == first)
  }

  @Test("a checkpoint from before upstream's queues were kept can still be gone on with")
  func resumeOlder() throws {
    var settings = shortRun("mdqn")
    settings.compatibility = .upstream
    var checkpoint = try train(settings, threads: 1, episodes: 1).checkpoint()
    #expect(checkpoint.training?.removeValue(forKey: "trainer/readings")?.count == 3 * 42)
    let resumed = try Trainer(settings, threads: 1)
    try resumed.resume(checkpoint)
    #expect(try resumed.runEpisode().episode == 1)
  }

  @Test(
    "training state that no run can have saved is refused with its name",
    arguments: [
      ("trainer/episode", TrainingArray.int64([-1], shape: [1]), "-1, expected 0…100000000"),
      ("trainer/limits", .int64([50, 50, .max], shape: [3]), "9223372036854775807, expected 1…1000000000"),
      ("trainer/limits", .int64([50, 50], shape: [2]), "2 limits, expected 3, one per pod and cluster"),
      ("trainer/best_score", .int64([1], shape: [1]), "1 values of type int64, expected 1 of type float64"),
      ("trainer/best_episode", .int64([9], shape: [1]), "9, expected 0…1"),
      ("trainer/waited", .int64([1, -1], shape: [2]), "-1, expected 0…1"),
      ("trainer/readings", .float32([1], shape: [1]), "1 numbers, expected 126"),
    ])
  func hostileTrainerState(name: String, array: TrainingArray, complaint: String) throws {
    var settings = shortRun("mdqn")
    settings.compatibility = .upstream
    let trainer = try train(settings, threads: 1, episodes: 1)
    _ = try trainer.validate()
    var checkpoint = try trainer.checkpoint()
    checkpoint.training?[name] = array
    let error = #expect(throws: LearningError.self) { try Trainer(settings, threads: 1).resume(checkpoint) }
    #expect(error?.description == "training state '\(name)' has \(complaint)")
  }

  @Test("an agent's hostile state is refused with its place, by resume and from the file alone")
  func hostileAgentState() throws {
    let trainer = try train(shortRun("mdqn"), threads: 1, episodes: 1)
    var checkpoint = try trainer.checkpoint()
    try Trainer.verify(checkpoint)
    checkpoint.training?["agents/1/replay/actions"] = .float32(Array(repeating: 1e30, count: 60), shape: [60])
    let expected = LearningError.state(
      "agents/1/replay/actions", found: "1e+30 at 0", expected: "whole numbers from 0 to 2")
    #expect(throws: expected) { try Trainer.verify(checkpoint) }
    #expect(throws: expected) { try Trainer(shortRun("mdqn"), threads: 1).resume(checkpoint) }
  }

  @Test("a number of episodes that is not that of the steps behind the weights is refused")
  func hostileEpisode() throws {
    var checkpoint = try train(shortRun("mdqn"), threads: 1, episodes: 1).checkpoint()
    checkpoint.training?["trainer/episode"] = .int64([3], shape: [1])
    #expect(throws: TrainingError("the checkpoint counts 180 steps, which are not 3 episodes of 180")) {
      try Trainer(shortRun("mdqn"), threads: 1).resume(checkpoint)
    }
  }

  @Test("a checkpoint without training state cannot be resumed, and says so")
  func resumeWeights() throws {
    var checkpoint = try train(shortRun("mdqn", episodes: 1), threads: 1).checkpoint()
    checkpoint.training = nil
    let trainer = try Trainer(shortRun("mdqn"), threads: 1)
    #expect(throws: TrainingError("the checkpoint holds weights only, so its run cannot be resumed")) {
      try trainer.resume(checkpoint)
    }
  }

  @Test("a run with other settings is not resumed, one with more episodes is")
  func resumeOther() throws {
    let checkpoint = try train(shortRun("mdqn", episodes: 1), threads: 1).checkpoint()
    func expectRefusal(
      of settings: TrainingSettings, _ agent: DQNSettings? = nil, because difference: String
    ) throws {
      let trainer = try Trainer(settings, agentSettings: agent, threads: 1)
      let sentence =
        "the checkpoint was trained with other settings: \(difference); resuming needs the options of the first run"
      #expect(throws: TrainingError(sentence)) { try trainer.resume(checkpoint) }
    }
    var other = shortRun("mdqn")
    other.alpha = 3
    try expectRefusal(of: other, because: "alpha was 0.75 and is 3")
    other = shortRun("mdqn")
    other.workload.parameters = ["ratio": 8]
    try expectRefusal(of: other, because: "workload.parameters.ratio was none and is 8")
    try expectRefusal(of: shortRun("dmdqn"), because: "algorithm was mdqn and is dmdqn")
    // What the learner was told counts as well.
    var agent = DQNSettings()
    agent.optimiser.learningRate = 0.01
    try expectRefusal(of: shortRun("mdqn"), agent, because: "optimiser.learningRate was 0.0001 and is 0.01")
    agent = DQNSettings()
    agent.batchSize = 64
    try expectRefusal(of: shortRun("mdqn"), agent, because: "batchSize was 128 and is 64")

    var longer = shortRun("mdqn", episodes: 9)
    longer.checkpointEvery = 3
    longer.stopping = EarlyStopping(patience: 2)
    try Trainer(longer, threads: 1).resume(checkpoint)
  }

  @Test("clusters side by side learn from all their episodes; one network can serve all pods")
  func vectorised() throws {
    var settings = shortRun("mdqn", episodes: 2)
    settings.clusters = 3
    settings.sharesParameters = true
    let trainer = try train(settings, threads: 2)
    let checkpoint = try trainer.checkpoint()
    #expect(checkpoint.agents.count == 1)
    #expect(trainer.environmentSteps == 2 * 60 * 3 * 3)
    #expect(checkpoint.metadata.trainingSteps == trainer.environmentSteps)
    #expect(checkpoint.metadata.extra == ["shared_parameters": "true"])
  }

  @Test("the pool is never exceeded while agents explore", arguments: Algorithms.names)
  func pool(algorithm: String) throws {
    let trainer = try Trainer(shortRun(algorithm, episodes: 3), threads: 1)
    for _ in 0..<3 {
      _ = try trainer.runEpisode()
      #expect(trainer.environment.limits.reduce(0, +) <= 1000)
    }
  }

  @Test("published schedules: pool, priorities and fresh starts change when they should")
  func schedule() {
    var settings = shortRun("mdqn")
    settings.variablePool = true
    settings.priorities = .random
    let schedule = EpisodeSchedule(settings: settings)
    let pools = (0..<60).map { schedule.pool(episode: $0) }
    #expect(Set(pools).isSubset(of: [500, 750, 1000, 1250, 1500, 1750, 2000]))
    #expect(Set(pools).count > 3)
    for episode in 0..<60 {
      #expect(pools[episode] == pools[episode / 5 * 5])
      #expect(schedule.startsAnew(episode: episode) == (episode % 5 == 0))
      #expect(
        schedule.priority(ofPod: 1, episode: episode) == schedule.priority(ofPod: 1, episode: episode / 4 * 4))
    }
    let priorities = Set((0..<400).map { schedule.priority(ofPod: 0, episode: $0) })
    #expect(priorities == Set((1...10).map { Double($0) / 10 }))
  }

  @Test(
    "published priorities by number: each trainer's own under upstream compatibility, one trainer's for all without",
    arguments: [
      ("mdqn", 1, [1, 1, 1, 1]), ("ddmdqn", 2, [0.1, 1, 0.1, 0.1]), ("mdqn", 3, [1, 0.1, 0.1, 1]),
      ("ppo", 1, [1, 0.1, 0.1, 1]), ("dppo", 2, [0.1, 1, 0.1, 0.1]), ("ippo", 3, [0.1, 0.1, 1, 0.1]),
      ("ppo", 4, [1, 1, 1, 1]), ("ddpg", 1, [0.1, 1, 0.1, 0.1]), ("iddpg", 2, [1, 0.1, 0.1, 1]),
    ])
  func publishedPriorities(algorithm: String, number: Int, expected: [Double]) {
    var settings = shortRun(algorithm)
    settings.priorities = .published(number)
    func priorities() -> [Double] {
      let schedule = EpisodeSchedule(settings: settings)
      return (0..<4).map { schedule.priority(ofPod: $0, episode: 17) }
    }
    let common = [1: [1, 0.1, 0.1, 1], 2: [0.1, 1, 0.1, 0.1], 3: [0.1, 0.1, 1, 0.1]]
    #expect(priorities() == common[number] ?? [1, 1, 1, 1])
    settings.compatibility = .upstream
    #expect(priorities() == expected)
  }

  @Test(
    "a published number without a pattern draws, every four episodes, where the trainer did",
    arguments: [("mdqn", 4), ("ddpg", 3)])
  func publishedDraw(algorithm: String, number: Int) {
    var settings = shortRun(algorithm)
    settings.compatibility = .upstream
    func priorities(_ priorities: TrainingSettings.Priorities) -> [Double] {
      settings.priorities = priorities
      let schedule = EpisodeSchedule(settings: settings)
      return (0..<40).map { schedule.priority(ofPod: 1, episode: $0) }
    }
    #expect(priorities(.published(number)) == priorities(.random))
    #expect(Set(priorities(.random)).count > 3)
  }

  @Test("drawn first limits fit the pool and everybody's minimum", arguments: 0..<50)
  func firstLimits(episode: Int) {
    let schedule = EpisodeSchedule(settings: shortRun("mdqn"))
    let limits = schedule.randomLimits(episode: episode, cluster: 0, pool: 1000)
    #expect(limits.reduce(0, +) <= 1000)
    #expect(limits.allSatisfy { $0 >= 50 && $0 % 10 == 0 })
  }

  @Test(
    "settings that cannot be trained are refused with a sentence",
    arguments: [
      ("choices", "7 actions, expected 3, 5 or 11"),
      ("pool", "100m do not give 3 pods their smallest limit of 50m each"),
      ("priorities", "2 priorities for 3 pods, expected one or one per pod"),
      ("reward", "reward function 42 has no shared part in the PPO family, expected 1 to 5"),
    ])
  func refusals(what: String, sentence: String) {
    var settings = shortRun("ppo")
    switch what {
    case "choices": settings.choices = 7
    case "pool": settings.pool = 100
    case "priorities": settings.priorities = .fixed([1, 1])
    default: settings.reward = 42
    }
    #expect(throws: TrainingError(sentence)) { try Trainer(settings, threads: 1) }
  }

  @Test("the learning curve has a row per episode")
  func curve() throws {
    let folder = NSTemporaryDirectory() + "marlise-curve-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let run = try RunFolder(folder, force: false)
    var curve = try LearningCurve(in: run, agents: 3)
    let trainer = try Trainer(shortRun("mdqn"), threads: 1)
    for _ in 0..<3 { try curve.add(try trainer.runEpisode()) }
    try curve.close()
    let lines = try String(contentsOfFile: run.path("metrics.csv"), encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[0].hasPrefix("episode,reward,mean_latency_s"))
    #expect(lines[3].hasPrefix("2,"))
    #expect(throws: TrainingError.self) { try RunFolder(folder, force: false) }

    var resumed = try LearningCurve(in: run, agents: 3, from: 2)
    try resumed.close()
    let kept = try String(contentsOfFile: run.path("metrics.csv"), encoding: .utf8).split(separator: "\n")
    #expect(kept == lines.dropLast())
  }
}
