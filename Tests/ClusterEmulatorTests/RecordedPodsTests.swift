import Foundation
import Kubernetes
import PodSimulation
import Testing

@testable import ClusterEmulator

/// Pods that a real 1.36 API server answered, when they were resized and afterwards, beside those of the emulated one: all that
/// the client reads, field by field.
@Suite("Recorded pods")
struct RecordedPodsTests {
  /// Exchanges in their order: patches are sent again, pods are read some seconds later. The emulated cluster begins with the
  /// pod as it stood before the first.
  static let sequences = [
    ["resize/strategic-merge-200", "resize/settled-pod"], ["resize/burstable-limit-only-200"],
    ["resize/burstable-limit-above-node-200", "resize/burstable-limit-above-node-settled"], ["resize/dry-run-200"],
    ["resize/memory-raise-200"], ["resize/memory-decrease", "resize/memory-decrease-settled"],
    ["resize/no-change-200"], ["resize/quantity-0-25-number"], ["resize/quantity-0-2505"], ["resize/quantity-1m"],
    ["resize/quantity-2-5e-1"], ["resize/quantity-250-5m"], ["resize/quantity-250500u"],
    ["resize/quantity-250m-space"], ["resize/unknown-field-warning-200"], ["resize/apply-patch"],
    ["resize/field-manager-200"], ["resize/image-through-resize-200"], ["resize/json-patch-200"],
    ["resize/label-through-resize-200"], ["resize/merge-patch-200"], ["resize/merge-patch-resources-only-200"],
    ["more/below-minimum-200", "more/below-minimum-pod"], ["more/limit-added-200", "more/limit-added-pod"],
    [
      "more/memory-below-use-200", "more/memory-below-use-pod", "more/memory-below-use-withdrawn-200",
      "more/memory-below-use-withdrawn-pod",
    ], ["more/two-containers-200", "more/two-containers-pod"], ["more/two-containers-both-200"],
    ["pending/deferred-patch-200", "pending/deferred-pod"],
    [
      "pending/infeasible-patch-200", "pending/infeasible-pod", "pending/infeasible-withdrawn-200",
      "pending/infeasible-withdrawn-pod",
    ], ["pending/restart-policy-patch-200", "pending/restart-policy-pod"],
    ["pending/static-policy-burstable-200", "pending/static-policy-burstable-pod"], ["quota/limit-range-200"],
    ["quota/resource-quota-200", "quota/resource-quota-object"], ["pods/get"], ["pods/get-resize-subresource"],
  ]

  @Test("a pod that is resized is told as recorded", arguments: sequences)
  func pods(names: [String]) throws {
    let exchanges = try names.map { try RecordedExchange($0) }
    let cluster = try Self.cluster(before: exchanges[0], names[0])
    for (name, exchange) in zip(names, exchanges) {
      if exchange.request.method == "GET" { for _ in 0..<3 { cluster.step() } }
      let answer = try exchange.ask(cluster, name: name)
      #expect(answer.status == exchange.response.status, "\(name): \(answer.text)")
      if name.hasSuffix("quota-object") {
        RecordedFields.expectEqual(
          try RecordedFields.of(answer.text, as: ResourceQuota.self),
          try RecordedFields.of(exchange.response.body ?? "", as: ResourceQuota.self), name)
      } else {
        RecordedFields.expectEqual(
          try RecordedFields.ofPod(answer.text), try RecordedFields.ofPod(exchange.response.body ?? ""), name)
      }
      #expect((answer.headers["warning"] != nil) == name.contains("warning"))
    }
  }

  /// The cluster of the recording, with the pod as it stood before the exchange.
  private static func cluster(before exchange: RecordedExchange, _ name: String) throws -> EmulatedCluster {
    let pod = try JSONDecoder().decode(Pod.self, from: Data((exchange.response.body ?? "").utf8))
    var pods = [try PodTemplate(recorded: pod)]
    pods[0].simulated = 0
    for other in ["localization-api2", "localization-api3"] where name.hasPrefix("pending/deferred") {
      pods.append(try Emulated.pod(other, cpu: ("500m", "500m")))
    }
    var configuration = try Emulated.configuration(pods: pods)
    configuration.users = RecordedExchange.tokens
    configuration.hasStaticCPUPolicy = name.contains("infeasible") || name.contains("static-policy")
    if name.hasPrefix("quota/limit-range") {
      configuration.limitRanges = [
        LimitRangeRule(
          namespace: "limited", name: "cpu", minimum: try Quantity("100m"), maximum: try Quantity("350m"))
      ]
    } else if name.hasPrefix("quota/") {
      configuration.quotas = [
        QuotaRule(namespace: "limited", name: "cpu", limits: try Quantity("300m"), requests: try Quantity("300m"))
      ]
    }
    return try EmulatedCluster(configuration)
  }

