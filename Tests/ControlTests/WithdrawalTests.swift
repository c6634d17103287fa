import Autoscaling
import ClusterEmulator
import HTTPServer
import Kubernetes
import PodSimulation
import Synchronization
import Testing

@testable import Control

/// The first pod wants more than the node has, for a few seconds; then the second wants more than the pool has.
private struct Greedy: ScalingPolicy {
  var rounds = 0

  mutating func reset() {}
  mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    rounds += 1
    wishes[0] = rounds < 8 ? 500 : 250
    wishes[1] = rounds < 8 ? 100 : 320
  }
}

@Suite("Resizes that do not come to pass")
struct WithdrawalTests {
  @Test("what a full node defers is counted by the pool, and taken back after a while", .timeLimit(.minutes(10)))
  func withdraws() throws {
    var pod = PodParameters()
    pod.limit = 250
    let simulation = PodClusterConfiguration(pods: Array(repeating: pod, count: 2), seed: 1)
    var configuration = EmulatorConfiguration(
      pods: EmulatorConfiguration.pods(2, named: "web", nodes: 1, limit: 250, request: 250, isGuaranteed: true),
      simulation: simulation, workload: try Workload(WorkloadSettings("constant", mean: 5, minimum: 1)))
    configuration.nodeCPU = 580
    configuration.clock = .virtual
    configuration.housekeeping = 1
    let emulator = try ClusterEmulator(configuration, server: Server.Configuration())
    defer { emulator.stop() }
    let emulated = emulator.cluster
    let client = APIClient(
      connection: ClusterConnection(
        address: ServerAddress(base: emulator.url), credentials: Credentials(source: .none), namespace: "default",
        label: "context 'emulated'"))
    let survey = try ClusterSurvey(client, selection: PodSelection(namespaces: ["default"]))
    var shield = SafetyShield(minimum: 50, maximum: 600, sampleAgeMaximum: 5, settlementTimeout: 86_400)
    shield.waitsForCuts = true
    var live = LiveConfiguration(
      selection: survey.selection, capacity: 600, shield: shield, values: .requestsAndLimits)
    live.patience = 2
    let gatherer = Mutex<MetricGatherer?>(nil)
    let clock = KubernetesCluster.Clock(
      calendar: { 1_767_225_600 + Double(emulated.seconds) },
      pacing: Pacing(
        now: { Double(emulated.seconds) },
        sleep: { _ in
          // A reading takes no emulated time.
          gatherer.withLock { $0 }?.awaitReadings()
          emulated.step()
        }, random: { 0.5 }), piece: 1)
    let cluster = try KubernetesCluster(
      survey, live, source: try MetricChoice(.kubelet).source(survey),
      originals: OriginalsAnnotation(client), clock: clock, shouldStop: { false })
    defer { cluster.stop() }
    gatherer.withLock { $0 = cluster.gatherer }
    let loop = try ControlLoop(
      cluster: cluster, settings: DecisionSettings(pool: ResourcePool(capacity: 600), shield: shield), interval: 1,
      applies: true
    ) { _ in Greedy() }

    func wanted() throws -> [Millicores?] {
      try client.list(APIRequest(.list, .pods, namespace: "default"), of: Pod.self).items
        .map { $0.spec.containers.first?.resources?.limits["cpu"]?.millicores }
    }
    try loop.run(rounds: 20, shouldStop: { false }) { _, _ in }
    #expect(try wanted() == [500, 100], "the pool counts what the node may still grant")
    #expect(emulated.limits == [350, 100])
    // How many rounds pass until the watch has told is the machine's affair; that it takes thirty seconds at least is ours.
    var rounds = 20
    try loop.run(rounds: 100_000, shouldStop: { emulated.limits == [250, 320] }) { _, _ in rounds += 1 }
    #expect(rounds > 30)
    #expect(try wanted() == [250, 320])
    #expect(emulated.limits == [250, 320])
  }

  @Test("a raise that somebody else has asked for counts before it is in force, and before anything is measured")
  func inherits() throws {
    var pod = PodParameters()
    pod.limit = 250
    var simulation = PodClusterConfiguration(pods: Array(repeating: pod, count: 2), seed: 1)
    simulation.resizeLatency = Randomization.Range(5, 5)
    var configuration = EmulatorConfiguration(
      pods: EmulatorConfiguration.pods(2, named: "web", nodes: 1, limit: 250, request: 50), simulation: simulation,
      workload: try Workload(WorkloadSettings("constant", mean: 5, minimum: 1)))
    configuration.clock = .virtual
    let emulator = try ClusterEmulator(configuration, server: Server.Configuration())
    defer { emulator.stop() }
    let client = APIClient(
      connection: ClusterConnection(
        address: ServerAddress(base: emulator.url), credentials: Credentials(source: .none), namespace: "default",
        label: "context 'emulated'"))
    let before = try ClusterSurvey(client, selection: PodSelection(namespaces: ["default"]))
    let raise = try PodResize(of: before.selected[1].pod, container: "web", to: 400)
    _ = try PodResizer(client, discovery: before.discovery).send(raise)

    let survey = try ClusterSurvey(client, selection: PodSelection(namespaces: ["default"]))
    let live = LiveConfiguration(selection: survey.selection, capacity: 900, shield: SafetyShield())
    let cluster = try KubernetesCluster(
      survey, live, source: BlindSource(), originals: OriginalsAnnotation(client), shouldStop: { false })
    defer { cluster.stop() }
    #expect(emulator.cluster.limits == [250, 250])
    #expect(cluster.heldBeside == 250 + 400)
    #expect(cluster.reserved == 900, "until the kubelet has told, or samples have shown, how it stands, nobody grows")
  }
}
