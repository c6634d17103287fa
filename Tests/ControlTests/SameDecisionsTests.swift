import Autoscaling
import Checkpoints
import Foundation
import HTTPServer
import Kubernetes
import Learning
import PodSimulation
import Synchronization
import Testing

@testable import ClusterEmulator
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

/// A shipped checkpoint's networks.
private struct Networks: ActionSource {
  let policy: GreedyPolicy

  mutating func act(_ observations: UnsafePointer<Float>, rows: Int, actions: UnsafeMutablePointer<Float>) {
    policy.decide(observations, into: actions)
  }
}

/// Who decides: the rule above, or the agents of a checkpoint.
private enum Decider: ScalingPolicy {
  case proportional(Proportional)
  case agents(AgentPolicy<Networks>)

  mutating func reset() {}
  mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    switch self {
    case .proportional(var rule): rule.ask(group, wishes: wishes)
    case .agents(var policy):
      policy.ask(group, wishes: wishes)
      self = .agents(policy)
    }
  }

  /// The settings and the policy of a checkpoint of the project: pod k is driven by agent k, and begins anew with agent 0 where
  /// there are more pods than agents.
  static func shipped(
    _ name: String, pods: Int, settings: DecisionSettings
  ) throws -> (settings: DecisionSettings, decider: Decider) {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let checkpoint = try Checkpoint.read(
      folder.appendingPathComponent("checkpoints/\(name).h5").path, including: .weights)
    let action = checkpoint.metadata.action
    var space =
      switch action.kind {
      case .discrete: ActionSpace.discrete(action.count, increment: action.increment)
      case .delta: ActionSpace(kind: .delta, increment: action.increment, scale: action.scale)
      case .instant: ActionSpace(kind: .instant, increment: action.increment)
      }
    if let basis = checkpoint.metadata.extra["action_basis"].flatMap(ActionSpace.Basis.init) { space.basis = basis }
    let policy = try GreedyPolicy(
      algorithm: checkpoint.metadata.algorithm, sets: checkpoint.agents,
      assignment: (0..<pods).map { $0 % checkpoint.agents.count }, threads: 1)
    return (
      DecisionSettings(
        pool: settings.pool,
        observation: try #require(ObservationSpec.named(checkpoint.metadata.observation.kind)), action: space,
        shield: settings.shield), .agents(AgentPolicy(Networks(policy: policy)))
    )
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
      // What the pods' metrics do not tell: single periods, and how long requests took.
      samples[pod].periodUsage = nil
      samples[pod].responseTimes = nil
    }
  }

  func resize(_ places: [Int], to limits: (Int) -> Millicores) throws {
    for pod in places { cluster.resize(limits(pod), ofPod: pod, cluster: 0) }
  }
}

extension EmulatedCluster {
  /// The highest resourceVersion of a pod.
  var newestPodVersion: UInt64 {
    withLock { UInt64(store.pods.values.map(\.record.resourceVersion).max() ?? 0) }
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
    arguments: [(3, UInt64(1)), (7, UInt64(5))],
    [
      // A rule, then every checkpoint that is shipped.
      (MetricSourceName.kubelet, nil), (.cadvisor, nil), (.kubelet, "mdqn"), (.cadvisor, "dmdqn"), (.kubelet, "ddmdqn"),
      (.cadvisor, "ppo"), (.kubelet, "ippo"), (.cadvisor, "dppo"), (.kubelet, "ddpg"), (.cadvisor, "iddpg"),
      (.kubelet, "autoscale"),
    ])
  func sameLimits(
    scale: (pods: Int, seed: UInt64), decision: (source: MetricSourceName, checkpoint: String?)
  ) throws {
    let (pods, seed) = scale
    let (source, checkpoint) = decision
    let configuration = try configuration(pods: pods, seed: seed)
    var settings = settings(pods: pods)
    var decider = Decider.proportional(Proportional())
    if let checkpoint {
      (settings, decider) = try Decider.shipped(checkpoint, pods: pods, settings: settings)
    }

    var expected: [[Millicores]] = []
    let inProcess = try InProcessCluster(configuration, names: (0..<pods).map { "web-\($0)" }, end: Self.seconds)
    let rollout = try ControlLoop(cluster: inProcess, settings: settings, interval: 1, applies: true) { _ in decider }
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
    // The clock is virtual, the wire is not: where other tests have the processors, an answer takes its time.
    live.patience = 30
    live.resizeTimeout = 60
    live.sendsEvents = false
    try survey.check(live, applies: true)
    var choice = MetricChoice(source)
    choice.cadvisorAddress = emulator.url
    let folder = try TestFolder()
    let emulated = emulator.cluster
    let inbox = Mutex<PodInbox?>(nil)
    let clock = KubernetesCluster.Clock(
      calendar: { 1_767_225_600 + Double(emulated.seconds) },
      // A virtual second takes no time. Those who follow the pods on threads of their own hear of it before the next begins.
      pacing: Pacing(
        now: { Double(emulated.seconds) },
        sleep: { _ in
          emulated.step()
          inbox.withLock { $0 }?.awaitVersion(emulated.newestPodVersion)
        }, random: { 0.5 }), piece: 1)
    let cluster = try KubernetesCluster(
      survey, live, source: try choice.source(survey),
      originals: try OriginalsFile(path: folder.path + "/originals.json", server: emulator.url), clock: clock,
      shouldStop: { false })
    defer { cluster.stop() }
    inbox.withLock { $0 = cluster.inbox }
    var limits: [[Millicores]] = []
    let loop = try ControlLoop(cluster: cluster, settings: settings, interval: 1, applies: true) { _ in decider }
    try loop.run(rounds: Self.seconds, shouldStop: { false }) { round, loop in
      limits.append(loop.group.resizes.map(\.limit))
      #expect(round.rejected.isEmpty && round.heldBack.isEmpty)
    }
    #expect(limits.count == expected.count)
    let first = limits.indices.first { limits[$0] != expected[$0] }
    #expect(first == nil, "they part in second \((first ?? 0) + 1)")
    #expect(Set(limits.flatMap { $0 }).count > 10)

    let restored = cluster.restore(within: 20)
    #expect(restored.pods == pods && restored.failed.isEmpty)
    emulated.step()
    #expect(emulated.limits == Array(repeating: 300, count: pods))
  }
}
