import Autoscaling
import Foundation
import Learning
import PodSimulation
import Training

/// The simulator by itself, and beside learning. Rates are those of CPU time whatever the clock: one thread does the work.
extension Workloads {
  /// Simulated seconds of one pod per second, on one core.
  func simulator(rate: Double, workers: Int) throws -> Row {
    let rates = try (0...runs).map { _ in
      try PodSimulationBenchmark.run(seconds: 1000, rate: rate, workers: workers).podSecondsPerSecond
    }.dropFirst().sorted()
    return Row(
      name: "simulator, \(Int(rate)) requests/s, W = \(workers)", threads: 1, value: rates[rates.count / 2],
      unit: "pod-s/s",
      best: rates[rates.count - 1])
  }

  /// What load, requests, samples, observations and decisions take of a training run with the published numbers: three
  /// pods, episodes of 60 s, one update per agent and step.
  func simulatorShare(_ name: String) throws -> Row {
    let algorithm = try Algorithms.named(name)
    var settings = TrainingSettings()
    settings.algorithm = name
    // Enough for a memory that is worth learning from.
    let (warmUp, episodes) = (5, 20)
    settings.episodes = warmUp + episodes
    let decision = DecisionSettings(pool: ResourcePool(capacity: settings.pool))
    let workload = try Workload(settings.workload)
    var shares: [Double] = []
    for run in 0...runs {
      let trainer = try Trainer(settings, agentSettings: algorithm.settings, threads: 1)
      for _ in 0..<warmUp { _ = try trainer.runEpisode() }
      let start = Clock.cpu.now()
      for _ in 0..<episodes { _ = try trainer.runEpisode() }
      let whole = Clock.cpu.now() - start
      let simulated = try PodSimulationBenchmark.episodes(
        episodes, of: PodClusterConfiguration(pods: settings.pods, seed: settings.seed), settings: decision,
        workload: workload, seconds: settings.steps, limit: settings.pool / settings.pods.count)
      if run > 0 { shares.append(simulated / whole * 100) }
    }
    shares.sort()
    return Row(
      name: "simulator's share of training, \(name)", threads: 1, value: shares[shares.count / 2], unit: "%",
      best: shares[0])
  }
}
