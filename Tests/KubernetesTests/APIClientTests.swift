import Foundation
import Testing

@testable import Kubernetes

@Suite("API client")
struct APIClientTests {
  let clock = FakePacing()

  func client(
    _ transport: ScriptedTransport, budget: WriteBudget? = nil,
    credentials: Credentials = Credentials(source: .token("secret"))
  ) -> APIClient {
    APIClient(
      connection: .test(credentials: credentials), budget: budget, transport: transport, pacing: clock.pacing,
      backoff: Backoff(base: 1, maximum: 8))
  }

  static let resize = APIRequest(
    .patch(.strategicMerge), .podResize, namespace: "default", name: "localization-api1", body: Data("{}".utf8))

  @Test("a request becomes the path, headers and token the API expects")
  func request() throws {
    let transport = ScriptedTransport(.success(.json("{}")))
    var request = Self.resize
    request.query.append(.init(name: "dryRun", value: "All"))
    _ = try client(transport).send(request)
    let sent = try #require(transport.requests.first)
    #expect(sent.method == .patch)
    #expect(sent.target == "/api/v1/namespaces/default/pods/localization-api1/resize?dryRun=All")
    #expect(sent.headers["Authorization"] == "Bearer secret")
    #expect(sent.headers["Content-Type"] == "application/strategic-merge-patch+json")
    let lease = APIRequest(.get, .leases, namespace: "a/b", name: "x y")
    _ = try client(transport).send(lease)
    #expect(transport.requests[1].target == "/apis/coordination.k8s.io/v1/namespaces/a%2Fb/leases/x%20y")
  }

  @Test("who may not write any more sends nothing but what changes nothing, and may be stopped on the way")
  func standsBy() throws {
    let transport = ScriptedTransport(.success(.json("{}")))
    let client = APIClient(
      connection: .test(), mayWrite: { false }, transport: transport, pacing: clock.pacing)
    let error = #expect(throws: ClusterError.self) { try client.send(Self.resize) }
    #expect(error?.description.contains("another instance holds the lease") == true)
    var proof = Self.resize
    proof.query.append(.init(name: "dryRun", value: "All"))
    _ = try client.send(proof)
    #expect(transport.requests.map { $0.permit == nil } == [true])
    let onTheWay = ScriptedTransport(.failure(TransportError(.withheld, "")))
    let late = #expect(throws: ClusterError.self) { try self.client(onTheWay).send(Self.resize) }
    #expect(late?.description == error?.description)
    #expect(onTheWay.requests.first?.permit?.isGiven() == true)
  }

  @Test("reads are tried again with growing waits, and the server's wish is kept")
  func retriesReads() throws {
    let busy = HTTPResponse(try Fixture.load("errors/429-get"))
    let transport = ScriptedTransport(
      .failure(TransportError(.unreachable, "refused")), .success(HTTPResponse(status: 503)), .success(busy),
      .success(.json("{\"metadata\":{}}")))
    _ = try client(transport).send(APIRequest(.list, .pods, namespace: "default"), as: PodList.self)
    #expect(clock.sleeps == [0.75, 1.5, 3])
    #expect(transport.requests.count == 4)
  }

  @Test("a beginning tries again whatever may be repeated until its time is up, and nothing else")
  func perseveres() throws {
    let transport = ScriptedTransport { [clock] _, _ in
      clock.pacing.now() < 1012 ? .failure(TransportError(.unreachable, "refused")) : .success(.json("{}"))
    }
    let client = client(transport)
    client.persevere(for: 20)
    var proof = Self.resize
    proof.query.append(.init(name: "dryRun", value: "All"))
    _ = try client.send(proof)
    #expect(clock.pacing.now() >= 1012)
    #expect(transport.requests.count > 4)

    let gone = self.client(ScriptedTransport(.failure(TransportError(.unreachable, "refused"))))
    gone.persevere(for: 20)
    #expect(throws: ClusterError.self) { try gone.send(Self.resize) }
    let start = clock.pacing.now()
    #expect(throws: ClusterError.self) { try gone.send(APIRequest(get: "/version")) }
    #expect((20..<35).contains(clock.pacing.now() - start))
    #expect(throws: ClusterError.self) { try gone.send(APIRequest(get: "/version")) }
  }