  // MARK: Lists

  static let lists = [
    "pods/list", "pods/list-page-1", "pods/list-all-namespaces", "pods/list-empty", "pods/list-field-selector",
  ]

  /// A cluster with the pods that the recorded one had, at rest.
  private static func listed() throws -> EmulatedCluster {
    let list = try JSONDecoder().decode(
      PodList.self, from: Data((try RecordedExchange("pods/list").response.body ?? "").utf8))
    var configuration = try Emulated.configuration(pods: list.items.map { try PodTemplate(recorded: $0) })
    configuration.users = RecordedExchange.tokens
    return try EmulatedCluster(configuration)
  }

  private func expectSameList(_ answer: EmulatedCluster.Answer, _ exchange: RecordedExchange) throws {
    #expect(answer.status == 200)
    for field in ["kind", "apiVersion"] { #expect(answer.json[field] == exchange.json[field]) }
    let lists = try [answer.text, exchange.response.body ?? ""].map {
      try JSONDecoder().decode(PodList.self, from: Data($0.utf8))
    }
    #expect(lists[0].items.map(\.key) == lists[1].items.map(\.key))
    #expect(lists[0].metadata.continue.isEmpty == lists[1].metadata.continue.isEmpty)
    #expect(!lists[0].metadata.resourceVersion.isEmpty)
    for (ours, recorded) in zip(answer.json["items"]?.items ?? [], exchange.json["items"]?.items ?? []) {
      RecordedFields.expectEqual(
        try RecordedFields.ofPod(String(decoding: ours.bytes, as: UTF8.self)),
        try RecordedFields.ofPod(String(decoding: recorded.bytes, as: UTF8.self)))
    }
  }

  @Test("lists have the recorded pods and pages", arguments: lists)
  func recordedLists(name: String) throws {
    let exchange = try RecordedExchange(name)
    try expectSameList(exchange.ask(Self.listed(), name: name), exchange)
  }

  @Test("the second page follows the first")
  func pages() throws {
    let cluster = try Self.listed()
    let first = try RecordedExchange("pods/list-page-1").ask(cluster, name: "")
    let token = try #require(first.json.at("metadata", "continue")?.text)
    var second = try RecordedExchange("pods/list-page-2")
    second.request.path = String(second.request.path.prefix { $0 != "?" }) + "?limit=2&continue=" + token
    try expectSameList(second.ask(cluster, name: ""), second)
  }

  @Test("without their specifications pods are listed as recorded")
  func metadata() throws {
    let exchange = try RecordedExchange("pods/list-metadata-only")
    let answer = try exchange.ask(Self.listed(), name: "")
    for field in ["kind", "apiVersion"] { #expect(answer.json[field] == exchange.json[field]) }
    func outline(_ json: JSON) -> [String] {
      (json["items"]?.items ?? []).map { item in
        item.members.map(\.name).joined(separator: " ") + " " + (item["kind"]?.text ?? "")
          + (item.at("metadata", "name")?.text ?? "")
      }
    }
    #expect(outline(answer.json) == outline(exchange.json))
  }

  @Test("kubectl's table has the recorded columns and cells")
  func table() throws {
    let exchange = try RecordedExchange("pods/list-table")
    let answer = try exchange.ask(Self.listed(), name: "")
    for field in ["kind", "apiVersion"] { #expect(answer.json[field] == exchange.json[field]) }
    func columns(_ json: JSON) -> [[String?]] {
      (json["columnDefinitions"]?.items ?? []).map { [$0["name"]?.text, $0["type"]?.text, $0["format"]?.text] }
    }
    #expect(columns(answer.json) == columns(exchange.json))
    func cells(_ json: JSON) -> [[JSON]] {
      (json["rows"]?.items ?? []).map { row in
        // Age, address and node are the cluster's own.
        (row["cells"]?.items ?? []).enumerated().filter { !(4...6).contains($0.offset) }.map(\.element)
      }
    }
    #expect(cells(answer.json) == cells(exchange.json))
  }

  // MARK: Watches

  @Test("a streaming list begins with every pod and ends with the recorded bookmark")
  func initialEvents() throws {
    let exchange = try RecordedExchange("watch/initial-events")
    let cluster = try Self.listed()
    let ours = try cluster.watch(exchange.request.path, token: "admin").drain()
    let recorded = try exchange.lines.map { try JSON(parsing: Array($0.utf8)) }
    #expect(ours.map { $0["type"] } == recorded.map { $0["type"] })
    for (our, their) in zip(ours, recorded) {
      let events = try [our, their].map { try JSONDecoder().decode(PodEvent.self, from: Data($0.bytes)) }
      if case .bookmark(_, let endsInitial) = events[0] {
        guard case .bookmark(_, endsInitial) = events[1] else {
          Issue.record("\(their)")
          continue
        }
        #expect(our["object"]?.members.map(\.name) == their["object"]?.members.map(\.name))
      } else {
        RecordedFields.expectEqual(
          try RecordedFields.ofPod(String(decoding: our["object"]?.bytes ?? [], as: UTF8.self)),
          try RecordedFields.ofPod(String(decoding: their["object"]?.bytes ?? [], as: UTF8.self)))
      }
    }
  }

  @Test("a watch that is too old gets the recorded line, with 200 and the end of the stream")
  func gone() throws {
    let exchange = try RecordedExchange("watch/error-410-gone")
    let cluster = try Self.listed()
    cluster.withLock { cluster.store.compact(to: cluster.nextResourceVersion()) }
    let stream = try cluster.watch(exchange.request.path, token: "admin")
    let line = try #require(stream.drain().first)
    #expect(!stream.isOpen)
    let recorded = exchange.json
    #expect(line["type"] == recorded["type"])
    for field in ["kind", "status", "reason", "code", "details"] {
      #expect(line["object"]?[field] == recorded["object"]?[field], "\(field)")
    }
    func words(_ json: JSON) -> String? { json.at("object", "message")?.text?.filter { !$0.isNumber } }
    #expect(words(line) == words(recorded))
  }

  @Test("a watch from a version of the future waits without a line, as recorded")
  func future() throws {
    let exchange = try RecordedExchange("watch/future-resource-version")
    #expect(exchange.lines.isEmpty)
    let cluster = try Self.listed()
    let stream = try cluster.watch(exchange.request.path, token: "admin")
    #expect(stream.drain().isEmpty)
    #expect(stream.isOpen)
  }

  /// Pods of the emulated cluster are there at once: of the recorded lines those are compared that tell of running pods.
  @Test("a pod that comes, one that is resized, one that goes, and the bookmark at the end are told as recorded")
  func comings() throws {
    let exchange = try RecordedExchange("watch/added-modified-deleted-bookmark")
    let recorded = try exchange.lines.map { try JSON(parsing: Array($0.utf8)) }
    var configuration = try Emulated.configuration(
      pods: (0..<2).map {
        try Emulated.pod(["localization-api1", "localization-api4"][$0], cpu: ("500m", "500m"), simulated: $0)
      })
    configuration.users = RecordedExchange.tokens
    configuration.simulation.schedules = [PodSchedule(), PodSchedule(start: 1, end: 3)]
    let cluster = try EmulatedCluster(configuration)
    let version = try cluster.send("GET", "/api/v1/namespaces/default/pods", token: "admin").json
      .at("metadata", "resourceVersion")?.text
    let stream = try cluster.watch(
      "/api/v1/namespaces/default/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=0.001&resourceVersion="
        + (version ?? ""), token: "admin")
    for second in 0..<4 {
      cluster.step()
      guard second == 1 else { continue }
      let path = "/api/v1/namespaces/default/pods/localization-api1/resize"
      #expect(try cluster.send("PATCH", path, resizeBody(cpu: ("250m", "250m")), token: "admin").status == 200)
    }
    while stream.isOpen { _ = cluster.tendWatches() }
    func outline(_ lines: [JSON]) -> [String] {
      lines.compactMap { line in
        let isStarting = line.at("object", "status", "phase")?.text == "Pending"
        let name = line.at("object", "metadata", "name")?.text ?? ""
        let kind = line["type"]?.text ?? ""
        return isStarting && kind != "ADDED" || kind == "MODIFIED" && name.hasSuffix("4") && !isEnding(line)
          ? nil : "\(kind) \(name)\(isEnding(line) ? " ending" : "")"
      }
    }
    func isEnding(_ line: JSON) -> Bool { line.at("object", "metadata", "deletionTimestamp") != nil }
    let ours = stream.drain()
    // The recorded stream lasted long enough for a second bookmark.
    #expect(outline(ours) == Array(outline(recorded).dropLast()))
    let bookmarks = [ours, recorded].map { $0.last?["object"]?.members.map(\.name) }
    #expect(bookmarks[0] == bookmarks[1])
  }
}

extension PodTemplate {
  /// A recorded pod as it was created, with the resources that were in force in it.
  init(recorded pod: Pod) throws {
    let containers = pod.spec.containers.map { container in
      let resources = pod.containerStatus(container.name)?.resources ?? container.resources
      var template = PodTemplate.Container(
        container.name, limits: resources?.limits ?? [:], requests: resources?.requests ?? [:])
      template.restartsOnCPU = container.restarts(onResizeOf: "cpu")
      template.restartsOnMemory = container.restarts(onResizeOf: "memory")
      return template
    }
    self.init(pod.metadata.name, containers: containers)
    namespace = pod.metadata.namespace
    labels = pod.metadata.labels
  }
}
