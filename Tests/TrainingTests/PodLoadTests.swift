import Autoscaling
import Learning
import PodSimulation
import Testing

@testable import Training

/// Pod loads whose best limit is known beforehand: what the learners are for, in the small.
@Suite("Agents on pod loads with known answers")
struct PodLoadTests {
  /// One pod on a steady load.
  private func settings(_ algorithm: String, rps: Double, pool: Int) -> TrainingSettings {
    var settings = TrainingSettings()
    settings.algorithm = algorithm
    settings.pods = [PodParameters()]
    settings.pool = pool
    settings.workload = WorkloadSettings("constant", mean: rps, minimum: 0)
    settings.seed = 3
    return settings
  }

  /// Where the trained agent's limit is after two minutes from a limit in the middle, millicores: the mean of the last 30 s.
  private func finalLimit(_ settings: TrainingSettings, episodes: Int) throws -> Double {
    var settings = settings
    settings.episodes = episodes
    let trainer = try Trainer(settings, threads: 1)
    for _ in 0..<episodes { _ = try trainer.runEpisode() }
    let networks = trainer.agents.agents.map { agent in
      Dictionary(uniqueKeysWithValues: agent.networks.map { ($0.name, $0.parameters) })
    }
    let policy = try GreedyPolicy(algorithm: settings.algorithm, sets: networks)
    let environment = try ScalingEnvironment(
      PodClusterConfiguration(pods: settings.pods, seed: 99), pods: [PodDescription(name: "pod")],
      settings: settings.decisionSettings(of: trainer.algorithm), workload: try Workload(settings.workload),
      seconds: 120)
    environment.begin(episode: 0, limits: [settings.pool / 2])
    var action: Float = 0
    var sum = 0.0
    for second in 0..<120 {
      policy.decide(environment.observations.values, into: &action)
      environment.groups[0].decide(actions: &action, stride: 1)
      environment.advance()
      if second >= 90 { sum += Double(environment.limits[0]) }
    }
    return sum / 30
  }

  @Test(
    "where more CPU is strictly better, the limit ends at the pool's cap",
    arguments: [("mdqn", 60), ("ddmdqn", 60), ("ppo", 400), ("dppo", 120), ("ddpg", 60), ("iddpg", 60), ("ippo", 500)])
  func moreIsBetter(algorithm: String, episodes: Int) throws {
    // The load needs 253m on average: up to the cap of 400m response times only fall with CPU, and only they count.
    var settings = settings(algorithm, rps: 25, pool: 400)
    settings.reward = 4
    settings.alpha = 5
    let limit = try finalLimit(settings, episodes: episodes)
    #expect(limit >= 380)
  }

  @Test(
    "where CPU is strictly worse, the limit ends at the minimum",
    arguments: [("mdqn", 60), ("ddmdqn", 60), ("ppo", 90), ("dppo", 120), ("ddpg", 60), ("iddpg", 60), ("ippo", 120)])
  func lessIsBetter(algorithm: String, episodes: Int) throws {
    // Reward 1 without response times: −½ for every second in which the pod uses no more than 30 % of its limit.
    var settings = settings(algorithm, rps: 3, pool: 400)
    settings.reward = 1
    settings.alpha = 0
    let limit = try finalLimit(settings, episodes: episodes)
    #expect(limit <= 100)
  }
}
