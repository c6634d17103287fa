import Foundation
import Kubernetes
import Testing

@testable import ClusterEmulator

/// Requests that were recorded from a real 1.36 API server, asked again of the emulated one.
@Suite("Recorded answers")
struct RecordedAnswersTests {
  @Test(
    "refusals have the recorded status, reason, message and details",
    arguments: [
      "errors/400-bad-json", "errors/400-empty-body", "errors/404-namespace", "errors/404-path", "errors/404-resize",
      "errors/405-method", "errors/409-resource-version", "errors/415-content-type", "errors/415-text",
      "errors/422-bad-quantity", "errors/422-burstable-to-guaranteed", "errors/422-limit-below-request",
      "errors/422-negative", "errors/422-other-resource", "errors/422-qos-change", "errors/422-qos-change-raise",
      "errors/422-remove-limits", "errors/422-strict-unknown-field", "errors/422-uid", "errors/422-unknown-container",
      "errors/403-resize", "resize/merge-patch-partial-422", "resize/json-patch-bad-path-422",
      "resize/json-patch-test-failed-422", "resize/quantity-0", "resize/quantity-250-m", "more/best-effort-422",
      "more/limit-removed-422", "pending/above-allocatable-403", "quota/limit-range-max-403",
      "quota/limit-range-min-403", "quota/resource-quota-403", "pods/get-404", "pods/list-bad-continue-400",
      "pods/list-bad-selector-400", "node/proxy-404-node",
    ])
  func refusals(name: String) throws {
    let exchange = try RecordedExchange(name)
    let answer = try exchange.ask(RecordedExchange.cluster(for: name), name: name)
    #expect(answer.status == exchange.response.status)
    for field in ["kind", "status", "reason", "message", "details", "code"] {
      #expect(answer.json[field] == exchange.json[field], "\(field)")
    }
  }

  @Test("without a known token nothing is told", arguments: [nil, "other"])
  func unauthorized(token: String?) throws {
    let exchange = try RecordedExchange("errors/401-bad-token")
    let answer = try RecordedExchange.cluster(for: "").send("GET", exchange.request.path, token: token)
    #expect(answer.status == 401)
    #expect(answer.json["message"] == exchange.json["message"])
  }

  @Test(
    "resizes that were taken are taken, with the recorded CPU",
    arguments: [
      "resize/strategic-merge-200", "resize/burstable-limit-only-200", "resize/dry-run-200",
      "resize/quantity-0-25-number", "resize/quantity-0-2505", "resize/quantity-1m", "resize/quantity-2-5e-1",
      "resize/quantity-250-5m", "resize/quantity-250500u", "resize/quantity-250m-space",
      "resize/burstable-limit-above-node-200", "resize/unknown-field-warning-200", "pending/deferred-patch-200",
      "quota/limit-range-200", "quota/resource-quota-200",
    ])
  func resizes(name: String) throws {
    let exchange = try RecordedExchange(name)
    let answer = try exchange.ask(RecordedExchange.cluster(for: name), name: name)
    #expect(answer.status == 200, "\(answer.text)")
    let recorded = exchange.json.at("spec", "containers")?.items.first
    let container = answer.json.at("spec", "containers")?.items.first
    for kind in ["limits", "requests"] {
      #expect(container?.at("resources", kind, "cpu") == recorded?.at("resources", kind, "cpu"), "\(kind)")
    }
    #expect((answer.headers["warning"] != nil) == name.contains("warning"))
  }

  @Test("discovery lists pods/resize with the recorded verbs and kind")
  func discovery() throws {
    let exchange = try RecordedExchange("discovery/api-v1")
    let answer = try exchange.ask(RecordedExchange.cluster(for: ""), name: "")
    for name in ["pods/resize", "nodes/proxy"] {
      func entry(_ json: JSON) -> JSON? { json["resources"]?.items.first { $0["name"]?.text == name } }
      #expect(entry(answer.json)?["kind"] == entry(exchange.json)?["kind"])
      #expect(entry(answer.json)?["namespaced"] == entry(exchange.json)?["namespaced"])
    }
    #expect(try RecordedExchange.cluster(for: "").send("GET", "/version", token: "admin").json["minor"]?.text == "36")
  }
}
