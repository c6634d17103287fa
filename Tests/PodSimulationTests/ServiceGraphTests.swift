import Autoscaling
import RandomStreams
import Testing

@testable import PodSimulation

@Suite("Service graphs")
struct ServiceGraphTests {
  /// Pods without latency, overhead or disturbance, whose every request needs `demands[pod]` core-seconds.
  private func exact(
    demands: [Double], limits: [Int], _ graph: ServiceGraph, sharedCores: Double? = nil
  ) throws -> PodCluster {
    let pods = zip(demands, limits).map { demand, limit in
      var pod = PodParameters()
      pod.demand = ServiceDemand(.deterministic, mean: demand)
      pod.limit = limit
      pod.overhead = 0
      pod.latency = 0
      pod.speed = 1
      pod.phase = 0.001
      return pod
    }
    var configuration = PodClusterConfiguration(pods: pods, sharedCores: sharedCores)
    configuration.graph = graph
    let simulated = try PodCluster(configuration)
    simulated.recorder = ResponseRecorder()
    return simulated
  }

  private func rounded(_ responses: [ResponseRecorder.Response]) -> [Double] {
    responses.map { ($0.time * 1e9).rounded() / 1e9 }
  }

  @Test("stages follow one another, and a stage lasts as long as its slowest visit", arguments: [nil, 1.0])
  func forkJoin(cores: Double?) throws {
    // 10 ms, then 20 ms beside 30 ms (50 ms together on one core), then 5 ms.
    let simulated = try exact(
      demands: [0.010, 0.020, 0.030, 0.005], limits: [1000, 1000, 1000, 1000],
      ServiceGraph([ServiceGraph.Route(entry: 0, stages: [[1, 2], [3]])]), sharedCores: cores)
    simulated.setTrace(try RequestTrace(times: [0.002], demands: [0.010]), ofPod: 0, cluster: 0)
    simulated.reset(episode: 0)
    simulated.advance()
    let recorder = try #require(simulated.recorder)
    #expect(rounded(recorder.responses(route: 0, cluster: 0)) == [cores == nil ? 0.045 : 0.065])
    let visits = (0..<4).map { rounded(recorder.responses(pod: $0, cluster: 0)) }
    #expect(visits == (cores == nil ? [[0.010], [0.020], [0.030], [0.005]] : [[0.010], [0.040], [0.050], [0.005]]))
  }

  @Test("one starved pod holds up every request that passes it, and the others stay idle")
  func starvation() throws {
    let graph = ServiceGraph([ServiceGraph.Route(entry: 0, stages: [[1], [2]])])
    func play(middle: Int) throws -> (RouteSecond, [PodSecond]) {
      let simulated = try exact(demands: [0.005, 0.010, 0.005], limits: [500, middle, 500], graph)
      for _ in 0..<30 { simulated.advance(rates: [20, 1000, 1000]) }
      return (simulated.second(route: 0, cluster: 0), (0..<3).map { simulated.second(pod: $0, cluster: 0) })
    }
    let (well, wellPods) = try play(middle: 600)
    let (starved, pods) = try play(middle: 50)
    #expect(well.mean < 0.1 && well.timeouts == 0)
    // The rates of pods that are no entry count for nothing.
    #expect(wellPods[1].sent < 60)
    #expect(starved.timeouts > 0 && starved.completed == 0)
    #expect(abs(pods[1].usage - 50) < 1)
    #expect(pods[0].mean < 0.02 && pods[2].mean < 0.02 && pods[2].usage < wellPods[2].usage / 2)
  }

