import HTTPServer
import Synchronization

/// The HTTP side of a session: dispatches requests to routes, and lets nobody do what he may not.
public final class BackendService: Sendable {
  /// A mutation that was asked for, for the audit log.
  public struct AuditEntry: Sendable {
    public var time: Double
    public var peer: String
    public var method: String
    public var path: String
    /// At most a kilobyte of it.
    public var body: String
    public var status: Int
    /// What the settings were before and after, as JSON; the same where nothing changed.
    public var before: String
    public var after: String
  }

  public let session: Session
  public let rules: AccessRules
  private let routes: [Route]
  private let document: [UInt8]
  private let limit: RateLimit
  private let audit: @Sendable (AuditEntry) -> Void

  public init(_ session: Session, rules: AccessRules, audit: @escaping @Sendable (AuditEntry) -> Void) {
    self.session = session
    self.rules = rules
    self.audit = audit
    limit = RateLimit(perMinute: rules.mutationsPerMinute, atOnce: rules.mutationsAtOnce)
    let own = Self.ownRoutes(session)
    let routes = PublishedRoutes.all(session) + ObjectRoutes.all(session) + own
    self.routes = routes
    document = OpenAPI.document(routes, session.service, guardsReads: rules.guardsReads)
  }

  private static func ownRoutes(_ session: Session) -> [Route] {
    [
      Route("GET", "/healthz", "Whether the process lives.", tag: "health", contentType: "text/plain") { _ in
        .now(ServerResponse(200, text: "ok\n"))
      },
      Route(
        "GET", "/readyz", "Whether rounds come and the pods are known.", tag: "health", contentType: "text/plain",
        failures: [503]
      ) { _ in
        session.isReady
          ? .now(ServerResponse(200, text: "ok\n"))
          : .now(ServerResponse(503, text: "no round has come lately: \(session.snapshot.notice ?? "it hangs")\n"))
      },
      Route(
        "GET", "/metrics", "For Prometheus; in OpenMetrics' format if asked for.", tag: "health",
        contentType: MetricsText.plain
      ) { call in
        let isOpen = call.request.headers["accept"]?.contains("application/openmetrics-text") ?? false
        return .now(
          ServerResponse(
            200, contentType: isOpen ? MetricsText.openMetrics : MetricsText.plain,
            body: .bytes(session.metricsBytes(isOpen: isOpen))))
      },
    ]
  }

  /// What the server says no with before a request gets here.
  public static func refusal(_ status: Int, _ message: String) -> ServerResponse {
    APIFailure(status, status == 413 ? "too_large" : "stopping", message).response
  }

  /// Answers a request; never waits.
  public func answer(_ request: ServerRequest) -> ServerAnswer {
    let answer: ServerAnswer
    do throws(APIFailure) {
      answer = try route(request)
    } catch {
      answer = .now(error.response)
    }
    switch answer {
    case .now(let response): return .now(finished(response, request))
    case .later: return answer
    }
  }

  private func route(_ request: ServerRequest) throws(APIFailure) -> ServerAnswer {
    let method = request.method == "HEAD" ? "GET" : request.method
    if method == "OPTIONS" { return .now(try preflight(request)) }
    if method == "GET" {
      try rules.check(request, mutates: false, isPage: true)
      if let page = WebPage.response(request.path, request) { return .now(page) }
      if request.path == "/openapi.json" {
        return .now(ServerResponse(200, contentType: "application/json", body: .bytes(document)))
      }
    }
    var allowed: Set<String> = []
    for route in routes {
      guard let names = route.matches(request.segments) else { continue }
      guard route.method == method else {
        allowed.insert(route.method)
        continue
      }
      try admit(request, to: route)
      guard route.mutates else {
        return try route.handler(
          Route.Call(request: request, names: names, body: try RequestBody(request, fields: [])))
      }
      return try mutate(route, request, names)
    }
    guard allowed.isEmpty else {
      let list = allowed.contains("GET") ? allowed.union(["HEAD"]) : allowed
      var failure = APIFailure(
        405, "method_not_allowed", "\(request.path.prefix(100)) does not take \(request.method.prefix(20))")
      failure.headers = [.init(name: "Allow", value: list.sorted().joined(separator: ", "))]
      throw failure
    }
    throw .notFound("there is nothing at \(request.path.prefix(100)); /openapi.json lists what there is")
  }

