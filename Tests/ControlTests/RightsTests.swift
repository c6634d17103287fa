import Autoscaling
import ClusterEmulator
import Foundation
import HTTPServer
import PodSimulation
import Synchronization
import Testing

@testable import Control
@testable import Kubernetes

/// One right, as authorization rules name it.
private struct Right: Hashable, CustomStringConvertible {
  var group: String
  var resource: String
  var verb: String
  var description: String { "\(verb) \(resource)\(group.isEmpty ? "" : "." + group)" }
}

/// The rules of configs/kubernetes.
private struct Role {
  var rights: Set<Right> = []
  /// Of rights that are for some objects only, their names.
  var names: [Right: [String]] = [:]

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("configs/kubernetes")

  /// - Parameters:
  ///   - file: below configs/kubernetes.
  ///   - name: the Role or ClusterRole in it; nil for the only one.
  init(_ file: String, _ name: String? = nil) throws {
    let text = try String(contentsOf: Self.folder.appendingPathComponent(file), encoding: .utf8)
    let roles = try text.components(separatedBy: "\n---\n").map { try YAMLNode(Data($0.utf8)) }.filter {
      ["Role", "ClusterRole"].contains($0["kind"]?.text)
        && name ?? $0["metadata"]?["name"]?.text == $0["metadata"]?["name"]?.text
    }
    try #require(roles.count == 1)
    for rule in roles[0]["rules"]?.items ?? [] {
      for group in rule["apiGroups"]?.items ?? [] {
        for resource in rule["resources"]?.items ?? [] {
          for verb in rule["verbs"]?.items ?? [] {
            let right = Right(group: group.text ?? "", resource: resource.text ?? "", verb: verb.text ?? "")
            rights.insert(right)
            names[right] = rule["resourceNames"]?.items.compactMap(\.text)
          }
        }
      }
    }
  }

  func allows(_ right: Right, _ name: String?) -> Bool {
    guard rights.contains(right) else { return false }
    guard let names = names[right] else { return true }
    return name.map(names.contains) ?? false
  }
}

/// Between a client and the server: refuses what a role does not allow, as the server would, and keeps what was asked.
private final class GuardedTransport: Transport {
  private let inner: CurlTransport
  private let role: Role
  private struct State {
    var asked: Set<Right> = []
    var refused: Set<Right> = []
    var answersToLose = 0
  }
  private let state = Mutex(State())

  /// - Parameter answersToLose: so many answers to resizes never arrive.
  init(_ url: String, _ role: Role, answersToLose: Int = 0) {
    inner = CurlTransport(address: ServerAddress(base: url))
    self.role = role
    state.withLock { $0.answersToLose = answersToLose }
  }

  var asked: Set<Right> { state.withLock { $0.asked } }
  var refused: Set<Right> { state.withLock { $0.refused } }

  /// nil for what everybody may read who is known to the server: discovery.
  private static func right(_ request: HTTPRequest) -> (right: Right, name: String?)? {
    let parts = request.target.split(separator: "?", maxSplits: 1)
    var path = parts[0].split(separator: "/").map(String.init)
    var group = ""
    switch path.first {
    case "api" where path.count > 2: path.removeFirst(2)
    case "apis" where path.count > 3:
      group = path[1]
      path.removeFirst(3)
    default: return nil
    }
    if path.count > 2, path[0] == "namespaces" { path.removeFirst(2) }
    let name = path.count > 1 ? path[1] : nil
    let resource = path[0] + (path.count > 2 ? "/" + path[2] : "")
    let isWatch = parts.count > 1 && parts[1].split(separator: "&").contains { $0 == "watch=true" || $0 == "watch=1" }
    let verb =
      switch request.method {
      case .get: name != nil ? "get" : isWatch ? "watch" : "list"
      case .post: "create"
      case .put: "update"
      case .patch: "patch"
      }
    return (Right(group: group, resource: resource, verb: verb), name)
  }

  private func refusal(_ request: HTTPRequest) -> HTTPResponse? {
    guard let (right, name) = Self.right(request) else { return nil }
    let isAllowed = role.allows(right, name)
    state.withLock { state in
      _ = isAllowed ? state.asked.insert(right) : state.refused.insert(right)
    }
    guard !isAllowed else { return nil }
    let message =
      "\(right.resource) is forbidden: User 'marlise' cannot \(right.verb) resource '\(right.resource)' in API group "
      + "'\(right.group)'"
    return HTTPResponse(
      status: 403,
      body: Data(
        "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"\(message)\",\"reason\":\"Forbidden\",\"code\":403}"
          .utf8))
  }

