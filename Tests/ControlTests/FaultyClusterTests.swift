import Autoscaling
import ClusterEmulator
import Foundation
import Glibc
import HTTPServer
import Kubernetes
import PodSimulation
import Synchronization
import Testing

@testable import Control

/// A network and a server that fail in every way that has been seen of them, between us and an emulated cluster.
private final class FaultyTransport: Transport {
  private let inner: CurlTransport
  private let seconds: @Sendable () -> Int
  private struct State {
    var random: UInt64
    var isOn = true
    /// Writes that reached the server, by second.
    var writes: [Int: Int] = [:]
    var faults: [String: Int] = [:]
    /// Watches begun among faults.
    var streams = 0
  }
  private let state: Mutex<State>

  init(_ url: String, seed: UInt64, seconds: @escaping @Sendable () -> Int) {
    inner = CurlTransport(address: ServerAddress(base: url))
    self.seconds = seconds
    state = Mutex(State(random: seed &* 0x9e37_79b9_7f4a_7c15 &+ 1))
  }

  var isOn: Bool {
    get { state.withLock { $0.isOn } }
    set { state.withLock { $0.isOn = newValue } }
  }
  var writesInOneSecond: Int { state.withLock { $0.writes.values.max() ?? 0 } }
  var faults: Set<String> { state.withLock { Set($0.faults.keys) } }

  /// One fault in four requests.
  private func fault() -> Int {
    state.withLock { state in
      guard state.isOn else { return 99 }
      state.random = state.random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state.random >> 33) % 28
    }
  }

  /// Every other watch fails, each time in another way: watches are few, and a busy machine has fewer.
  private func streamFault() -> Int {
    state.withLock { state in
      guard state.isOn else { return 99 }
      state.streams += 1
      return state.streams % 2 == 1 ? state.streams / 2 % 3 : 99
    }
  }

  private func note(_ name: String) { state.withLock { $0.faults[name, default: 0] += 1 } }

  private func pass(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse {
    if request.method != .get {
      let second = seconds()
      state.withLock { $0.writes[second, default: 0] += 1 }
    }
    return try inner.send(request)
  }

  private func status(_ code: Int, _ reason: String, headers: [String: String] = [:]) -> HTTPResponse {
    HTTPResponse(
      status: code, headers: headers,
      body: Data(
        "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"\(reason)\",\"reason\":\"\(reason)\",\"code\":\(code)}"
          .utf8))
  }

  func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse {
    switch fault() {
    case 0:
      note("timed out")
      throw TransportError(.timedOut, "no answer")
    case 1:
      // The server did it, and we do not know.
      note("answer lost")
      _ = try pass(request)
      throw TransportError(.interrupted, "the connection broke")
    case 2:
      note("429")
      return status(429, "TooManyRequests", headers: ["retry-after": "2"])
    case 3:
      note("500")
      return status(500, "InternalError")
    case 4:
      note("damaged answer")
      var response = try pass(request)
      response.body = response.body.prefix(response.body.count / 2)
      return response
    case 5:
      note("unreachable")
      throw TransportError(.unreachable, "refused")
    case 6:
      note("409")
      return request.method == .get ? try pass(request) : status(409, "Conflict")
    default: return try pass(request)
    }
  }

  func stream(
    _ request: HTTPRequest, cancellation: Cancellation, deliver: (UnsafeBufferPointer<UInt8>) -> Bool
  ) throws(TransportError) -> HTTPResponse {
    switch streamFault() {
    case 0:
      note("410")
      return status(410, "Expired")
    case 1:
      note("watch refused")
      return status(500, "InternalError")
    case 2:
      // Some chunks, then nothing more.
      note("watch dropped")
      var left = 3
      _ = try inner.stream(request, cancellation: cancellation) { chunk in
        left -= 1
        return deliver(chunk) && left > 0
      }
      throw TransportError(.interrupted, "the connection broke")
    default:
      // Servers end watches; then the next one may fail.
      var left = 12
      return try inner.stream(request, cancellation: cancellation) { chunk in
        left -= 1
        return deliver(chunk) && left > 0
      }
    }
  }
}

/// Wants something else every time.
private struct Restless: ScalingPolicy {
  var state: UInt64

  mutating func reset() {}
  mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    for pod in 0..<group.count {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      wishes[pod] = Int(state >> 33) % 9 == 0 ? nil : Int(state >> 40) % 1500 - 200
    }
  }
}

@Suite("Under faults")
struct FaultyClusterTests {
  private static let capacity = 1500
  private static let budget = 4

