import Foundation
import Testing

@testable import Kubernetes

@Suite("Settlement of a resize")
struct SettlementTests {
  /// One letter a state: requested, in progress, settled, deferred, infeasible (x), failing, superseded (o), lost.
  static func letter(_ settlement: Settlement) -> Character {
    switch settlement {
    case .requested: "r"
    case .inProgress: "p"
    case .settled: "s"
    case .deferred: "d"
    case .infeasible: "x"
    case .failing: "f"
    case .superseded: "o"
    case .lost: "l"
    }
  }

  func record(_ answer: Pod) -> ResizeRecord {
    ResizeRecord(answer: answer, container: answer.spec.containers[0].name)
  }

  /// The states that a recorded sequence of pods leads through, from the first pod's spec on.
  func drawing(_ pods: [Pod], from start: Settlement = .requested(since: 0)) -> String {
    guard let first = pods.first else { return "" }
    let record = record(first)
    var settlement = start
    var text = ""
    for (time, pod) in pods.enumerated() {
      settlement = settlement.next(record, observing: pod, at: Double(time))
      text.append(Self.letter(settlement))
    }
    return text
  }

  func watched(_ fixture: String, generation: Int? = nil) throws -> [Pod] {
    let events = try Fixture.load(fixture).lines().map { try JSONDecoder().decode(PodEvent.self, from: $0) }
    return events.compactMap { event in
      if case .modified(let pod) = event, pod.metadata.generation == generation ?? pod.metadata.generation {
        return pod
      }
      return nil
    }
  }

  @Test("a recorded resize: requested, in progress, settled")
  func steps() throws {
    #expect(drawing(try watched("watch/resize-steps")) == "rps")
  }

  @Test("a recorded deferred resize is applied by itself when there is room")
  func deferred() throws {
    let pods = try watched("pending/deferred-then-applied-watch").filter { pod in
      pod.spec.containers[0].resources?.limits["cpu"]?.millicores == 1100
    }
    let text = drawing(pods)
    #expect(text.first == "r")
    #expect(text.contains("d"))
    #expect(text.last == "s")
  }

  @Test("memory below use fails, is tried again, and is superseded when taken back")
  func failing() throws {
    let text = drawing(try watched("more/memory-below-use-watch"))
    #expect(text.contains("f"))
    #expect(!text.contains("x"))
  }

  @Test(
    "recorded pods at rest",
    arguments: [
      ("pending/infeasible-pod", "x"), ("pending/deferred-pod", "d"), ("more/memory-below-use-pod", "f"),
      ("resize/settled-pod", "s"), ("pending/infeasible-withdrawn-pod", "s"), ("more/below-minimum-pod", "s"),
      ("more/two-containers-pod", "s"), ("pending/finished-pod", "l"), ("pods/get-terminating", "l"),
      ("resize/strategic-merge-200", "r"), ("resize/burstable-limit-above-node-settled", "s"),
      ("pending/static-policy-burstable-pod", "s"), ("resize/no-change-200", "s"),
    ])
  func atRest(_ fixture: String, _ expected: String) throws {
    #expect(drawing([try Fixture.load(fixture).decode(Pod.self)]) == expected, "\(fixture)")
  }

  @Test(
    "1.27 to 1.32 tell in one word",
    arguments: [("Proposed", "r"), ("InProgress", "p"), ("Deferred", "d"), ("Infeasible", "x"), ("", "s")])
  func oldServers(_ word: String, _ expected: String) throws {
    let pod = try recordedPod { pod in
      pod.metadata.generation = 0
      pod.status.observedGeneration = 0
      pod.status.resize = word
    }
    #expect(drawing([pod]) == expected)
  }

  @Test("a pod that is gone, replaced or written by somebody else ends the waiting")
  func ends() throws {
    let pod = try recordedPod()
    let record = record(pod)
    let start = Settlement.requested(since: 0)
    #expect(start.next(record, observing: nil, at: 1) == .lost)
    #expect(start.next(record, observing: try recordedPod { $0.metadata.uid = "new" }, at: 1) == .lost)
    let other = try recordedPod { $0.spec.containers[0].resources?.limits["cpu"] = Quantity(millicores: 123) }
    #expect(start.next(record, observing: other, at: 1) == .superseded)
    #expect(!Settlement.lost.isUnsettled)
  }

