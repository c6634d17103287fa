import Foundation
import Testing

@testable import Kubernetes

@Suite("Sending resizes")
struct PodResizerTests {
  func resizer(_ transport: ScriptedTransport) throws -> PodResizer {
    let discovery = try Discovery(
      version: VersionInfo(major: "1", minor: "36"),
      resources: Fixture.load("discovery/api-v1").decode(APIResourceList.self), groups: APIGroupList())
    return PodResizer(
      APIClient(connection: .test(), transport: transport, pacing: FakePacing().pacing), discovery: discovery)
  }

  func selected() throws -> SelectedPod { try PodSelection().judge(recordedPod()).get() }

  @Test("our patch says what the recorded one said, and its answer is what to wait for")
  func send() throws {
    let recorded = try Fixture.load("resize/strategic-merge-200")
    let transport = ScriptedTransport(.success(HTTPResponse(recorded)))
    let pod = try recordedPod()
    let record = try resizer(transport).send(try PodResize(of: pod, container: "localization-api", to: 250)).record
    #expect(record.generation == 2)
    #expect((record.limit, record.request) == (250, 250))
    let sent = try #require(transport.requests.first)
    #expect(sent.target.hasPrefix(recorded.requestPath + "?"))
    var ours = try #require(JSONSerialization.jsonObject(with: sent.body ?? Data()) as? [String: Any])
    #expect((ours.removeValue(forKey: "metadata") as? [String: String]) == ["uid": pod.metadata.uid])
    let theirs = try #require(JSONSerialization.jsonObject(with: recorded.requestBody) as? [String: Any])
    #expect(NSDictionary(dictionary: ours) == NSDictionary(dictionary: theirs))
  }

  @Test("the dry run proves rights, or names the rule to grant")
  func prove() throws {
    let fine = ScriptedTransport(.success(HTTPResponse(try Fixture.load("resize/dry-run-200"))))
    try resizer(fine).prove(selected())
    #expect(fine.requests.first?.target.hasSuffix("&dryRun=All") == true)
    let forbidden = ScriptedTransport(.success(HTTPResponse(try Fixture.load("errors/403-resize"))))
    let error = #expect(throws: ClusterError.self) { try resizer(forbidden).prove(selected()) }
    #expect(error?.description.contains("resources: [pods/resize], verbs: [patch]") == true)
  }

  @Test("LimitRanges that may not be read count as none")
  func limitRanges() throws {
    let forbidden = ScriptedTransport(.success(HTTPResponse(try Fixture.load("pods/list-all-namespaces-403"))))
    #expect(try resizer(forbidden).limitRanges(namespace: "default").isEmpty)
    let broken = ScriptedTransport(.success(HTTPResponse(try Fixture.load("errors/401-bad-token"))))
    #expect(throws: ClusterError.self) { try resizer(broken).limitRanges(namespace: "default") }
  }

  @Test(
    "where one attempt is enough, a list of LimitRanges that fails is not repeated, and waits no longer than a resize")
  func limitRangesOnce() throws {
    let silent = ScriptedTransport(.failure(TransportError(.timedOut, "no answer")))
    let resizer = try resizer(silent)
    #expect(throws: ClusterError.self) { try resizer.limitRanges(namespace: "default") }
    #expect(silent.requests.count == 4)
    resizer.client.persevere(for: 100)
    #expect(throws: ClusterError.self) { try resizer.limitRanges(namespace: "default", isTriedOnce: true) }
    #expect(silent.requests.count == 5)
    #expect(silent.requests.last?.timeout == resizer.timeout)
  }

  @Test("events of one kind on one pod are rare")
  func events() {
    var limiter = EventLimiter(interval: 60)
    let answers = [
      limiter.allows(uid: "a", reason: "Resized", at: 0), limiter.allows(uid: "a", reason: "Resized", at: 59),
      limiter.allows(uid: "a", reason: "Deferred", at: 59), limiter.allows(uid: "b", reason: "Resized", at: 59),
      limiter.allows(uid: "a", reason: "Resized", at: 60),
    ]
    #expect(answers == [true, false, true, true, true])
  }
}
