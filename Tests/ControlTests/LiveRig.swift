import Autoscaling
import Foundation
import HTTPServer
import Kubernetes
import PodSimulation
import Synchronization

@testable import ClusterEmulator
@testable import Control

extension EmulatorConfiguration {
  /// web-0 to web-2 with 300m each, every one on a node of its own, in virtual time.
  static func threePods() throws -> Self {
    var pod = PodParameters()
    pod.limit = 300
    var configuration = EmulatorConfiguration(
      pods: pods(3, named: "web", nodes: 3, limit: 300, request: 50),
      simulation: PodClusterConfiguration(pods: Array(repeating: pod, count: 3), seed: 1),
      workload: try Workload(WorkloadSettings("constant", mean: 5, minimum: 1)))
    configuration.nodes = 3
    configuration.clock = .virtual
    return configuration
  }
}

/// Wishes that a test chooses.
struct ChosenWishes: ScalingPolicy {
  var wish: (Int) -> Millicores

  mutating func reset() {}
  mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    for pod in 0..<group.count { wishes[pod] = wish(pod) }
  }
}

/// Knows no container.
struct BlindSource: MetricSource {
  let name = "blind"
  func read(_ pods: [SelectedPod]) throws(ClusterError) -> MetricSnapshot { MetricSnapshot() }
}

/// Refuses resizes in the words of a test, in place of the server.
final class RefusingTransport: Transport {
  private let inner: CurlTransport
  private let refusal = Mutex<String?>(nil)

  init(_ url: String) { inner = CurlTransport(address: ServerAddress(base: url)) }

  /// What a 403 says to every resize; nil lets them through.
  func refuse(_ message: String?) { refusal.withLock { $0 = message } }

  func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse {
    guard request.target.contains("/resize"), let message = refusal.withLock({ $0 }) else {
      return try inner.send(request)
    }
    return HTTPResponse(
      status: 403,
      body: Data(
        "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"\(message)\",\"reason\":\"Forbidden\",\"code\":403}"
          .utf8))
  }

  func stream(
    _ request: HTTPRequest, cancellation: Cancellation, deliver: (UnsafeBufferPointer<UInt8>) -> Bool
  ) throws(TransportError) -> HTTPResponse {
    try inner.stream(request, cancellation: cancellation, deliver: deliver)
  }
}

/// An emulated cluster in virtual time and all that drives its pods.
final class LiveRig {
  let emulator: ClusterEmulator
  let transport: RefusingTransport
  let client: APIClient
  /// What people were told.
  let said: SaidLines
  private let followers = Followers()
  var emulated: EmulatedCluster { emulator.cluster }

  /// A lock that closures may share.
  final class SaidLines: Sendable {
    private let state = Mutex<[String]>([])
    var lines: [String] { state.withLock { $0 } }
    func append(_ line: String) { state.withLock { $0.append(line) } }
  }

  private final class Followers: Sendable {
    let gatherer = Mutex<MetricGatherer?>(nil)
    let inbox = Mutex<PodInbox?>(nil)
  }

  init(
    pods count: Int, limit: Millicores, request: Millicores = 50, isGuaranteed: Bool = false,
    change: (inout EmulatorConfiguration) throws -> Void = { _ in }
  ) throws {
    var pod = PodParameters()
    pod.limit = limit
    var configuration = EmulatorConfiguration(
      pods: EmulatorConfiguration.pods(
        count, named: "web", nodes: 1, limit: limit, request: request, isGuaranteed: isGuaranteed),
      simulation: PodClusterConfiguration(pods: Array(repeating: pod, count: count), seed: 1),
      workload: try Workload(WorkloadSettings("constant", mean: 5, minimum: 1)))
    configuration.clock = .virtual
    configuration.housekeeping = 1
    try change(&configuration)
    emulator = try ClusterEmulator(configuration, server: Server.Configuration())
    transport = RefusingTransport(emulator.url)
    client = APIClient(
      connection: ClusterConnection(
        address: ServerAddress(base: emulator.url), credentials: Credentials(source: .none), namespace: "default",
        label: "context 'emulated'"), transport: transport)
    said = SaidLines()
  }

  deinit { emulator.stop() }

  func survey(_ selector: String = "", needsDrivable: Bool = true) throws -> ClusterSurvey {
    try ClusterSurvey(
      client, selection: PodSelection(namespaces: ["default"], labelSelector: selector), needsDrivable: needsDrivable)
  }

  /// A cluster that lets a second pass when it waits for a round.
  ///
  /// - Parameter awaitsWatch: whether a second ends when the watchers have heard of it: where all pods are and stay selected.
  func cluster(
    _ survey: ClusterSurvey, capacity: Millicores, maximum: Millicores = 1000,
    values: ControlledValues = .limitsOnly, source: (any MetricSource)? = nil,
    awaitsWatch: Bool = false
  ) throws -> KubernetesCluster {
    var live = LiveConfiguration(
      selection: survey.selection, capacity: capacity, shield: Self.shield(maximum), values: values)
    live.patience = 2
    live.sendsEvents = false
    live.say = { [said] in said.append($0) }
    let (emulated, followers) = (emulated, followers)
    let clock = KubernetesCluster.Clock(
      calendar: { 1_767_225_600 + Double(emulated.seconds) },
      pacing: Pacing(
        now: { Double(emulated.seconds) },
        sleep: { _ in
          // A reading takes no emulated time.
          followers.gatherer.withLock { $0 }?.awaitReadings()
          emulated.step()
          followers.inbox.withLock { $0 }?.awaitVersion(emulated.newestPodVersion)
        }, random: { 0.5 }), piece: 1)
    let cluster = try KubernetesCluster(
      survey, live, source: try source ?? MetricChoice(.kubelet).source(survey),
      originals: OriginalsAnnotation(client), clock: clock, shouldStop: { false })
    followers.gatherer.withLock { $0 = cluster.gatherer }
    if awaitsWatch { followers.inbox.withLock { $0 = cluster.inbox } }
    return cluster
  }

  func loop(
    _ cluster: KubernetesCluster, maximum: Millicores = 1000, wish: @escaping (Int) -> Millicores
  ) throws -> ControlLoop<KubernetesCluster, ChosenWishes> {
    try ControlLoop(
      cluster: cluster,
      settings: DecisionSettings(
        pool: ResourcePool(capacity: cluster.configuration.capacity), shield: Self.shield(maximum)), interval: 1,
      applies: true
    ) { _ in ChosenWishes(wish: wish) }
  }

  private static func shield(_ maximum: Millicores) -> SafetyShield {
    var shield = SafetyShield(minimum: 50, maximum: maximum, sampleAgeMaximum: 5, settlementTimeout: 86_400)
    shield.waitsForCuts = true
    return shield
  }

  /// What the specifications say, in the order of the names.
  func wanted() throws -> [Millicores?] {
    try client.list(APIRequest(.list, .pods, namespace: "default"), of: Pod.self).items
      .map { $0.spec.containers.first?.resources?.limits["cpu"]?.millicores }
  }

  /// Changes a pod behind everybody's back, as its kubelet or an operator would.
  func change(_ pod: String, _ body: (inout PodRecord) -> Void) {
    emulated.withLock { emulated.update(PodKey(namespace: "default", name: pod), body) }
  }
}

/// Counts from any thread.
final class WriteCount: Sendable {
  private let state = Mutex(0)
  var count: Int { state.withLock { $0 } }
  func add() { state.withLock { $0 += 1 } }
}

/// A clock that stands still until somebody moves it.
final class SettableTime: Sendable {
  private let state = Mutex(0.0)
  var now: Double {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}