  @Test("a condition from before the patch says nothing about it; the time of entry is kept")
  func oldCondition() throws {
    let pod = try Fixture.load("pending/infeasible-pod").decode(Pod.self)
    var record = record(pod)
    record.generation = 3
    var next = pod
    next.metadata.generation = 3
    let first = Settlement.settled.next(record, observing: next, at: 5)
    #expect(first == .requested(since: 5))
    #expect(first.next(record, observing: next, at: 9) == .requested(since: 5))
    #expect(first.next(record, observing: pod, at: 9) == .requested(since: 5))
  }
}

@Suite("Reactions to recorded errors")
struct ResizeReactionTests {
  static let reactions: [(fixture: String, reaction: ResizeReaction)] = [
    ("errors/400-bad-json", ResizeReaction.reportFault), ("errors/400-empty-body", .reportFault),
    ("errors/401-bad-token", .renewCredentials), ("errors/401-no-credentials", .renewCredentials),
    ("errors/403-patch-pod", .grantRight), ("errors/403-resize", .grantRight), ("errors/404-namespace", .dropPod),
    ("errors/404-path", .discoverAgain), ("errors/404-resize", .dropPod), ("errors/405-method", .reportFault),
    ("errors/406-accept", .reportFault), ("errors/409-resource-version", .readAgain),
    ("errors/415-content-type", .reportFault), ("errors/415-text", .reportFault),
    ("errors/422-bad-quantity", .reportFault), ("errors/422-bad-quantity-json-patch", .reportFault),
    ("errors/422-bad-quantity-merge-patch", .reportFault), ("errors/422-burstable-to-guaranteed", .recompute),
    ("errors/422-limit-below-request", .recompute), ("errors/422-negative", .reportFault),
    ("errors/422-other-resource", .markIneligible), ("errors/422-plain-pod-patch", .discoverAgain),
    ("errors/422-qos-change", .recompute), ("errors/422-qos-change-raise", .recompute),
    ("errors/422-remove-limits", .recompute), ("errors/422-strict-unknown-field", .reportFault),
    ("errors/422-uid", .replacePod), ("errors/422-unknown-container", .recompute),
    ("errors/429-get", .tryLater(seconds: 1)), ("errors/429-lease", .tryLater(seconds: 1)),
    ("errors/429-resize", .tryLater(seconds: 1)), ("errors/429-watch", .tryLater(seconds: 1)),
    ("quota/limit-range-max-403", .clampToLimitRange), ("quota/limit-range-min-403", .clampToLimitRange),
    ("quota/resource-quota-403", .waitForQuota), ("pending/above-allocatable-403", .onlySmaller),
    ("more/best-effort-422", .markIneligible), ("more/limit-removed-422", .recompute),
    ("resize/quantity-0", .recompute), ("resize/quantity-250-m", .reportFault),
    ("resize/merge-patch-partial-422", .recompute), ("resize/json-patch-bad-path-422", .reportFault),
    ("resize/json-patch-test-failed-422", .reportFault), ("pods/get-404", .dropPod),
    ("pods/list-all-namespaces-403", .grantRight), ("pods/list-bad-continue-400", .reportFault),
    ("pods/list-bad-selector-400", .reportFault), ("pods/list-continue-expired-410", .listAgain),
    ("pods/list-exact-compacted-410", .listAgain),
    ("pods/list-resource-version-too-large-504", .tryLater(seconds: 1)),
    ("watch/forbidden-403", .grantRight), ("node/proxy-403", .grantRight), ("node/proxy-404-node", .dropPod),
    ("discovery/metrics-k8s-io-404", .discoverAgain),
    ("node/proxy-404-path", .discoverAgain), ("events/create-403", .grantRight),
    ("events/create-404-namespace", .dropPod), ("events/create-namespace-mismatch-422", .reportFault),
    ("lease/create-403", .grantRight), ("lease/create-409", .readAgain), ("lease/create-bad-time-400", .reportFault),
    ("lease/create-invalid-422", .reportFault), ("lease/create-seconds-renewtime", .reportFault),
    ("lease/get-404", .dropPod), ("lease/update-conflict-409", .readAgain),
  ]

