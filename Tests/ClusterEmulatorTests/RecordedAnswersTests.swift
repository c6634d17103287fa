import Foundation
import Kubernetes
import Testing

@testable import ClusterEmulator

/// Requests that were recorded from a real 1.36 API server, asked again of the emulated one.
@Suite("Recorded answers")
struct RecordedAnswersTests {
  static let refused = [
    "errors/400-bad-json", "errors/400-empty-body", "errors/404-namespace", "errors/404-path", "errors/404-resize",
    "errors/405-method", "errors/409-resource-version", "errors/415-content-type", "errors/415-text",
    "errors/422-bad-quantity", "errors/422-burstable-to-guaranteed", "errors/422-limit-below-request",
    "errors/422-negative", "errors/422-other-resource", "errors/422-qos-change", "errors/422-qos-change-raise",
    "errors/422-remove-limits", "errors/422-strict-unknown-field", "errors/422-uid", "errors/422-unknown-container",
    "errors/403-resize", "errors/403-patch-pod", "resize/merge-patch-partial-422", "resize/json-patch-bad-path-422",
    "resize/json-patch-test-failed-422", "resize/quantity-0", "resize/quantity-250-m", "more/best-effort-422",
    "more/limit-removed-422", "pending/above-allocatable-403", "quota/limit-range-max-403",
    "quota/limit-range-min-403", "quota/resource-quota-403", "pods/get-404", "pods/list-bad-continue-400",
    "pods/list-bad-selector-400", "pods/list-all-namespaces-403", "watch/forbidden-403", "node/proxy-404-node",
    "node/proxy-403", "events/create-403", "events/create-404-namespace", "lease/create-403",
    "lease/create-bad-time-400", "lease/create-invalid-422", "lease/create-seconds-renewtime", "lease/get-404",
  ]

  @Test("refusals have the recorded status, reason, message and details", arguments: refused)
  func refusals(name: String) throws {
    let exchange = try RecordedExchange(name)
    let answer = try exchange.ask(RecordedExchange.cluster(for: name), name: name)
    #expect(answer.status == exchange.response.status)
    for field in ["kind", "status", "reason", "message", "details", "code"] {
      #expect(answer.json[field] == exchange.json[field], "\(field)")
    }
  }

  /// Refusals that quote what differs from cluster to cluster, and the words that the client reads.
  static let refusedInOtherWords: [(name: String, words: String)] = [
    ("errors/406-accept", "406: Not Acceptable"),
    ("errors/422-bad-quantity-json-patch", " \"\" is invalid: patch: Invalid value: "),
    ("errors/422-bad-quantity-merge-patch", " \"\" is invalid: patch: Invalid value: "),
    ("errors/422-plain-pod-patch", "pod updates may not change fields other than"),
    ("events/create-namespace-mismatch-422", "involvedObject.namespace: Invalid value"),
    ("pods/list-resource-version-too-large-504", "Timeout: Too large resource version: 99999999, current: "),
    ("pods/list-exact-compacted-410", "The resourceVersion for the provided list is too old."),
    ("pods/list-continue-expired-410", "The provided continue parameter is too old to display a consistent list"),
  ]

  @Test(
    "refusals that quote the cluster have the recorded reason, and the words that matter",
    arguments: refusedInOtherWords)
  func refusals(name: String, words: String) throws {
    let exchange = try RecordedExchange(name)
    let cluster = try RecordedExchange.cluster(for: name)
    if name.contains("410") { cluster.withLock { cluster.store.compact(to: cluster.nextResourceVersion()) } }
    let answer = try exchange.ask(cluster, name: name)
    #expect(answer.status == exchange.response.status)
    for field in ["kind", "status", "reason", "code"] {
      #expect(answer.json[field] == exchange.json[field], "\(field)")
    }
    for json in [answer.json, exchange.json] { #expect(json["message"]?.text?.contains(words) == true) }
    for path in [["details", "kind"], ["details", "retryAfterSeconds"]] {
      #expect(answer.json.at(path[0], path[1]) == exchange.json.at(path[0], path[1]), "\(path)")
    }
    let causes = [answer.json, exchange.json].map { $0.at("details", "causes")?.items.map { $0["reason"] } }
    #expect(causes[0] == causes[1])
    let headers = Dictionary(uniqueKeysWithValues: exchange.response.headers.map { ($0.key.lowercased(), $0.value) })
    #expect(answer.headers["retry-after"] == headers["retry-after"])
    // With an expired page comes a token to go on with.
    let tokens = [answer.json, exchange.json].map { ($0.at("metadata", "continue")?.text ?? "").isEmpty }
    #expect(tokens[0] == tokens[1])
  }

  static let refusedInPlainText = [
    "discovery/metrics-k8s-io-404", "node/proxy-404-path", "errors/429-get", "errors/429-lease", "errors/429-resize",
    "errors/429-watch",
  ]

  @Test("refusals without a Status have the recorded text and Retry-After", arguments: refusedInPlainText)
  func plainRefusals(name: String) throws {
    let exchange = try RecordedExchange(name)
    var configuration = try Emulated.configuration(
      pods: [try Emulated.pod("localization-api1", cpu: ("500m", "500m"), simulated: 0)])
    configuration.metricsServerInterval = 0
    if name.contains("429") { configuration.faults = try FaultPlan(["429=1"]) }
    let answer = try exchange.ask(EmulatedCluster(configuration), name: name)
    #expect(answer.status == exchange.response.status)
    #expect(answer.text == exchange.response.body)
    for header in ["Retry-After", "Content-Type"] {
      #expect(answer.headers[header.lowercased()] == exchange.response.headers[header], "\(header)")
    }
  }

  static let unknown = ["errors/401-bad-token", "errors/401-no-credentials"]

  @Test("without a known token nothing is told", arguments: unknown, [nil, "other"])
  func unauthorized(name: String, token: String?) throws {
    let exchange = try RecordedExchange(name)
    let answer = try RecordedExchange.cluster(for: "").send("GET", exchange.request.path, token: token)
    #expect(answer.status == 401)
    for field in ["kind", "status", "reason", "message", "code"] {
      #expect(answer.json[field] == exchange.json[field], "\(field)")
    }
  }
}
