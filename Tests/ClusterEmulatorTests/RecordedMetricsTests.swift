import Foundation
import Kubernetes
import PodSimulation
import Testing

@testable import ClusterEmulator

/// What a real 1.36 kubelet told of its containers beside what the emulated ones tell: which figures there are of a container,
/// whether each has a time of its own, and how they are named.
@Suite("Recorded metrics, nodes and events")
struct RecordedMetricsTests {
  private func cluster(_ change: (inout EmulatorConfiguration) -> Void = { _ in }) throws -> EmulatedCluster {
    var configuration = try Emulated.configuration(
      pods: (1...3).map { try Emulated.pod("localization-api\($0)", cpu: ("500m", "500m"), simulated: $0 - 1) })
    configuration.housekeeping = 1
    change(&configuration)
    return try EmulatedCluster(configuration)
  }

  static let kubelet = [
    "node/metrics-cadvisor", "node/metrics-resource", "node/metrics-resource-later", "node/stats-summary",
    "node/stats-summary-later", "node/stats-summary-cpu-memory",
  ]

  @Test("a container's figures are those that a real kubelet gives", arguments: kubelet)
  func figures(name: String) throws {
    let exchange = try RecordedExchange(name)
    let cluster = try cluster()
    for _ in 0..<3 { cluster.step() }
    let answer = try exchange.ask(cluster, name: name)
    #expect(answer.status == 200)
    let (ours, recorded) = try (read(answer.text, name), read(exchange.response.body ?? "", name))
    #expect(ours.unreadable == 0 && recorded.unreadable == 0)
    for pod in 1...3 {
      let key = MetricKey.container(namespace: "default", pod: "localization-api\(pod)", name: "localization-api")
      #expect(try outline(#require(ours.readings[key])) == outline(#require(recorded.readings[key])))
    }
  }

  /// Times that are not told become this one.
  private let nowhere = Timestamp(nanoseconds: 1)

  private func read(_ text: String, _ name: String) throws -> MetricSnapshot {
    let body = Data(text.utf8)
    if name.contains("cadvisor") { return KubeletCadvisorMetrics.parse(body, receivedAt: nowhere) }
    if name.contains("resource") { return KubeletResourceMetrics.parse(body, receivedAt: nowhere) }
    return try KubeletSummary.parse(body)
  }

  /// Which figures there are.
  private func outline(_ reading: ContainerReading) throws -> [String: Bool] {
    guard case .counters(let counters) = reading else { return ["average": true] }
    return [
      "own time": counters.time != nowhere, "cpu": counters.cpuNanoseconds >= 0, "memory": counters.memory > 0,
      "periods": counters.periods != nil, "throttled periods": counters.throttledPeriods != nil,
      "throttled time": counters.throttledNanoseconds != nil, "limit": counters.limit != nil,
      "cpu pressure": counters.cpuPressureNanoseconds != nil,
      "memory pressure": counters.memoryPressureNanoseconds != nil, "out of memory": counters.outOfMemoryKills != nil,
    ]
  }

  @Test("a node is told as recorded")
  func node() throws {
    let exchange = try RecordedExchange("node/node")
    let answer = try exchange.ask(cluster(), name: "node/node")
    // Names, versions and sizes are the cluster's own.
    let own = ["name", "kernelVersion", "containerRuntimeVersion", "kubeletVersion", "address"]
    func fields(_ text: String) throws -> [String: String] {
      try RecordedFields.of(text, as: Node.self).filter { field in
        !own.contains { field.key.hasSuffix("." + $0) } && !field.key.contains("capacity")
          && !field.key.contains("allocatable") && !field.key.contains("declaredFeatures")
      }
    }
    RecordedFields.expectEqual(try fields(answer.text), try fields(exchange.response.body ?? ""))
    for text in [answer.text, exchange.response.body ?? ""] {
      let node = try JSONDecoder().decode(Node.self, from: Data(text.utf8))
      #expect(node.isReady && node.kubeletAddress?.hasSuffix(":10250") == true)
      #expect(node.status?.allocatable["cpu"] != nil && node.status?.allocatable["memory"] != nil)
    }
  }

  @Test(
    "the kubelet's events about a resize are the recorded ones",
    arguments: [("pending/events", "250m", true), ("more/memory-below-use-events", "", false)])
  func events(name: String, cpu: String, isStatic: Bool) throws {
    let exchange = try RecordedExchange(name)
    let pod = try #require(exchange.json["items"]?.items.first?.at("involvedObject", "name")?.text)
    var configuration = try Emulated.configuration(
      pods: [try Emulated.pod(pod, cpu: isStatic ? ("500m", "500m") : ("100m", "100m"), simulated: 0)])
    configuration.hasStaticCPUPolicy = isStatic
    let cluster = try EmulatedCluster(configuration)
    let patch = try RecordedExchange(isStatic ? "pending/infeasible-patch-200" : "more/memory-below-use-200")
    #expect(try patch.ask(cluster, name: "").status == 200)
    cluster.step()
    let answer = try exchange.ask(cluster, name: name)
    func outline(_ json: JSON) -> [[String?]] {
      let resizes = (json["items"]?.items ?? []).filter { $0["reason"]?.text?.hasPrefix("Resize") == true }
      return resizes.map { event in
        let text = event["message"]?.text ?? ""
        let end = text.firstRange(of: "below current usage")?.upperBound ?? text.endIndex
        return [
          event["reason"]?.text, event["type"]?.text, String(text[..<end]), event.at("source", "component")?.text,
          event["reportingComponent"]?.text, event.at("involvedObject", "kind")?.text,
        ]
      }
    }
    // Tried again later, a real kubelet names the whole pod's limit too.
    let recorded = outline(exchange.json).filter { $0[2]?.contains("pod memory limit") == false }
    #expect(outline(answer.json).sorted { "\($0)" < "\($1)" } == recorded.sorted { "\($0)" < "\($1)" })
  }