  @Test("requests and visits are conserved on any graph, with pods that come and go", arguments: 0..<80)
  func conservation(seed: UInt64) throws {
    var random = RandomStream(seed: seed, purpose: "graph test")
    let count = 2 + random.below(4)
    var configuration = PodClusterConfiguration(
      pods: (0..<count).map { _ in randomParameters(&random) }, clusters: 2, seed: seed,
      sharedCores: random.below(2) == 0 ? nil : 1.5)
    var routes: [ServiceGraph.Route] = []
    for entry in 0..<1 + random.below(count) {
      let stages = (0..<random.below(4)).map { _ in (0..<count).filter { $0 == count - 1 || random.below(2) == 0 } }
      routes.append(ServiceGraph.Route(entry: entry, stages: stages))
    }
    configuration.graph = ServiceGraph(routes)
    let comesAndGoes = random.below(2) == 0
    if comesAndGoes {
      configuration.schedules = (0..<count).map { _ in
        PodSchedule(start: random.below(5), end: 12 + random.below(20), restarts: [6 + random.below(5)])
      }
    }
    let simulated = try PodCluster(configuration)
    simulated.recorder = ResponseRecorder()
    var sent = [Int](repeating: 0, count: routes.count * 2)
    var ended = sent
    var visits = [Int](repeating: 0, count: count * 2)
    var visitsEnded = visits
    for time in 0..<30 {
      // The last seconds bring nothing new, so that what is under way can end.
      simulated.advance(rates: (0..<count * 2).map { _ in time < 10 ? Float(random.below(20)) : 0 })
      for place in sent.indices {
        let second = simulated.second(route: place / 2, cluster: place % 2)
        sent[place] += second.sent
        ended[place] += second.ended + second.refused
        #expect(sent[place] == ended[place] + second.inFlight)
        #expect(second.backlog >= second.inFlight)
        let timeout = configuration.pods[routes[place / 2].entry].timeout
        #expect(second.mean >= 0 && second.mean <= timeout && second.p95 <= second.p99 && second.p99 <= timeout)
        #expect(comesAndGoes || second.refused == 0)
      }
      for place in visits.indices {
        let second = simulated.second(pod: place / 2, cluster: place % 2)
        visits[place] += second.sent
        visitsEnded[place] += second.ended + second.refused
        #expect(visits[place] == visitsEnded[place] + second.inFlight)
      }
      for cluster in 0..<2 {
        // A request that is under way is inside a pod, and no pod holds a visit of none.
        let inside = (0..<count).map { simulated.second(pod: $0, cluster: cluster).backlog }.reduce(0, +)
        let open = routes.indices.map { simulated.second(route: $0, cluster: cluster).backlog }.reduce(0, +)
        #expect(open <= inside)
        #expect(comesAndGoes || open > 0 || time < 5 || inside == 0)
      }
    }
    guard !comesAndGoes else { return }
    for cluster in 0..<2 where (0..<count).allSatisfy({ simulated.second(pod: $0, cluster: cluster).backlog == 0 }) {
      // All is done: every pod was visited as often as the routes say.
      for pod in 0..<count {
        let expected = routes.indices.reduce(0) { sum, number in
          let times = routes[number].stages.filter { $0.contains(pod) }.count + (routes[number].entry == pod ? 1 : 0)
          return sum + times * sent[number * 2 + cluster]
        }
        #expect(visits[pod * 2 + cluster] == expected)
      }
      let recorder = try #require(simulated.recorder)
      for number in routes.indices {
        #expect(recorder.responses(route: number, cluster: cluster).count == sent[number * 2 + cluster])
      }
    }
  }

  @Test("a graph of entries only is a cluster of services on their own", arguments: 0..<10)
  func entriesOnly(seed: UInt64) throws {
    var random = RandomStream(seed: seed, purpose: "entries")
    var configuration = PodClusterConfiguration(pods: (0..<3).map { _ in randomParameters(&random) }, seed: seed)
    let alone = try PodCluster(configuration)
    configuration.graph = ServiceGraph((0..<3).map { ServiceGraph.Route(entry: $0) })
    let graph = try PodCluster(configuration)
    for _ in 0..<20 {
      let rates = (0..<3).map { _ in Float(random.below(50)) }
      alone.advance(rates: rates)
      graph.advance(rates: rates)
      for pod in 0..<3 {
        let (a, b) = (alone.second(pod: pod, cluster: 0), graph.second(pod: pod, cluster: 0))
        let route = graph.second(route: pod, cluster: 0)
        #expect(a.sent == b.sent && a.completed == b.completed && a.throttledPeriods == b.throttledPeriods)
        #expect(abs(a.usage - b.usage) < 1e-6 && abs(a.mean - b.mean) < 1e-9)
        #expect(route.sent == b.sent && route.completed == b.completed && route.timeouts == b.timeouts)
        #expect(abs(route.mean - b.mean) < 1e-9 && abs(route.p95 - b.p95) < 1e-9 && route.inFlight == b.inFlight)
      }
    }
  }