  @Test("every recorded failure has its reaction", arguments: reactions)
  func reaction(_ fixture: String, _ expected: ResizeReaction) throws {
    let recorded = try Fixture.load(fixture)
    let error = ClusterError(HTTPResponse(recorded), to: APIClientTests.resize, context: "context 'test'")
    #expect(ResizeReaction(error) == expected, "\(error.description)")
    #expect(!error.description.contains("\n"))
    #expect(error.description.count < 600)
  }

  @Test(
    "what the pod's own resources do not allow is computed again",
    arguments: [
      "spec.containers[0].resources.limits[cpu]: Invalid value: '1500m': must be less than or equal to pod limits of 1",
      "spec.resources.requests[cpu]: Invalid value: '1': must be greater than or equal to aggregate container requests of 1500m",
    ])
  func ownResources(_ cause: String) {
    let body =
      "{\"kind\":\"Status\",\"message\":\"Pod 'web' is invalid: \(cause)\",\"reason\":\"Invalid\",\"code\":422}"
    let error = ClusterError(.json(body, status: 422), to: APIClientTests.resize, context: "context 'test'")
    #expect(ResizeReaction(error) == .recompute)
  }

  @Test("no recorded failure is left out")
  func complete() throws {
    var failures: Set<String> = []
    for folder in try FileManager.default.contentsOfDirectory(atPath: Fixture.folder.path) {
      let path = Fixture.folder.appendingPathComponent(folder).path
      for file in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where file.hasSuffix(".json") {
        let name = folder + "/" + file.dropLast(5)
        if try Fixture.load(name).status >= 400 { failures.insert(name) }
      }
    }
    #expect(failures == Set(Self.reactions.map(\.fixture)))
  }

  @Test(
    "a refusal of admission that nobody has recorded is tried again later",
    arguments: [
      ("status unknown for quota: q, resources: limits.cpu", ResizeReaction.tryLater(seconds: nil)),
      ("admission webhook \"a.b\" denied the request: no such value", .waitForAdmission),
    ])
  func unknownRefusal(_ text: String, _ expected: ResizeReaction) {
    let body =
      #"{"kind":"Status","message":"pods \"a\" is forbidden: \#(text.replacing("\"", with: "\\\""))","code":403}"#
    let error = ClusterError(
      HTTPResponse(status: 403, body: Data(body.utf8)), to: APIClientTests.resize, context: "context 'test'")
    #expect(ResizeReaction(error) == expected)
    #expect(expected.mayPass)
    #expect(error.isRetryable == (expected != .waitForAdmission))
  }

  @Test(
    "a webhook's or a policy's no is one that may pass, whatever code it comes with",
    arguments: [400, 403, 422],
    [
      "admission webhook \"validate.kyverno.svc-fail\" denied the request: cpu: rule a failed at path /spec, one cannot do this",
      "ValidatingAdmissionPolicy 'cpu' with binding 'all' denied request: failed expression",
    ])
  func policies(code: Int, text: String) {
    let body = #"{"kind":"Status","message":"\#(text.replacing("\"", with: "\\\""))","code":\#(code)}"#
    let error = ClusterError(
      HTTPResponse(status: code, body: Data(body.utf8)), to: APIClientTests.resize, context: "context 'test'")
    #expect(ResizeReaction(error) == .waitForAdmission)
  }

  @Test("no answer at all is tried later, unless the server is not trusted")
  func transport() {
    let request = APIClientTests.resize
    let silent = ClusterError(TransportError(.timedOut, "28"), to: request, server: "https://a")
    #expect(ResizeReaction(silent) == .tryLater(seconds: nil))
    let stranger = ClusterError(TransportError(.certificate, "60"), to: request, server: "https://a")
    #expect(ResizeReaction(stranger) == .reportFault)
    #expect(stranger.description.contains("is not trusted"))
  }
}