  @Test("version and groups are those of the recorded server")
  func discovery() throws {
    let cluster = try cluster()
    func answer(_ name: String) throws -> (ours: JSON, recorded: JSON) {
      let exchange = try RecordedExchange(name)
      let answer = try exchange.ask(cluster, name: name)
      #expect(answer.status == exchange.response.status)
      return (answer.json, exchange.json)
    }
    let version = try answer("discovery/version")
    for field in ["major", "minor"] { #expect(version.ours[field] == version.recorded[field]) }
    let core = try answer("discovery/api")
    for field in ["kind", "versions"] { #expect(core.ours[field] == core.recorded[field]) }
    func groups(_ json: JSON) -> Set<String> { Set((json["groups"]?.items ?? []).compactMap { $0["name"]?.text }) }
    let named = try answer("discovery/apis")
    // metrics.k8s.io is there with a metrics-server, which the recorded cluster had not.
    #expect(groups(named.ours).subtracting(["metrics.k8s.io"]).isSubset(of: groups(named.recorded)))
    let ready = try RecordedExchange("discovery/readyz")
    #expect(try ready.ask(cluster, name: "").text == ready.response.body)
    let resources = try answer("discovery/api-v1")
    func table(_ json: JSON) -> [String: JSON] {
      Dictionary(
        (json["resources"]?.items ?? []).map { ($0["name"]?.text ?? "", $0) }, uniquingKeysWith: { first, _ in first })
    }
    let (ours, recorded) = (table(resources.ours), table(resources.recorded))
    for (name, entry) in ours {
      for field in ["kind", "namespaced"] { #expect(entry[field] == recorded[name]?[field], "\(name) \(field)") }
      let verbs = [entry, recorded[name]].map { Set(($0?["verbs"]?.items ?? []).compactMap(\.text)) }
      #expect(verbs[0].isSubset(of: verbs[1]), "\(name)")
    }
    #expect(ours["pods/resize"]?["verbs"] == recorded["pods/resize"]?["verbs"])
  }

  /// Exchanges about what the emulated cluster has not, and where the client's reading of them is tested instead.
  static let clientOnly = [
    // Pods of the emulated cluster end at once and are never without a node; it knows no pod-level resources.
    "errors/resize-terminating", "pods/get-terminating", "pending/finished-pod", "pending/finished-pod-resize",
    "pending/unscheduled-pod-resize", "pending/unscheduled-pod-after", "more/pod-level-200", "more/pod-level-pod",
    // The client does not ask for it.
    "node/kubelet-pods",
    // The steps in it are those of the patches around it, which are compared.
    "more/memory-below-use-watch",
  ]

  @Test("no recorded exchange is left out")
  func complete() throws {
    var compared = Set(
      RecordedAnswersTests.refused + RecordedAnswersTests.refusedInOtherWords.map(\.name)
        + RecordedAnswersTests.refusedInPlainText + RecordedAnswersTests.unknown
        + RecordedPodsTests.sequences.flatMap { $0 } + RecordedPodsTests.lists + RecordedObjectsTests.watches.map(\.0)
        + RecordedObjectsTests.leaseExchanges + Self.kubelet + Self.clientOnly)
    compared.formUnion([
      "pods/list-page-2", "pods/list-metadata-only", "pods/list-table", "watch/initial-events", "watch/error-410-gone",
      "watch/future-resource-version", "watch/added-modified-deleted-bookmark", "lease/renew-200",
      "lease/update-conflict-409", "events/create-201", "events/patch-count-200", "pending/events",
      "more/memory-below-use-events", "node/node", "discovery/api", "discovery/api-v1", "discovery/apis",
      "discovery/readyz", "discovery/version",
    ])
    var recorded: Set<String> = []
    for folder in try FileManager.default.contentsOfDirectory(atPath: RecordedExchange.folder.path) {
      let path = RecordedExchange.folder.appendingPathComponent(folder).path
      for file in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where file.hasSuffix(".json") {
        recorded.insert(folder + "/" + file.dropLast(5))
      }
    }
    #expect(recorded.subtracting(compared) == [])
    #expect(compared.subtracting(recorded) == [])
  }
}