  func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse {
    if let refusal = refusal(request) { return refusal }
    let answer = try inner.send(request)
    let isLost = state.withLock { state -> Bool in
      guard state.answersToLose > 0, request.target.contains("/resize"), !request.target.contains("dryRun") else {
        return false
      }
      state.answersToLose -= 1
      return true
    }
    if isLost { throw TransportError(.interrupted, "the connection broke") }
    return answer
  }

  func stream(
    _ request: HTTPRequest, cancellation: Cancellation, deliver: (UnsafeBufferPointer<UInt8>) -> Bool
  ) throws(TransportError) -> HTTPResponse {
    if let refusal = refusal(request) { return refusal }
    return try inner.stream(request, cancellation: cancellation, deliver: deliver)
  }
}

/// Gives to one pod and takes from the others, in turn.
private struct Carousel: ScalingPolicy {
  var rounds = 0

  mutating func reset() {}
  mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    rounds += 1
    for pod in 0..<group.count { wishes[pod] = rounds / 4 % group.count == pod ? 400 : 150 }
  }
}

/// What configs/kubernetes grants is what the programs ask for: with one rule less something would be refused, and none is there
/// for nothing.
@Suite("Rights")
struct RightsTests {
  private static func emulator() throws -> ClusterEmulator {
    var pod = PodParameters()
    pod.limit = 300
    var configuration = EmulatorConfiguration(
      pods: EmulatorConfiguration.pods(3, named: "web", nodes: 1, limit: 300, request: 50),
      simulation: PodClusterConfiguration(pods: Array(repeating: pod, count: 3), seed: 3),
      workload: try Workload(WorkloadSettings("constant", mean: 5, minimum: 1)))
    configuration.clock = .virtual
    configuration.housekeeping = 1
    return try ClusterEmulator(configuration, server: Server.Configuration())
  }

  private static func client(
    _ emulator: ClusterEmulator, _ transport: any Transport, pacing: Pacing = .system
  ) -> APIClient {
    APIClient(
      connection: ClusterConnection(
        address: ServerAddress(base: emulator.url), credentials: Credentials(source: .none), namespace: "default",
        label: "context 'emulated'"), transport: transport, pacing: pacing)
  }

  @Test("pods are driven with exactly the rights of rights/central", .timeLimit(.minutes(2)))
  func driving() throws {
    let emulator = try Self.emulator()
    defer { emulator.stop() }
    let emulated = emulator.cluster
    let role = try Role("rights/central/role.yaml")
    let transport = GuardedTransport(emulator.url, role, answersToLose: 2)
    let pacing = Pacing(now: { Double(emulated.seconds) }, sleep: { _ in }, random: { 0.5 })
    let client = Self.client(emulator, transport, pacing: pacing)
    let admin = Self.client(emulator, CurlTransport(address: ServerAddress(base: emulator.url)))
    // Until metrics-server has seen the pods.
    for _ in 0..<40 { emulated.step() }

    let survey = try ClusterSurvey(client, selection: PodSelection(namespaces: ["default"]))
    let originals = OriginalsAnnotation(client)
    #expect(try originals.isAllowed(on: survey.selected[0].pod))
    #expect(try !MetricsServer(client).read(survey.selected).readings.isEmpty)
    var shield = SafetyShield(minimum: 50, maximum: 900, sampleAgeMaximum: 5, restoreAfter: 60)
    shield.waitsForCuts = true
    var live = LiveConfiguration(selection: survey.selection, capacity: 900, shield: shield)
    live.patience = 0.5
    live.sendsEvents = true
    try survey.check(live, applies: true)
    let clock = KubernetesCluster.Clock(
      calendar: { 1_767_225_600 + Double(emulated.seconds) },
      pacing: Pacing(now: { Double(emulated.seconds) }, sleep: { _ in emulated.step() }, random: { 0.5 }), piece: 1)
    let cluster = try KubernetesCluster(
      survey, live, source: KubeletSource(.proxy(admin)), originals: originals, clock: clock, shouldStop: { false })
    defer { cluster.stop() }
    let loop = try ControlLoop(
      cluster: cluster, settings: DecisionSettings(pool: ResourcePool(capacity: 900), shield: shield), interval: 1,
      applies: true
    ) { _ in Carousel() }
    // Rounds until all has happened that happens in a long run: events wait for writes that nobody else needs, and a lost answer
    // is looked up a little later.
    try loop.run(rounds: 200, shouldStop: { transport.asked == role.rights }) { _, _ in }
    let restored = cluster.restore(within: 20)
    #expect(restored.failed == [:])
    #expect(transport.refused == [])
    #expect(transport.asked == role.rights)
  }

  @Test("agents need the same on a node, but for metrics")
  func agent() throws {
    let central = try Role("rights/central/role.yaml").rights
    #expect(try Role("rights/node-agent/role.yaml").rights == central.filter { $0.group != "metrics.k8s.io" })
  }