  @Test("writes are not tried again by themselves")
  func doesNotRetryWrites() {
    let transport = ScriptedTransport(.success(HTTPResponse(status: 500)))
    #expect(throws: ClusterError.self) { try client(transport).send(Self.resize) }
    #expect(transport.requests.count == 1)
    #expect(clock.sleeps.isEmpty)
  }

  @Test("after 429 no write is sent until the server's pause is over")
  func quiet() throws {
    let busy = HTTPResponse(try Fixture.load("errors/429-resize"))
    let transport = ScriptedTransport(.success(busy), .success(.json("{}")))
    let client = client(transport)
    let first = #expect(throws: ClusterError.self) { try client.send(Self.resize) }
    #expect(first?.retryAfter == 1)
    #expect(client.writesAvailable == 0)
    let second = #expect(throws: ClusterError.self) { try client.send(Self.resize) }
    #expect(second?.kind == .tooManyRequests)
    #expect(second?.httpStatus == 0)
    #expect(transport.requests.count == 1)
    _ = try client.send(APIRequest(get: "/version"))
    clock.advance(1.2)
    _ = try client.send(Self.resize)
    #expect(transport.requests.count == 3)
  }

  @Test("the budget holds back writes, not reads")
  func budget() throws {
    let transport = ScriptedTransport(.success(.json("{}")))
    let client = client(transport, budget: WriteBudget(count: 2, window: 1))
    _ = try client.send(Self.resize)
    _ = try client.send(Self.resize)
    let held = #expect(throws: ClusterError.self) { try client.send(Self.resize) }
    #expect(held?.isRetryable == true)
    #expect(abs((held?.retryAfter ?? 0) - 1) < 1e-9)
    _ = try client.send(APIRequest(get: "/version"))
    clock.advance(1.001)
    #expect(client.writesAvailable == 2)
    _ = try client.send(Self.resize)
    #expect(transport.requests.count == 4)
  }

  @Test("a write waits for its turn as long as it is worth it")
  func waitsForItsTurn() throws {
    let transport = ScriptedTransport(.success(.json("{}")))
    let client = client(transport, budget: WriteBudget(count: 1, window: 1))
    _ = try client.send(Self.resize)
    clock.advance(0.8)
    #expect(client.writesAvailable == 0)
    #expect(client.writesAvailable(within: 0.25) == 1)
    var patient = Self.resize
    patient.writePatience = 0.25
    _ = try client.send(patient)
    #expect(transport.requests.count == 2)
    #expect((0.2...0.202).contains(clock.sleeps.reduce(0, +)))
    #expect(throws: ClusterError.self) { try client.send(patient) }
  }

