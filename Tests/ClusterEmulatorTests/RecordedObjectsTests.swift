import Foundation
import Kubernetes
import Testing

@testable import ClusterEmulator

/// Objects that a real 1.36 API server answered beside those of the emulated one: all that the client reads, field by field.
@Suite("Recorded objects")
struct RecordedObjectsTests {
  /// What differs from cluster to cluster and says nothing: identities, times, addresses, what pods are made of.
  private static let identities = [
    "uid", "resourceVersion", "generation", "observedGeneration", "creationTimestamp", "startTime", "startedAt",
    "lastTransitionTime", "podIP", "hostIP", "containerID", "image", "nodeName", "annotations", "labels",
    "ownerReferences", "acquireTime", "renewTime", "firstTimestamp", "lastTimestamp",
  ]

  /// The fields of an object that the client's model reads, by path.
  private func fields<Object: Codable>(_ text: String, of type: Object.Type) throws -> [String: String] {
    let object = try JSONDecoder().decode(type, from: Data(text.utf8))
    let encoded = try JSON(parsing: Array(try JSONEncoder().encode(object)))
    var flat: [String: String] = [:]
    func walk(_ value: JSON, _ path: String) {
      switch value {
      case .object(let members):
        for member in members where !Self.identities.contains(member.name) {
          walk(member.value, path + "." + member.name)
        }
      case .array(let items):
        for (index, item) in items.enumerated() {
          walk(item, path + "[" + (item["type"]?.text ?? item["name"]?.text ?? String(index)) + "]")
        }
      default: flat[path] = "\(value)"
      }
    }
    walk(encoded, "")
    return flat
  }

  private func expectEqual(_ answer: [String: String], _ recorded: [String: String]) {
    for path in Set(answer.keys).union(recorded.keys).sorted() {
      #expect(answer[path] == recorded[path], "\(path)")
    }
  }

  @Test(
    "the pod that a resize answers",
    arguments: [
      "resize/strategic-merge-200", "resize/burstable-limit-only-200", "resize/dry-run-200", "resize/quantity-2-5e-1",
      "resize/quantity-250500u", "resize/burstable-limit-above-node-200", "pending/deferred-patch-200",
    ])
  func answers(name: String) throws {
    let exchange = try RecordedExchange(name)
    let cluster = try RecordedExchange.cluster(for: name)
    try bring(exchange, cluster)
    let answer = try exchange.ask(cluster, name: name)
    expectEqual(try fields(answer.text, of: Pod.self), try fields(exchange.response.body ?? "", of: Pod.self))
    // The answer comes before the kubelet has looked.
    for text in [answer.text, exchange.response.body ?? ""] where !name.contains("dry-run") {
      let pod = try JSONDecoder().decode(Pod.self, from: Data(text.utf8))
      #expect(pod.status.observedGeneration == pod.metadata.generation - 1)
    }
  }

  /// Brings the emulated pod to where the recorded one stood before it was resized.
  private func bring(_ exchange: RecordedExchange, _ cluster: EmulatedCluster) throws {
    let pod = try JSONDecoder().decode(Pod.self, from: Data((exchange.response.body ?? "").utf8))
    let held = try #require(pod.status.containerStatuses.first?.resources)
    let limit = try #require(held.limits["cpu"]), request = try #require(held.requests["cpu"])
    let path = String(exchange.request.path.prefix { $0 != "?" })
    let answer = try cluster.send(
      "PATCH", path, resizeBody(cpu: ("\(limit.millicores)m", "\(request.millicores)m")), token: "admin")
    #expect(answer.status == 200, "\(answer.text)")
    for _ in 0..<3 { cluster.step() }
  }

  /// What a watch tells of a resize's progress, one line each.
  private struct Step: Equatable, CustomStringConvertible {
    var description: String

    init(_ event: JSON, _ pod: Pod) {
      let status = pod.status.containerStatuses.first
      let conditions = pod.status.conditions.filter { $0.type.hasPrefix("PodResize") }.map {
        "\($0.type) \($0.status) \($0.reason) \($0.observedGeneration == pod.metadata.generation)"
      }
      let lag = pod.metadata.generation - pod.status.observedGeneration
      func cpu(_ list: ResourceList?) -> String { list?["cpu"].map { "\($0.millicores)" } ?? "-" }
      description =
        "\(event["type"]?.text ?? "") \(pod.metadata.name) behind \(lag) wanted "
        + "\(cpu(pod.spec.containers.first?.resources?.limits)) in force \(cpu(status?.resources?.limits)) allocated "
        + "\(cpu(status?.allocatedResources)) \(conditions)"
    }