  @Test(
    "whatever fails, limits stay in bounds and pool, the budget holds, and the originals come back",
    .timeLimit(.minutes(5)), arguments: Array(UInt64(1)...8))
  func survives(seed: UInt64) throws {
    let pods = 6
    var pod = PodParameters()
    pod.limit = 250
    var simulation = PodClusterConfiguration(pods: Array(repeating: pod, count: pods), seed: seed)
    simulation.resizeLatency = Randomization.Range(0.1, 2)
    var configuration = EmulatorConfiguration(
      pods: EmulatorConfiguration.pods(pods, named: "web", nodes: 2, limit: 250, request: 50), simulation: simulation,
      workload: try Workload(WorkloadSettings("bursty", mean: 15, minimum: 1)))
    configuration.nodes = 2
    configuration.clock = .virtual
    configuration.housekeeping = 1
    let emulator = try ClusterEmulator(configuration, server: Server.Configuration())
    defer { emulator.stop() }
    let emulated = emulator.cluster
    let transport = FaultyTransport(emulator.url, seed: seed) { emulated.seconds }
    // Retries do not wait; the budget counts the emulator's whole seconds, two at a time.
    let pacing = Pacing(now: { Double(emulated.seconds) }, sleep: { _ in }, random: { 0.5 })
    let client = APIClient(
      connection: ClusterConnection(
        address: ServerAddress(base: emulator.url), credentials: Credentials(source: .none), namespace: "default",
        label: "context 'emulated'"), budget: WriteBudget(count: Self.budget, window: 1.5), transport: transport,
      pacing: pacing)
    transport.isOn = false
    let survey = try ClusterSurvey(client, selection: PodSelection(namespaces: ["default"]))
    var shield = SafetyShield(minimum: 50, maximum: 900, sampleAgeMaximum: 5, restoreAfter: 20)
    shield.waitsForCuts = true
    var live = LiveConfiguration(selection: survey.selection, capacity: Self.capacity, shield: shield)
    live.patience = 0.2
    live.burst = Self.budget
    let folder = try TestFolder()
    let violations = Mutex<[String]>([])
    let hasMoved = Atomic(false)
    let gatherer = Mutex<MetricGatherer?>(nil)
    let clock = KubernetesCluster.Clock(
      calendar: { 1_767_225_600 + Double(emulated.seconds) },
      pacing: Pacing(
        now: { Double(emulated.seconds) },
        sleep: { _ in
          // A reading takes no emulated time. On a busy machine it may take longer than the loop waits for it, and rounds that
          // wait for nothing would let so many seconds pass meanwhile that every pod is led back to its original.
          gatherer.withLock { $0 }?.awaitReadings()
          emulated.step()
          let limits = emulated.limits
          let isFine = limits.reduce(0, +) <= Self.capacity && limits.allSatisfy { (50...900).contains($0) }
          if limits.contains(where: { $0 != 250 }) { hasMoved.store(true, ordering: .relaxed) }
          if !isFine { violations.withLock { $0.append("second \(emulated.seconds): \(limits)") } }
        }, random: { 0.5 }), piece: 1, watching: Pacing(now: Pacing.system.now, sleep: { _ in }, random: { 0.5 }))
    let path = folder.path + "/originals.json"
    let choice = MetricChoice(.kubelet)
    do {
      let cluster = try KubernetesCluster(
        survey, live, source: try choice.source(survey),
        originals: try OriginalsFile(path: path, server: emulator.url), clock: clock, shouldStop: { false })
      defer { cluster.stop() }
      gatherer.withLock { $0 = cluster.gatherer }
      let loop = try ControlLoop(
        cluster: cluster, settings: DecisionSettings(pool: ResourcePool(capacity: Self.capacity), shield: shield),
        interval: 1, applies: true
      ) { _ in Restless(state: seed) }
      transport.isOn = true
      var sent = 0
      var ledBack: [Int] = []
      try loop.run(rounds: 400, shouldStop: { false }) { round, loop in
        sent += round.sent.count
        if loop.group.resizes.contains(where: { $0.reasons.contains(.restore) }) { ledBack.append(round.number) }
      }
      #expect(sent > 100)
      // A reading is tried four times: it fails, but not for twenty seconds on end.
      #expect(ledBack == [])
      transport.isOn = false
      // As if killed: nothing is put back, and the file's lock goes with the process; so does what was about to be sent.
      _ = cluster.sender.takeAnswers(waitingAtMost: 20)
    }
    #expect(violations.withLock { $0 } == [])
    #expect(transport.writesInOneSecond <= Self.budget)
    // Requests are many enough to meet every fault; of watches, the first that begins anew fails.
    let onRequests: Set = ["timed out", "answer lost", "429", "500", "damaged answer", "unreachable", "409"]
    #expect(transport.faults.isSuperset(of: onRequests), "\(transport.faults)")
    #expect(!transport.faults.isDisjoint(with: ["watch refused", "410", "watch dropped"]), "\(transport.faults)")
    let moved = hasMoved.load(ordering: .relaxed)
    #expect(moved)
    #expect(emulated.limits.contains { $0 != 250 })

    // A sender's thread may hold the file for a moment after its last answer; a killed process would hold nothing.
    let lock = open(path + ".lock", O_RDWR)
    #expect(flock(lock, LOCK_EX) == 0)
    close(lock)
    let again = try ClusterSurvey(client, selection: PodSelection(namespaces: ["default"]))
    let store = try OriginalsFile(path: path, server: emulator.url)
    let kept = again.selected.compactMap { pod in store.original(of: pod.pod).map { (pod: pod.pod, original: $0) } }
    #expect(kept.count == pods)
    let unlimited = APIClient(connection: client.connection, transport: transport, pacing: pacing)
    let restored = Restorer(PodResizer(unlimited, discovery: again.discovery), originals: store, pacing: .system)
      .restore(kept, before: Pacing.system.now() + 20)
    #expect(restored.failed == [:])
    for _ in 0..<5 { emulated.step() }
    #expect(emulated.limits == Array(repeating: 250, count: pods))
  }
}