  @Test("an instance holds its lease and labels its pod with exactly the rights of central/role.yaml")
  func instance() throws {
    let emulator = try Self.emulator()
    defer { emulator.stop() }
    let role = try Role("central/role.yaml")
    let transport = GuardedTransport(emulator.url, role)
    let client = Self.client(emulator, transport)
    let time = Mutex(0.0)
    // The name that `serve --election` takes by itself; the role names it, too.
    let elector = LeaderElector(
      LeaderElection(identity: "a", namespace: "default", name: "marlise"), client: client,
      pacing: Pacing(now: { time.withLock { $0 } }, sleep: { _ in }, random: { 0.5 }))
    for _ in 0..<8 {
      _ = elector.perform()
      time.withLock { $0 += 2 }
    }
    #expect(elector.mayAct)
    _ = try client.send(PodNotes.label(namespace: "default", name: "web-0", ["marlise/leader": "true"]))
    #expect(transport.refused == [])
    #expect(transport.asked == role.rights)
  }

  @Test("a shared pool needs exactly the rights of overlays/shared-pool")
  func shares() throws {
    let emulator = try Self.emulator()
    defer { emulator.stop() }
    let file = "overlays/shared-pool/share/role.yaml"
    let agents = GuardedTransport(emulator.url, try Role(file, "marlise-agent-leases"))
    let time = Mutex(0.0)
    let pacing = Pacing(now: { time.withLock { $0 } }, sleep: { _ in }, random: { 0.5 })
    func elector(_ name: String, _ transport: GuardedTransport, _ content: ShareHolder?) -> LeaderElector {
      LeaderElector(
        LeaderElection(identity: name, namespace: "default", name: name), client: Self.client(emulator, transport),
        pacing: pacing, content: content)
    }
    let holder = ShareHolder(pool: "default")
    holder.begin(capacity: 900, held: 300, floor: 100)
    let agent = elector(ShareHolder.leaseName(pool: "default", node: "node-0"), agents, holder)

    // Its two roles: leases where the agents run, pods where they are driven.
    var role = try Role(file, "marlise-share-leases")
    role.rights.formUnion(try Role("rights/share/role.yaml").rights)
    let transport = GuardedTransport(emulator.url, role)
    let keeping = elector("marlise-pool-default", transport, nil)
    let keeper = ShareKeeper(
      client: Self.client(emulator, transport), namespace: "default", pool: "default", poolName: nil, capacity: 900,
      selection: PodSelection(namespaces: ["default"]), pacing: pacing)
    for _ in 0..<8 {
      _ = agent.perform()
      _ = keeping.perform()
      time.withLock { $0 += 2 }
      _ = try keeper.perform(mayAct: true)
    }
    // Its agent is heard of no more.
    time.withLock { $0 += 60 }
    #expect(try keeper.perform(mayAct: true).silent.count == 1)
    for guarded in [agents, transport] { #expect(guarded.refused == []) }
    #expect(agents.asked == (try Role(file, "marlise-agent-leases").rights))
    #expect(transport.asked == role.rights)
  }

  @Test("kubelets are read through the API server with the one right of components/kubelet-proxy")
  func kubelets() throws {
    let emulator = try Self.emulator()
    defer { emulator.stop() }
    let role = try Role("components/kubelet-proxy/cluster-role.yaml")
    let transport = GuardedTransport(emulator.url, role)
    let pods = try ClusterSurvey(
      Self.client(emulator, CurlTransport(address: ServerAddress(base: emulator.url))),
      selection: PodSelection(namespaces: ["default"])
    ).selected
    _ = try KubeletSource(.proxy(Self.client(emulator, transport))).read(pods)
    #expect(transport.refused == [])
    #expect(transport.asked == role.rights)
    // Asked straight, the kubelet itself looks for this one.
    #expect(
      try Role("components/kubelet-metrics/cluster-role.yaml").rights
        == [Right(group: "", resource: "nodes/metrics", verb: "get")])
  }

  @Test("without the right to resize, one sentence names the rule that is missing")
  func missing() throws {
    let emulator = try Self.emulator()
    defer { emulator.stop() }
    var role = try Role("rights/central/role.yaml")
    role.rights = role.rights.filter { $0.resource != "pods/resize" }
    let client = Self.client(emulator, GuardedTransport(emulator.url, role))
    let survey = try ClusterSurvey(client, selection: PodSelection(namespaces: ["default"]))
    let shield = SafetyShield(minimum: 50, maximum: 900)
    let live = LiveConfiguration(selection: survey.selection, capacity: 900, shield: shield)
    let error = #expect(throws: ClusterError.self) { try survey.check(live, applies: true) }
    #expect(error?.description.contains("{apiGroups: [\"\"], resources: [pods/resize], verbs: [patch]}") == true)
  }
}
