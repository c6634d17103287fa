import Autoscaling
import ClusterEmulator
import Foundation
import HTTPServer
import PodSimulation
import Synchronization
import Testing

@testable import Control
@testable import Kubernetes

/// Answers lists of LimitRanges itself, of one that was lowered, once it is told to; counts them from then on.
private final class LoweredRange: Transport {
  private let inner: CurlTransport
  private let lowered = Mutex(0)
  private let isLowered = Atomic(false)
  private let gate = DispatchSemaphore(value: 0)

  init(_ url: String) {
    inner = CurlTransport(address: ServerAddress(base: url))
  }

  var lists: Int { lowered.withLock { $0 } }
  func lower() { isLowered.store(true, ordering: .relaxed) }
  func answer() { gate.signal() }

  func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse {
    let isLowered = isLowered.load(ordering: .relaxed)
    guard isLowered, request.target.contains("/limitranges") else { return try inner.send(request) }
    lowered.withLock { $0 += 1 }
    gate.wait()
    let body = """
      {"kind":"LimitRangeList","metadata":{},"items":[{"metadata":{"name":"cpu"},"spec":{"limits":[{"type":"Pod",
      "max":{"cpu":"200m"}}]}}]}
      """
    return HTTPResponse(status: 200, body: Data(body.utf8))
  }

  func stream(
    _ request: HTTPRequest, cancellation: Cancellation, deliver: (UnsafeBufferPointer<UInt8>) -> Bool
  ) throws(TransportError) -> HTTPResponse {
    try inner.stream(request, cancellation: cancellation, deliver: deliver)
  }
}

@Suite("LimitRanges that change")
struct LimitRangeReaderTests {
  @Test("a LimitRange that stands in the way of many pods is read once, beside the loop", .timeLimit(.minutes(5)))
  func lowered() throws {
    let pods = 3
    var pod = PodParameters()
    pod.limit = 300
    var configuration = EmulatorConfiguration(
      pods: EmulatorConfiguration.pods(pods, named: "web", nodes: 1, limit: 300, request: 50),
      simulation: PodClusterConfiguration(pods: Array(repeating: pod, count: pods), seed: 1),
      workload: try Workload(WorkloadSettings("constant", mean: 5, minimum: 1)))
    configuration.clock = .virtual
    let emulator = try ClusterEmulator(configuration, server: Server.Configuration())
    defer { emulator.stop() }
    let transport = LoweredRange(emulator.url)
    let client = APIClient(
      connection: ClusterConnection(
        address: ServerAddress(base: emulator.url), credentials: Credentials(source: .none), namespace: "default",
        label: "context 'emulated'"), transport: transport)
    let survey = try ClusterSurvey(client, selection: PodSelection(namespaces: ["default"]))
    var live = LiveConfiguration(
      selection: survey.selection, capacity: 3000, shield: SafetyShield(minimum: 50, maximum: 900))
    live.applies = false
    let time = Mutex(0.0)
    let clock = KubernetesCluster.Clock(
      calendar: { time.withLock { $0 } },
      pacing: Pacing(
        now: { time.withLock { $0 } }, sleep: { seconds in time.withLock { $0 += seconds } }, random: { 0 }), piece: 1)
    let cluster = try KubernetesCluster(
      survey, live, source: try MetricChoice(.kubelet).source(survey), originals: OriginalsAnnotation(client),
      clock: clock, shouldStop: { false })
    defer { cluster.stop() }

    transport.lower()
    let refusal = ClusterError(.refused, operation: "", message: "maximum cpu usage per Pod is 200m, but limit is 300m")
    let now = clock.pacing.now()
    // The list is not answered yet: a loop that waited for it would stand still here.
    for place in 0..<pods { cluster.react(to: refusal, place: place) }
    #expect(cluster.tenants.map { ($0?.quietUntil ?? 0) - now } == Array(repeating: 0.25, count: pods))
    cluster.react(to: refusal, place: 0)
    #expect(cluster.tenants[0]?.quietUntil == now + LimitRangeReader.interval, "refused again in a row")
    transport.answer()
    while cluster.limitRanges["default"]?.isEmpty == true { _ = try cluster.awaitRound(interval: 0.01) }
    #expect(transport.lists == 1)
    #expect(cluster.places.map(\.description.bounds) == Array(repeating: 50...200, count: pods))
  }

  @Test("a namespace is read again after a while, and another at once")
  func interval() throws {
    let reader = LimitRangeReader()
    let reads = Mutex<[String]>([])
    func ask(_ namespace: String, at time: Double, fails: Bool = false) {
      reader.ask(namespace, at: time, perform: { $0() }) { () throws(ClusterError) in
        reads.withLock { $0.append("\(namespace) \(Int(time))") }
        if fails { throw ClusterError(.server, operation: "", message: "") }
        return [LimitRange(metadata: ObjectMetadata(name: namespace), items: [])]
      }
    }
    ask("a", at: 0)
    ask("a", at: 9)
    ask("b", at: 9, fails: true)
    #expect(reader.take().mapValues { $0.map(\.metadata.name) } == ["a": ["a"]])
    #expect(reader.take().isEmpty)
    ask("a", at: 10)
    ask("b", at: 18)
    ask("b", at: 19)
    #expect(reads.withLock { $0 } == ["a 0", "b 9", "a 10", "b 19"])
    #expect(Set(reader.take().keys) == ["a", "b"])
  }
}
