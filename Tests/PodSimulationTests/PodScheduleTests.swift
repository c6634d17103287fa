import Autoscaling
import Foundation
import RandomStreams
import Testing

@testable import PodSimulation

@Suite("Pods that arrive, restart and leave")
struct PodScheduleTests {
  private func randomSchedule(_ random: inout RandomStream) -> PodSchedule {
    let start = random.below(2) == 0 ? 0 : random.below(15)
    var schedule = PodSchedule(start: start, end: random.below(2) == 0 ? nil : start + 10 + random.below(20))
    for time in start + 1..<start + 10 where random.below(4) == 0 { schedule.restarts.append(time) }
    return schedule
  }

  @Test("requests are conserved through arrivals, restarts and departures", arguments: 0..<60)
  func conservation(seed: UInt64) throws {
    var random = RandomStream(seed: seed, purpose: "schedule test")
    var configuration = PodClusterConfiguration(
      pods: (0..<3).map { _ in randomParameters(&random) }, clusters: 2, seed: seed,
      sharedCores: random.below(2) == 0 ? nil : 1.5)
    configuration.schedules = (0..<3).map { _ in randomSchedule(&random) }
    let simulated = try PodCluster(configuration)
    var sent = [Int](repeating: 0, count: 6)
    var ended = sent
    for time in 0..<40 {
      simulated.advance(rates: (0..<6).map { _ in Float(random.below(70)) })
      for place in 0..<6 {
        let second = simulated.second(pod: place / 2, cluster: place % 2)
        sent[place] += second.sent
        ended[place] += second.ended + second.refused
        #expect(sent[place] == ended[place] + second.inFlight)
        let schedule = configuration.schedules[place / 2]
        let isPresent = schedule.isPresent(at: time)
        let sample = simulated.sample(pod: place / 2, cluster: place % 2)
        #expect(sample.isPresent == isPresent && simulated.isPresent(pod: place / 2, cluster: place % 2) == isPresent)
        #expect(sample.time == Double(time + 1))
        if !isPresent {
          #expect(second.sent == 0 && second.usage == 0 && second.backlog == 0 && second.periods == 0)
          #expect(sample.limit == 0 && sample.usage == 0 && sample.responseTimes == nil)
          if time != schedule.end { #expect(second.refused == 0) }
        }
      }
    }
  }

  @Test("pods that stay do not notice the others' coming and going, unless they share a node")
  func bystanders() throws {
    var configuration = PodClusterConfiguration(pods: [PodParameters(), PodParameters()], seed: 3)
    let alone = try PodCluster(configuration)
    configuration.schedules = [PodSchedule(), PodSchedule(start: 3, end: 9, restarts: [5])]
    let beside = try PodCluster(configuration)
    for _ in 0..<15 {
      alone.advance(rates: [15, 15])
      beside.advance(rates: [15, 15])
      #expect(alone.second(pod: 0, cluster: 0) == beside.second(pod: 0, cluster: 0))
    }
  }

  @Test("a restart refuses what was inside and burns the start-up work at the limit in force")
  func restart() throws {
    var parameters = PodParameters()
    parameters.arrivals = Arrivals(.deterministic)
    parameters.demand = ServiceDemand(.deterministic, mean: 0.010)
    parameters.limit = 100
    parameters.speed = 1
    parameters.phase = 0.05
    parameters.startupWork = 0.6
    var configuration = PodClusterConfiguration(pods: [parameters])
    configuration.schedules = [PodSchedule(restarts: [30])]
    let simulated = try PodCluster(configuration)
    simulated.setLimit(300, ofPod: 0, cluster: 0)
    var seconds: [PodSecond] = []
    for time in 0..<40 {
      simulated.advance(rates: [time < 25 ? 20 : 40])
      seconds.append(simulated.second(pod: 0, cluster: 0))
    }
    #expect(seconds[24].backlog <= 1 && seconds[29].inFlight > 0)
    #expect(seconds[30].refused == seconds[29].inFlight)
    // 0.6 core-seconds take 20 quotas of 30 ms, the first from the new process's own cgroup and ten more in the first
    // second; nobody is answered meanwhile.
    #expect(seconds[30].completed == 0 && abs(seconds[30].usage - 330) < 1e-6)
    #expect(seconds[31].completed < 10 && seconds[32].ended > 20)
    #expect(simulated.limit(ofPod: 0, cluster: 0) == 300)
  }

  @Test("in the decision path an absent pod frees the pool, and an arriving one is resized like any other")
  func decisionPath() throws {
    var configuration = PodClusterConfiguration(pods: [PodParameters(), PodParameters()], seed: 5)
    configuration.schedules = [PodSchedule(), PodSchedule(start: 10, end: 20)]
    let environment = try ScalingEnvironment(
      configuration, pods: [PodDescription(name: "a"), PodDescription(name: "b")],
      settings: DecisionSettings(pool: ResourcePool(capacity: 500)), workload: Workload(WorkloadSettings("constant")),
      seconds: 30)
    environment.begin(episode: 0, limits: [300, 200])
    let group = environment.groups[0]
    let increase: [Float] = [2, 2]
    for _ in 0..<30 {
      let isThere = environment.cluster.isPresent(pod: 1, cluster: 0)
      #expect((group.allocations[1] > 0) == isThere)
      increase.withUnsafeBufferPointer { actions in
        if let start = actions.baseAddress { group.decide(actions: start, stride: 1) }
      }
      if !isThere { #expect(!group.resizes[1].isNeeded) }
      #expect(group.resizes.map(\.grant).reduce(0, +) <= 500)
      environment.advance()
    }
    // Alone it had the whole pool.
    #expect(environment.cluster.limit(ofPod: 0, cluster: 0) == 500)
  }

  @Test("a trace's requests for an absent pod are passed over")
  func traced() throws {
    var configuration = PodClusterConfiguration(pods: [PodParameters()])
    configuration.schedules = [PodSchedule(start: 2, end: 4)]
    let simulated = try PodCluster(configuration)
    let times = (0..<60).map { Double($0) / 10 }
    simulated.setTrace(
      try RequestTrace(times: times, demands: times.map { _ in 0.001 }), ofPod: 0, cluster: 0)
    simulated.reset(episode: 0)
    var sent: [Int] = []
    for _ in 0..<6 {
      simulated.advance()
      sent.append(simulated.second(pod: 0, cluster: 0).sent)
    }
    #expect(sent == [0, 0, 10, 10, 0, 0])
  }

  @Test("lagging readings of a pod that arrives begin with its first second, and end when it leaves")
  func laggingArrival() throws {
    var configuration = PodClusterConfiguration(pods: [PodParameters()], seed: 6)
    configuration.schedules = [PodSchedule(start: 4, end: 50)]
    configuration.metrics = .kubelet
    let simulated = try PodCluster(configuration)
    for time in 1...60 {
      simulated.advance(rates: [10])
      let sample = simulated.sample(pod: 0, cluster: 0)
      #expect(sample.isPresent == (5...50).contains(time))
      if sample.isPresent { #expect((5...Double(time)).contains(sample.time)) }
      if time == 5 { #expect(sample.time == 5 && sample.limit == 200) }
    }
  }

  @Test("a configuration survives encoding, and missing keys have their defaults")
  func coding() throws {
    var configuration = PodClusterConfiguration(pods: [PodParameters(), PodParameters()], clusters: 3, seed: 6)
    configuration.schedules = [PodSchedule(start: 4, end: 50), PodSchedule(restarts: [7])]
    configuration.metrics = .metricsServer
    configuration.resizeLatency = Randomization.Range(0.1, 2)
    configuration.randomization = .withLags
    configuration.graph = ServiceGraph([ServiceGraph.Route(entry: 0, stages: [[1]])])
    let again = try JSONDecoder().decode(
      PodClusterConfiguration.self, from: try JSONEncoder().encode(configuration))
    #expect(again == configuration)
    let bare = try JSONDecoder().decode(PodClusterConfiguration.self, from: Data(#"{"pods": [{}]}"#.utf8))
    #expect(bare == PodClusterConfiguration(pods: [PodParameters()]))
  }

  @Test("schedules that cannot be are refused")
  func refusals() {
    #expect(throws: SimulationError.self) { try PodSchedule(start: -1).validate() }
    #expect(throws: SimulationError.self) { try PodSchedule(start: 5, end: 5).validate() }
    #expect(throws: SimulationError("schedule.restarts is 5, expected ascending seconds after 5 and before 9")) {
      try PodSchedule(start: 5, end: 9, restarts: [5]).validate()
    }
    #expect(throws: SimulationError.self) { try PodSchedule(restarts: [4, 4]).validate() }
    var configuration = PodClusterConfiguration(pods: [PodParameters()])
    configuration.schedules = [PodSchedule(), PodSchedule()]
    #expect(throws: SimulationError("there are 2 schedules for 1 pods, expected none or one each")) {
      try configuration.validate()
    }
  }
}
