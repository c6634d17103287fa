import Autoscaling
import ClusterEmulator
import HTTPServer
import Kubernetes
import PodSimulation
import Synchronization
import Testing

@testable import Control

/// Asks for what keeps 60 % of the limit in use: depends on every sample, and on nothing but samples.
private struct Proportional: ScalingPolicy {
  mutating func reset() {}
  mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    for pod in 0..<group.count where group.samples[pod].isPresent {
      wishes[pod] = Int((group.samples[pod].usage / 0.6).rounded()) + 20
    }
  }
}

/// The same pods and load in the process, without any API.
private final class InProcessCluster: ControlledCluster {
  let places: [Place]
  private let cluster: PodCluster
  private let load: EpisodeLoad
  private let end: Int

  init(_ configuration: EmulatorConfiguration, names: [String], end: Int) throws {
    places = names.map { Place(PodDescription(name: $0)) }
    self.end = end
    cluster = try PodCluster(configuration.simulation)
    load = EpisodeLoad(pods: names.count, clusters: 1, seconds: 3600)
    cluster.reset(episode: 0)
    load.draw(configuration.workload, for: cluster)
    for pod in names.indices { cluster.setLimit(configuration.simulation.pods[pod].limit, ofPod: pod, cluster: 0) }
  }

  var now: Double { Double(cluster.time) }

  func awaitRound(interval: Double) throws -> Bool {
    guard cluster.time < end else { return false }
    cluster.advance(rates: load[cluster.time])
    return true
  }

  /// A counter needs two readings: the first second is seen by nobody.
  func sample(into samples: UnsafeMutableBufferPointer<PodSample>) throws {
    for pod in samples.indices {
      samples[pod] = cluster.time < 2 ? .absent(at: now) : cluster.sample(pod: pod, cluster: 0)
    }
  }

  func resize(_ places: [Int], to limits: (Int) -> Millicores) throws {
    for pod in places { cluster.resize(limits(pod), ofPod: pod, cluster: 0) }
  }
}

@Suite("Same decisions")
struct SameDecisionsTests {
  private static let seconds = 120

  private func configuration(pods: Int, seed: UInt64) throws -> EmulatorConfiguration {
    var pod = PodParameters()
    pod.limit = 300
    let simulation = PodClusterConfiguration(pods: Array(repeating: pod, count: pods), seed: seed)
    var configuration = EmulatorConfiguration(
      pods: EmulatorConfiguration.pods(pods, named: "web", nodes: 2, limit: 300, request: 50), simulation: simulation,
      workload: try Workload(WorkloadSettings("bursty", mean: 15, minimum: 1)))
    configuration.nodes = 2
    configuration.clock = .virtual
    configuration.housekeeping = 1
    return configuration
  }

  private func settings(pods: Int) -> DecisionSettings {
    var shield = SafetyShield(minimum: 50, maximum: 1000, stepMaximum: 120, sampleAgeMaximum: 40, restoreAfter: 100)
    shield.waitsForCuts = true
    return DecisionSettings(pool: ResourcePool(capacity: 310 * pods), shield: shield)
  }

  @Test(
    "the live loop over the API gives exactly the limits of the rollout in the process",
    arguments: [(3, UInt64(1)), (7, UInt64(5))], [MetricSourceName.kubelet, .cadvisor])
  func sameLimits(scale: (pods: Int, seed: UInt64), source: MetricSourceName) throws {
    let (pods, seed) = scale
    let configuration = try configuration(pods: pods, seed: seed)
    let settings = settings(pods: pods)

    var expected: [[Millicores]] = []
    let inProcess = try InProcessCluster(configuration, names: (0..<pods).map { "web-\($0)" }, end: Self.seconds)
    let rollout = try ControlLoop(cluster: inProcess, settings: settings, interval: 1, applies: true) { _ in
      Proportional()
    }
    try rollout.run(rounds: nil, shouldStop: { false }) { _, loop in expected.append(loop.group.resizes.map(\.limit)) }

    let emulator = try ClusterEmulator(configuration, server: Server.Configuration())
    defer { emulator.stop() }
    let client = APIClient(
      connection: ClusterConnection(
        address: ServerAddress(base: emulator.url), credentials: Credentials(source: .none), namespace: "default",
        label: "context 'emulated'"))
    let survey = try ClusterSurvey(client, selection: PodSelection(namespaces: ["default"]))
    var live = LiveConfiguration(
      selection: survey.selection, capacity: settings.pool.capacity, shield: settings.shield)
    live.patience = 30
    live.sendsEvents = false
    try survey.check(live, applies: true)
    var choice = MetricChoice(source)
    choice.cadvisorAddress = emulator.url
    let folder = try TestFolder()
    let emulated = emulator.cluster
    let clock = KubernetesCluster.Clock(
      calendar: { 1_767_225_600 + Double(emulated.seconds) },
      pacing: Pacing(now: { Double(emulated.seconds) }, sleep: { _ in emulated.step() }, random: { 0.5 }), piece: 1)
    let cluster = try KubernetesCluster(
      survey, live, source: try choice.source(survey),
      originals: try OriginalsFile(path: folder.path + "/originals.json", server: emulator.url), clock: clock,
      shouldStop: { false })
    defer { cluster.stop() }
    var limits: [[Millicores]] = []
    let loop = try ControlLoop(cluster: cluster, settings: settings, interval: 1, applies: true) { _ in Proportional() }
    try loop.run(rounds: Self.seconds, shouldStop: { false }) { round, loop in
      limits.append(loop.group.resizes.map(\.limit))
      #expect(round.rejected.isEmpty && round.heldBack.isEmpty)
    }
    #expect(limits.count == expected.count)
    for second in limits.indices { #expect(limits[second] == expected[second], "second \(second + 1)") }
    #expect(Set(limits.flatMap { $0 }).count > 10)

    let restored = cluster.restore(within: 20)
    #expect(restored.pods == pods && restored.failed.isEmpty)
    emulated.step()
    #expect(emulated.limits == Array(repeating: 300, count: pods))
  }
}
