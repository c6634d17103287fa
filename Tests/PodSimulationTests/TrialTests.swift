import RandomStreams
import Testing

@testable import PodSimulation

@Suite("Playing what has not happened yet")
struct TrialTests {
  @Test("a copied cluster goes on exactly as the original does", arguments: 0..<40)
  func continues(seed: UInt64) throws {
    var random = RandomStream(seed: seed, purpose: "trial")
    var parameters = [randomParameters(&random), randomParameters(&random)]
    parameters[0].baseUsage = random.below(2) == 0 ? 5 : 0
    func simulation(_ clusters: Int) throws -> PodCluster {
      try PodCluster(PodClusterConfiguration(pods: parameters, clusters: clusters, seed: seed))
    }
    let original = try simulation(1)
    original.reset(episode: 3)
    let copies = try simulation(2)
    copies.reset(episodes: [3, 3])
    let rate = Float(5 + random.below(40))
    for _ in 0..<5 + random.below(5) { original.advance(rates: [rate, rate / 2]) }
    if random.below(2) == 0 { original.setLimit(120, ofPod: 0, cluster: 0, after: 1.3) }
    // Whatever the copies did before does not matter.
    for _ in 0..<random.below(4) { copies.advance(rates: [60, 60, 60, 60]) }
    for cluster in 0..<2 { copies.take(0, of: original, into: cluster) }
    #expect(copies.time == original.time)
    for second in 0..<8 {
      if second == 3 {
        original.setLimit(200, ofPod: 1, cluster: 0)
        copies.setLimit(200, ofPod: 1, cluster: 1)
      }
      original.advance(rates: [rate, rate])
      copies.advance(rates: [rate, rate, rate, rate])
      for pod in 0..<2 {
        #expect(copies.second(pod: pod, cluster: 1) == original.second(pod: pod, cluster: 0))
        #expect(Array(copies.responses(pod: pod, cluster: 1)) == Array(original.responses(pod: pod, cluster: 0)))
      }
    }
  }

  @Test(
    "an imagined future has other requests at the same rate, the same ones every time, after those that wait already")
  func imagined() throws {
    let original = try cluster { $0.limit = 1000 }
    original.advance(rates: [50])
    let futures = try cluster(clusters: 3) { $0.limit = 1000 }
    futures.reset(episodes: [0, 0, 0])
    for index in 0..<3 { futures.take(0, of: original, into: index) }
    futures.redraw(cluster: 1, future: 7)
    futures.redraw(cluster: 2, future: 7)
    var sent = [0, 0, 0]
    for _ in 0..<100 {
      original.advance(rates: [50])
      futures.advance(rates: [50, 50, 50])
      #expect(futures.second(pod: 0, cluster: 0) == original.second(pod: 0, cluster: 0))
      #expect(futures.second(pod: 0, cluster: 1) == futures.second(pod: 0, cluster: 2))
      for index in 0..<3 { sent[index] += futures.second(pod: 0, cluster: index).sent }
    }
    #expect(sent[1] != sent[0])
    #expect((4700...5300).contains(sent[1]))
  }

  @Test("late are those that ended late, and those that have waited too long already")
  func late() throws {
    let simulated = try cluster {
      $0.workers = 1
      $0.limit = 1000
      $0.demand = ServiceDemand(.deterministic, mean: 0.4)
      $0.overhead = 0
      $0.latency = 0
      $0.speed = 1
    }
    // One after the other, 0.4 s each: done at 0.4, 0.8, 1.2, 1.6 and 2.0.
    simulated.setTrace(
      try RequestTrace(times: [0, 0, 0, 0, 0], demands: [0.4, 0.4, 0.4, 0.4, 0.4]), ofPod: 0, cluster: 0)
    simulated.reset(episode: 0)
    simulated.advance()
    #expect(simulated.responses(pod: 0, cluster: 0).count == 2)
    #expect(simulated.lateResponses(pod: 0, cluster: 0, above: 0.5) == 4)
    #expect(simulated.lateResponses(pod: 0, cluster: 0, above: 0.3) == 5)
    #expect(simulated.lateResponses(pod: 0, cluster: 0, above: 1.5) == 0)
  }

  @Test("a second's limit is its mean over time, and none while there is no pod")
  func meanLimit() throws {
    let simulated = try cluster { $0.limit = 200 }
    simulated.setLimit(400, ofPod: 0, cluster: 0, after: 0.25)
    simulated.advance(rates: [5])
    #expect(abs(simulated.second(pod: 0, cluster: 0).limit - 350) < 1e-9)
    simulated.setLimit(100, ofPod: 0, cluster: 0)
    simulated.advance(rates: [5])
    #expect(simulated.second(pod: 0, cluster: 0).limit == 100)
  }
}