  @Test("a tandem of unlimited pods has the response time of queues in series")
  func tandem() throws {
    var pod = PodParameters()
    pod.limit = 1_000_000
    pod.speed = 1
    pod.overhead = 0
    pod.latency = 0
    pod.timeout = 1000
    var configuration = PodClusterConfiguration(pods: [pod, pod], clusters: 8, seed: 3)
    configuration.graph = ServiceGraph([ServiceGraph.Route(entry: 0, stages: [[1]])])
    let simulated = try PodCluster(configuration)
    simulated.recorder = ResponseRecorder()
    for _ in 0..<600 { simulated.advance(rates: [Float](repeating: 50, count: 16)) }
    let recorder = try #require(simulated.recorder)
    let times = (0..<8).flatMap { recorder.responses(route: 0, cluster: $0).map(\.time) }
    // Jackson: each queue as if alone, E[R] = 2 · S / (1 − ρ) = 40 ms.
    #expect(abs(times.reduce(0, +) / Double(times.count) - 0.040) < 0.0015)
  }

  @Test("an episode is the same whatever ran before, and for any number of clusters and threads")
  func determinism() throws {
    func play(clusters: Int, threads: Int, rounds: Int) throws -> [[RouteSecond]] {
      var configuration = PodClusterConfiguration(
        pods: [PodParameters(), PodParameters(), PodParameters()], clusters: clusters, seed: 7, threads: threads)
      configuration.graph = ServiceGraph([
        ServiceGraph.Route(entry: 0, stages: [[1, 2]]), ServiceGraph.Route(entry: 1, stages: [[2]]),
      ])
      let simulated = try PodCluster(configuration)
      var episodes: [[RouteSecond]] = []
      for round in 0..<rounds {
        simulated.reset(episode: round)
        var seconds = [[RouteSecond]](repeating: [], count: clusters)
        for _ in 0..<8 {
          simulated.advance(rates: [Float](repeating: 9, count: 3 * clusters))
          for index in 0..<clusters {
            seconds[index] += (0..<2).map { simulated.second(route: $0, cluster: index) }
          }
        }
        episodes += seconds
      }
      return episodes
    }
    let reference = try play(clusters: 1, threads: 1, rounds: 6)
    #expect(Set(reference.map { $0[6].mean }).count == 6)
    #expect(try play(clusters: 6, threads: 3, rounds: 1) == reference)
    #expect(try play(clusters: 2, threads: 2, rounds: 3) == reference)
  }

  @Test("graphs that lead nowhere are refused")
  func refusals() {
    func sentence(_ routes: [ServiceGraph.Route]) -> String? {
      (#expect(throws: SimulationError.self) { try ServiceGraph(routes).validate(pods: 3) })?.description
    }
    #expect(sentence([]) == "the number of routes is 0, expected 1…3")
    #expect(sentence([.init(entry: 3)]) == "routes[0].entry is 3, expected 0…2")
    #expect(
      sentence([.init(entry: 1), .init(entry: 1)])
        == "routes[1].entry is pod 1 again, expected one route per entry pod")
    #expect(
      sentence([.init(entry: 0, stages: [[]])]) == "the number of pods in routes[0].stages[0] is 0, expected 1…3")
    #expect(sentence([.init(entry: 0, stages: [[1], [-1]])]) == "a pod in routes[0].stages[1] is -1, expected 0…2")
    #expect(
      sentence([.init(entry: 0, stages: [[1, 1]])])
        == "routes[0].stages[0] has a pod twice, expected different pods")
  }
}
