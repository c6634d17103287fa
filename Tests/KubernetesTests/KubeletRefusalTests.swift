import Foundation
import Testing

@testable import Kubernetes

@Suite("Rights that a kubelet misses")
struct KubeletRefusalTests {
  private func refusal(_ text: String) -> ClusterError? {
    let response = HTTPResponse(status: 403, headers: ["content-type": "text/plain"], body: Data(text.utf8))
    let client = APIClient(connection: .test(), transport: ScriptedTransport(.success(response)))
    return #expect(throws: ClusterError.self) { try client.send(APIRequest(get: "/metrics/cadvisor")) }
  }

  @Test(
    "a kubelet's refusal names who lacks which right, and the rule to grant",
    arguments: [
      ("subresource=metrics)", "nodes/metrics"), ("subresource=proxy)\n", "nodes/proxy"),
      // Since fine-grained authorization: the narrowest that is enough.
      ("subresource(s)=[pods proxy])\n", "nodes/pods"), ("subresource(s)=[metrics])\n", "nodes/metrics"),
    ])
  func rule(_ end: String, _ resource: String) {
    let user = "system:serviceaccount:shop:" + String(repeating: "marlise-", count: 30)
    let error = refusal("Forbidden (user=\(user), verb=get, resource=nodes, \(end)")
    #expect(error?.kind == .missingRight)
    #expect(
      error?.description
        == "get /metrics/cadvisor: the kubelet says that \(user) lacks the right to get \(resource); grant it "
        + "the rule {apiGroups: [\"\"], resources: [\(resource)], verbs: [get]}")
  }

  @Test(
    "other refusals in plain words stay what they are",
    arguments: [
      "Forbidden", "Forbidden (user=)", "no entry", "Forbidden (user=a, verb=get, resource=nodes, subresource=)",
      "Forbidden (user=a, verb=get, resource=prometheuses, subresource=api)",
    ])
  func others(_ text: String) {
    #expect(refusal(text)?.kind == .refused)
    #expect(refusal(text)?.description == "get /metrics/cadvisor: " + text)
  }

  @Test("a path of the API server that may not be read is a missing right too")
  func path() {
    let error = refusal(
      "{\"kind\":\"Status\",\"message\":\"forbidden: User 'a' cannot get path '/metrics/cadvisor'\",\"code\":403}")
    #expect(error?.kind == .missingRight)
    #expect(error?.description.contains("{nonResourceURLs: [/metrics/cadvisor], verbs: [get]}") == true)
  }
}