  @Test("a refused token is read again once")
  func renews() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("token", "old")
    let refused = HTTPResponse(try Fixture.load("errors/401-bad-token"))
    let transport = ScriptedTransport { request, _ in
      request.headers["Authorization"] == "Bearer new" ? .success(.json("{}")) : .success(refused)
    }
    let client = client(transport, credentials: Credentials(source: .tokenFile(file), now: clock.pacing.now))
    let error = #expect(throws: ClusterError.self) { try client.send(APIRequest(get: "/version")) }
    #expect(error?.kind == .unauthorized)
    #expect(transport.requests.count == 2)
    _ = try folder.write("token", "new")
    _ = try client.send(APIRequest(get: "/version"))
  }

  @Test("pages are joined")
  func pages() throws {
    let first = HTTPResponse(try Fixture.load("pods/list-page-1"))
    let second = HTTPResponse(try Fixture.load("pods/list-page-2"))
    let transport = ScriptedTransport { request, _ in .success(request.target.contains("continue=") ? second : first) }
    let list = try client(transport).list(
      APIRequest(.list, .pods, namespace: "default", query: ["labelSelector": "app=a"]), of: Pod.self, pageSize: 2)
    #expect(list.items.map(\.metadata.name) == ["localization-api1", "localization-api2", "localization-api3"])
    #expect(transport.requests[0].target == "/api/v1/namespaces/default/pods?labelSelector=app%3Da&limit=2")
    #expect(transport.requests[1].target.contains("&continue=ey"))
  }

  @Test("a page token that is too old starts the list afresh, once")
  func expiredPage() throws {
    let first = HTTPResponse(try Fixture.load("pods/list-page-1"))
    let second = HTTPResponse(try Fixture.load("pods/list-page-2"))
    let gone = HTTPResponse(try Fixture.load("pods/list-continue-expired-410"))
    let request = APIRequest(.list, .pods, namespace: "default")
    let transport = ScriptedTransport(.success(first), .success(gone), .success(first), .success(second))
    #expect(try client(transport).list(request, of: Pod.self).items.count == 3)
    let hopeless = ScriptedTransport { _, number in .success(number % 2 == 0 ? first : gone) }
    let error = #expect(throws: ClusterError.self) { try client(hopeless).list(request, of: Pod.self) }
    #expect(error?.kind == .gone)
  }

  @Test("a watch gives whole lines and its failures are the client's errors")
  func watch() throws {
    let request = APIRequest(.watch, .pods, namespace: "default", query: ["watch": "true"])
    let transport = ScriptedTransport(.success(HTTPResponse(try Fixture.load("watch/resize-steps"))))
    var count = 0
    try client(transport).watch(request, silenceMaximum: 60, cancellation: Cancellation()) { line in
      count += 1
      #expect((try? JSONDecoder().decode(PodEvent.self, from: line)) != nil)
      return true
    }
    #expect(count == 3)
    let forbidden = ScriptedTransport(.success(HTTPResponse(try Fixture.load("watch/forbidden-403"))))
    let error = #expect(throws: ClusterError.self) {
      try client(forbidden).watch(request, silenceMaximum: 60, cancellation: Cancellation()) { _ in true }
    }
    #expect(error?.kind == .missingRight)
  }

  @Test(
    "failures say what to do",
    arguments: [
      (
        "errors/403-resize",
        "lacks the right to do this; grant it the rule {apiGroups: [\"\"], resources: [pods/resize], verbs: [patch]}"
      ),
      ("errors/401-bad-token", "the server does not know the credentials of context 'test'"),
      ("errors/404-resize", "pods \"localization-api9\" not found"),
      ("quota/resource-quota-403", "exceeded quota: cpu"), ("errors/429-resize", "the server is busy"),
      ("discovery/metrics-k8s-io-404", "404 page not found"),
    ])
  func sentences(_ fixture: String, _ words: String) throws {
    let response = HTTPResponse(try Fixture.load(fixture))
    let transport = ScriptedTransport(.success(response))
    let error = #expect(throws: ClusterError.self) { try client(transport).send(Self.resize) }
    #expect(error?.description.hasPrefix("patch pods/resize localization-api1 in default: ") == true)
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    #expect(error?.description.contains("\n") == false)
  }

  @Test("an answer that is not what was promised names the place")
  func unreadable() throws {
    let transport = ScriptedTransport(.success(.json("{\"metadata\":{},\"items\":[{\"metadata\":{\"name\":5}}]}")))
    let error = #expect(throws: ClusterError.self) {
      try client(transport).send(APIRequest(.list, .pods), as: PodList.self)
    }
    #expect(error?.kind == .unreadable)
    #expect(error?.description.contains(".items[0].metadata.name") == true, "\(String(describing: error))")
  }
}