  private func admit(_ request: ServerRequest, to route: Route) throws(APIFailure) {
    do throws(APIFailure) {
      try rules.check(request, mutates: route.mutates, isPage: route.isOpen)
    } catch {
      // Guesses count like changes: they are as rare, and what they wanted to change is written down. Not so what a page of
      // another site tries: it must not use up what its visitor may do.
      if error.status == 401 {
        try limit.take(request.peer, at: Pace.monotonic())
        if route.mutates { note(request, error.status, before: session.snapshot.settings) }
      }
      throw error
    }
  }

  private func mutate(
    _ route: Route, _ request: ServerRequest, _ names: [String: String]
  ) throws(APIFailure) -> ServerAnswer {
    let before = session.snapshot.settings
    let answer: ServerAnswer
    do throws(APIFailure) {
      try limit.take(request.peer, at: Pace.monotonic())
      try checkActs()
      answer = try route.handler(
        Route.Call(request: request, names: names, body: try RequestBody(request, fields: route.fields)))
    } catch {
      note(request, error.status, before: before)
      throw error
    }
    guard case .later(let pending) = answer else {
      note(request, 200, before: before)
      return answer
    }
    // The answer goes out finished, and is written down, once the loop has done what was asked.
    let final = PendingResponse()
    pending.then { [self] response in
      note(request, response.status, before: before)
      final.complete(finished(response, request))
    }
    return .later(final)
  }

  /// What is changed on an instance that stands by would change nothing: the one that acts has settings of its own.
  private func checkActs() throws(APIFailure) {
    guard let election = session.snapshot.election, !election.isLeader, !election.leader.isEmpty,
      election.leader != election.identity
    else { return }
    throw APIFailure(
      409, "standing_by", "this instance stands by; \(election.leader) acts (lease \(election.lease)): ask that one")
  }

  private func note(_ request: ServerRequest, _ status: Int, before: SessionSettings) {
    func text(_ settings: SessionSettings) -> String {
      String(decoding: ObjectRoutes.bytes(settings, session.service).dropLast(), as: UTF8.self)
    }
    audit(
      AuditEntry(
        time: Pace.wall(), peer: request.peer, method: request.method, path: String(request.path.prefix(200)),
        body: String(decoding: request.body.prefix(1024), as: UTF8.self), status: status, before: text(before),
        after: text(session.snapshot.settings)))
  }

  // MARK: Headers

  /// The answer to a browser that asks whether a page of another origin may.
  private func preflight(_ request: ServerRequest) throws(APIFailure) -> ServerResponse {
    guard let origin = request.headers["origin"], rules.allows(origin: origin) else {
      return ServerResponse(204, headers: [.init(name: "Allow", value: "GET, HEAD, POST, PATCH, OPTIONS")])
    }
    return ServerResponse(
      204,
      headers: [
        .init(name: "Access-Control-Allow-Methods", value: "GET, POST, PATCH"),
        .init(name: "Access-Control-Allow-Headers", value: "Authorization, Content-Type"),
        .init(name: "Access-Control-Max-Age", value: "600"),
      ])
  }

  private func finished(_ response: ServerResponse, _ request: ServerRequest) -> ServerResponse {
    var response = response.adding("X-Content-Type-Options", "nosniff")
    if !response.headers.contains(where: { $0.name == "Content-Security-Policy" }) {
      response = response.adding("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    }
    if let origin = request.headers["origin"], rules.allows(origin: origin) {
      response = response.adding("Access-Control-Allow-Origin", origin).adding("Vary", "Origin")
    }
    return response
  }
}
