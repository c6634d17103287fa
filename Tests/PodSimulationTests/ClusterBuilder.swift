import PodSimulation
import RandomStreams

/// A cluster of like pods, the defaults changed by `change`.
func cluster(
  pods: Int = 1, clusters: Int = 1, seed: UInt64 = 1, sharedCores: Double? = nil, threads: Int = 1,
  _ change: (inout PodParameters) -> Void = { _ in }
) throws -> PodCluster {
  var parameters = PodParameters()
  change(&parameters)
  return try PodCluster(
    PodClusterConfiguration(
      pods: Array(repeating: parameters, count: pods), clusters: clusters, seed: seed, sharedCores: sharedCores,
      threads: threads))
}

/// A pod whose every part is drawn: what property tests range over.
func randomParameters(_ random: inout RandomStream) -> PodParameters {
  var parameters = PodParameters()
  parameters.workers = [1, 2, 4, 8][random.below(4)]
  parameters.cores = [1, 2][random.below(2)]
  parameters.demand = ServiceDemand(
    [.exponential, .deterministic, .lognormal][random.below(3)], mean: 0.003 + 0.02 * random.uniform(), variation: 0.8)
  parameters.arrivals = Arrivals(Arrivals.Process.allCases[random.below(3)])
  parameters.limit = 50 + 50 * random.below(20)
  parameters.speed = 0.9 + 0.1 * random.uniform()
  parameters.throttlingTick = random.below(3) == 0 ? 0.004 : 0
  parameters.startupWork = random.below(3) == 0 ? 0.3 : 0
  return parameters
}
