import RandomStreams
import Testing

@testable import PodSimulation

@Suite("Balances over random configurations")
struct BalanceTests {
  /// A random service under a random limit, and a rate that asks for a part of what it can give.
  private func service(_ random: inout RandomStream, utilisation: Double) -> (PodParameters, rate: Double) {
    var parameters = randomParameters(&random)
    parameters.arrivals = Arrivals(.poisson)
    parameters.latency = 0
    parameters.startupWork = 0
    parameters.timeout = random.below(2) == 0 ? 2 : 0.3
    let cores = min(
      Double(parameters.limit) / 1000, parameters.speed * min(parameters.cores, Double(parameters.workers)))
    return (parameters, utilisation * cores / (parameters.demand.mean + parameters.overhead))
  }

  @Test("Little's law: waiting clients are the rate times the mean response time", arguments: 0..<16)
  func littlesLaw(seed: UInt64) throws {
    var random = RandomStream(seed: seed, purpose: "little")
    let (parameters, rate) = service(&random, utilisation: 0.3 + 0.5 * random.uniform())
    // Many clusters, each with a period phase of its own: seconds end at every point of a period.
    let clusters = 200
    let simulated = try PodCluster(PodClusterConfiguration(pods: [parameters], clusters: clusters, seed: seed))
    let rates = [Float](repeating: Float(rate), count: clusters)
    var (waiting, responses) = (0.0, 0.0)
    for _ in 0..<100 {
      simulated.advance(rates: rates)
      for cluster in 0..<clusters {
        let second = simulated.second(pod: 0, cluster: cluster)
        waiting += Double(second.inFlight)
        responses += second.mean * Double(second.ended)
      }
    }
    #expect(abs(waiting / responses - 1) < 0.06, "\(waiting) client-seconds waited, \(responses) of response times")
  }

  @Test("CPU used is the work of the requests that were served, to a request per worker", arguments: 0..<40)
  func work(seed: UInt64) throws {
    var random = RandomStream(seed: seed, purpose: "work")
    var (parameters, rate) = service(&random, utilisation: 0.3 + random.uniform())
    parameters.demand.distribution = .deterministic
    let shared: Double? = random.below(2) == 0 ? nil : 0.8
    let simulated = try PodCluster(
      PodClusterConfiguration(pods: [parameters, parameters], seed: seed, sharedCores: shared))
    let request = parameters.demand.mean + parameters.overhead
    var (used, sent) = ([0.0, 0.0], [0, 0])
    for _ in 0..<60 {
      simulated.advance(rates: [Float(rate), Float(rate)])
      for pod in 0..<2 {
        let second = simulated.second(pod: pod, cluster: 0)
        used[pod] += second.usage / 1000
        sent[pod] += second.sent
        let served = Double(sent[pod] - second.backlog) * request
        #expect(used[pod] >= served - 1e-6)
        #expect(used[pod] <= served + Double(min(second.backlog, parameters.workers)) * request + 1e-6)
      }
    }
  }
}
