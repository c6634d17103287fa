import Foundation
import Kubernetes
import Testing

@testable import ClusterEmulator

/// Objects that a real 1.36 API server answered beside those of the emulated one: all that the client reads, field by field.
@Suite("Recorded objects")
struct RecordedObjectsTests {
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

  static let watches = [
    ("watch/resize-steps", [("localization-api2", "300m")]),
    ("pending/deferred-then-applied-watch", [("localization-api1", "1100m"), ("localization-api2", "300m")]),
  ]

  @Test("a watch tells the steps of a resize in the recorded order", arguments: watches)
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

  static let leaseExchanges = [
    "lease/get-404", "lease/create-201", "lease/create-409", "lease/get-200", "lease/patch-200",
  ]

  @Test("a lease is taken, read, renewed and lost with the recorded answers")
  func leases() throws {
    let cluster = try RecordedExchange.cluster(for: "")
    for name in Self.leaseExchanges {
      let exchange = try RecordedExchange(name)
      let answer = try exchange.ask(cluster, name: name)
      #expect(answer.status == exchange.response.status, "\(name): \(answer.text)")
      guard answer.status < 300 else {
        for field in ["kind", "reason", "message", "code"] {
          #expect(answer.json[field] == exchange.json[field], "\(name) \(field)")
        }
        continue
      }
      RecordedFields.expectEqual(
        try RecordedFields.of(answer.text, as: Lease.self),
        try RecordedFields.of(exchange.response.body ?? "", as: Lease.self))
    }
    // The recorded resource versions are another server's: the conflict is made with one of ours that is old.
    let conflict = try RecordedExchange("lease/update-conflict-409")
    var lease = try cluster.send("GET", conflict.request.path, token: "admin").json
    let renewal = try RecordedExchange("lease/renew-200")
    let time = try #require(renewal.json.at("spec", "renewTime"))
    lease["spec"]?["renewTime"] = time
    let renewed = try cluster.send(
      "PUT", conflict.request.path, String(decoding: lease.bytes, as: UTF8.self), type: "application/json",
      token: "admin")
    #expect(renewed.status == renewal.response.status)
    RecordedFields.expectEqual(
      try RecordedFields.of(renewed.text, as: Lease.self),
      try RecordedFields.of(renewal.response.body ?? "", as: Lease.self))
    lease["spec"]?["holderIdentity"] = .string("another")
    let answer = try cluster.send(
      "PUT", conflict.request.path, String(decoding: lease.bytes, as: UTF8.self), type: "application/json",
      token: "admin")
    #expect(answer.status == conflict.response.status)
    for field in ["kind", "reason", "message", "details", "code"] {
      #expect(answer.json[field] == conflict.json[field], "\(field)")
    }
  }

  @Test("an event about a pod is kept, and counted up, as the recorded one")
  func events() throws {
    let cluster = try RecordedExchange.cluster(for: "")
    var path = ""
    for name in ["events/create-201", "events/patch-count-200"] {
      var exchange = try RecordedExchange(name)
      if !path.isEmpty { exchange.request.path = path }
      let answer = try exchange.ask(cluster, name: name)
      #expect(answer.status == exchange.response.status, "\(answer.text)")
      // The server completes the name that is generated.
      let name = ".metadata.name"
      let ours = try RecordedFields.of(answer.text, as: Event.self)
      let recorded = try RecordedFields.of(exchange.response.body ?? "", as: Event.self)
      #expect(ours[name]?.count == recorded[name]?.count)
      RecordedFields.expectEqual(ours.filter { $0.key != name }, recorded.filter { $0.key != name })
      path = exchange.request.path + "/" + (answer.json.at("metadata", "name")?.text ?? "")
    }
  }
}

extension RecordedExchange {
  /// The lines of a recorded watch.
  var lines: [Substring] { (response.body ?? "").split(separator: "\n") }
}