    static func all(_ lines: [JSON]) throws -> [Step] {
      try lines.map { line in
        let object = try #require(line["object"])
        return Step(line, try JSONDecoder().decode(Pod.self, from: Data(object.bytes)))
      }
    }
  }

  @Test(
    "a watch tells the steps of a resize in the recorded order",
    arguments: [
      ("watch/resize-steps", [("localization-api2", "300m")]),
      ("pending/deferred-then-applied-watch", [("localization-api1", "1100m"), ("localization-api2", "300m")]),
    ])
  func steps(name: String, resizes: [(pod: String, cpu: String)]) throws {
    let exchange = try RecordedExchange(name)
    let recorded = try Step.all(
      try exchange.lines.map { try JSON(parsing: Array($0.utf8)) })
    let cluster = try EmulatedCluster(
      try Emulated.configuration(
        pods: (1...3).map { try Emulated.pod("localization-api\($0)", cpu: ("500m", "500m"), simulated: $0 - 1) }))
    let stream = try cluster.watch("/api/v1/namespaces/default/pods?watch=1&resourceVersion=0")
    _ = stream.drain()
    for (pod, cpu) in resizes {
      let answer = try cluster.send(
        "PATCH", "/api/v1/namespaces/default/pods/\(pod)/resize", resizeBody(cpu: (cpu, cpu)))
      #expect(answer.status == 200, "\(answer.text)")
      cluster.step()
    }
    cluster.step()
    #expect(try Step.all(stream.drain()).map(\.description) == recorded.map(\.description))
  }

  @Test("a lease is taken, read, renewed and lost with the recorded answers")
  func leases() throws {
    let cluster = try RecordedExchange.cluster(for: "")
    for name in ["lease/get-404", "lease/create-201", "lease/create-409", "lease/get-200"] {
      let exchange = try RecordedExchange(name)
      let answer = try exchange.ask(cluster, name: name)
      #expect(answer.status == exchange.response.status, "\(name): \(answer.text)")
      guard answer.status < 300 else {
        for field in ["kind", "reason", "message", "code"] {
          #expect(answer.json[field] == exchange.json[field], "\(name) \(field)")
        }
        continue
      }
      expectEqual(try fields(answer.text, of: Lease.self), try fields(exchange.response.body ?? "", of: Lease.self))
    }
    // The recorded resource versions are another server's: the conflict is made with one of ours that is old.
    let conflict = try RecordedExchange("lease/update-conflict-409")
    var lease = try cluster.send("GET", conflict.request.path, token: "admin").json
    let renewed = try cluster.send(
      "PUT", conflict.request.path, String(decoding: lease.bytes, as: UTF8.self), type: "application/json",
      token: "admin")
    #expect(renewed.status == 200)
    lease["spec"]?["holderIdentity"] = .string("another")
    let answer = try cluster.send(
      "PUT", conflict.request.path, String(decoding: lease.bytes, as: UTF8.self), type: "application/json",
      token: "admin")
    #expect(answer.status == conflict.response.status)
    for field in ["kind", "reason", "message", "details", "code"] {
      #expect(answer.json[field] == conflict.json[field], "\(field)")
    }
  }

  @Test("an event about a pod is kept as the recorded one", arguments: ["events/create-201"])
  func events(name: String) throws {
    let exchange = try RecordedExchange(name)
    let answer = try exchange.ask(RecordedExchange.cluster(for: name), name: name)
    #expect(answer.status == 201, "\(answer.text)")
    // The server completes the name that is generated.
    let name = ".metadata.name"
    let ours = try fields(answer.text, of: Event.self)
    let recorded = try fields(exchange.response.body ?? "", of: Event.self)
    #expect(ours[name]?.count == recorded[name]?.count)
    expectEqual(ours.filter { $0.key != name }, recorded.filter { $0.key != name })
  }
}

extension RecordedExchange {
  /// The lines of a recorded watch.
  var lines: [Substring] { (response.body ?? "").split(separator: "\n") }
}
