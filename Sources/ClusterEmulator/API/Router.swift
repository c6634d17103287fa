import HTTPServer

/// From requests to answers.
extension EmulatedCluster {
  /// Answers a request of the Kubernetes API, of a node's cAdvisor, of Prometheus, or of the emulator itself.
  public func answer(_ request: ServerRequest) -> ServerAnswer {
    guard request.method != "GET", request.segments.first != "emulator", let audit = configuration.audit else {
      return answerWithFaults(request).answer
    }
    // When it arrived, not when it was answered: whoever counts a client's writes counts what the server had to bear.
    let moment = withLock { now }
    let outcome = answerWithFaults(request)
    let user = (try? authenticate(request))?.name ?? "anonymous"
    audit(Audit.line(request, outcome, user: user, time: APITime.micro(epoch + moment), seconds: moment))
    return outcome.answer
  }

  /// The answer that nothing gets in the way of.
  func answered(_ request: ServerRequest) -> ServerAnswer {
    do throws(StatusError) {
      let user = try authenticate(request)
      try permit(request, user)
      return try route(request, user)
    } catch {
      return .now(error.response)
    }
  }

  private func authenticate(_ request: ServerRequest) throws(StatusError) -> EmulatedUser {
    let everybody = EmulatedUser("system:admin", mayWrite: true)
    guard !configuration.users.isEmpty else { return everybody }
    // Health, cAdvisor, Prometheus and the emulator's own switches ask for nobody's name.
    switch request.segments.first {
    case "readyz", "livez", "healthz", "emulator", "prometheus": return everybody
    case "api" where request.segments.dropFirst().first != "v1": if request.segments.count > 1 { return everybody }
    default: break
    }
    // kubectl shows no token to a server without TLS.
    if let user = configuration.anonymous, request.headers["authorization"] == nil { return user }
    guard let token = request.bearerToken, let user = configuration.users[token] else { throw .unauthorized }
    return user
  }

  private func route(_ request: ServerRequest, _ user: EmulatedUser) throws(StatusError) -> ServerAnswer {
    let parts = request.segments
    switch (parts.first ?? "", parts.count) {
    case ("version", 1), ("api", 1), ("apis", 1): return .now(try discovery(request))
    case ("readyz", _), ("livez", _), ("healthz", _): return .now(ServerResponse(200, text: "ok"))
    case ("emulator", _): return try control(request)
    case ("prometheus", _): return .now(try prometheus(request, Array(parts.dropFirst())))
    case ("openapi", _): return .now(ServerResponse(404, text: "404 page not found\n"))
    case ("api", _):
      guard parts.count >= 2 else { throw .noSuchPath }
      if parts[1] == "v1.3" { return .now(try cadvisorAPI(Array(parts.dropFirst(2)), node: nil)) }
      guard parts[1] == "v1" else { throw .noSuchPath }
      // Prometheus answers under the same root.
      if parts.count == 3, ["query", "query_range"].contains(parts[2]) {
        return .now(try prometheus(request, Array(parts)))
      }
      if parts.count == 2 { return .now(try discovery(request)) }
      return try core(request, Array(parts.dropFirst(2)), user)
    case ("apis", _):
      if parts.count <= 3 { return .now(try discovery(request)) }
      return try group(request, parts, user)
    default: throw .noSuchPath
    }
  }

  // MARK: The core group, after /api/v1

  private func core(
    _ request: ServerRequest, _ parts: [String], _ user: EmulatedUser
  ) throws(StatusError) -> ServerAnswer {
    switch (parts[0], parts.count) {
    case ("nodes", 1...2): return .now(try nodes(request, name: parts.count == 2 ? parts[1] : nil))
    case ("nodes", 4...) where parts[2] == "proxy":
      if !user.mayWrite {
        throw refusal(user, "get", .nodes, subresource: "proxy", name: parts[1], namespace: nil)
      }
      return .now(try nodeProxy(request, node: parts[1], Array(parts.dropFirst(3))))
    case ("pods", 1): return try pods(request, namespace: nil)
    case ("namespaces", 1...2):
      return .now(try kept(request, .namespaces, namespace: nil, name: parts.count == 2 ? parts[1] : nil, user))
    case ("namespaces", 3...):
      let (namespace, plural) = (parts[1], parts[2])
      let rest = Array(parts.dropFirst(3))
      if plural == "pods" { return try pods(request, namespace: namespace, rest, user) }
      guard let kind = [ResourceKind.events, .limitRanges, .resourceQuotas].first(where: { $0.plural == plural }),
        rest.count <= 1
      else { throw .noSuchPath }
      return .now(try kept(request, kind, namespace: namespace, name: rest.first, user))
    case ("events", 1): return .now(try kept(request, .events, namespace: nil, name: nil, user))
    case ("limitranges", 1): return .now(try kept(request, .limitRanges, namespace: nil, name: nil, user))
    case ("resourcequotas", 1): return .now(try kept(request, .resourceQuotas, namespace: nil, name: nil, user))
    default: throw .noSuchPath
    }
  }

  // MARK: Named groups, /apis/<group>/<version>/…

  private func group(
    _ request: ServerRequest, _ parts: [String], _ user: EmulatedUser
  ) throws(StatusError) -> ServerAnswer {
    switch (parts[1], parts[2]) {
    case ("coordination.k8s.io", "v1"), ("events.k8s.io", "v1"):
      let kind: ResourceKind = parts[1] == "coordination.k8s.io" ? .leases : .events
      if parts.count == 4, parts[3] == kind.plural {
        return .now(try kept(request, kind, namespace: nil, name: nil, user))
      }
      guard (6...7).contains(parts.count), parts[3] == "namespaces", parts[5] == kind.plural else { throw .noSuchPath }
      return .now(try kept(request, kind, namespace: parts[4], name: parts.count == 7 ? parts[6] : nil, user))
    case ("metrics.k8s.io", "v1beta1"):
      guard configuration.metricsServerInterval > 0 else {
        return .now(ServerResponse(404, text: "404 page not found\n"))
      }
      return .now(try podMetrics(request, Array(parts.dropFirst(3))))
    default: throw .noSuchPath
    }
  }

  // MARK: Rights

  /// - Throws: `StatusError` 403 for a right that the user lacks.
  private func permit(_ request: ServerRequest, _ user: EmulatedUser) throws(StatusError) {
    if user.lacks.isEmpty { return }
    var parts = request.segments[...]
    let group: String
    switch parts.first {
    case "api": group = ""
    case "apis": group = parts.dropFirst().first ?? ""
    default: return
    }
    parts = parts.dropFirst(group.isEmpty ? 2 : 3)
    var namespace: String?
    if parts.first == "namespaces", parts.count >= 3 {
      namespace = parts.dropFirst().first
      parts = parts.dropFirst(2)
    }
    guard let kind = ResourceKind.all.first(where: { $0.group == group && $0.plural == parts.first }) else { return }
    let name = parts.dropFirst().first, subresource = parts.dropFirst(2).first ?? ""
    let verb =
      switch request.method {
      case "POST": "create"
      case "PUT": "update"
      case "PATCH": "patch"
      default: name != nil ? "get" : ["true", "1"].contains(request.parameter("watch") ?? "") ? "watch" : "list"
      }
    let resource = subresource.isEmpty ? kind.plural : kind.plural + "/" + subresource
    if user.lacks.contains(verb + ":" + resource) {
      throw refusal(user, verb, kind, subresource: subresource, name: name, namespace: namespace)
    }
  }

  /// - Throws: `StatusError` 403 where the user may only read.
  func demandWrite(
    _ user: EmulatedUser, _ verb: String, _ kind: ResourceKind, subresource: String = "", name: String?,
    namespace: String?
  ) throws(StatusError) {
    if !user.mayWrite {
      throw refusal(user, verb, kind, subresource: subresource, name: name, namespace: namespace)
    }
  }

  private func refusal(
    _ user: EmulatedUser, _ verb: String, _ kind: ResourceKind, subresource: String, name: String?, namespace: String?
  ) -> StatusError {
    let subject = name.map { "\(kind.qualified) \"\($0)\"" } ?? kind.qualified
    let resource = subresource.isEmpty ? kind.plural : kind.plural + "/" + subresource
    let place = namespace.map { "in the namespace \"\($0)\"" } ?? "at the cluster scope"
    return StatusError(
      code: 403, reason: "Forbidden",
      message: "\(subject) is forbidden: User \"\(user.name)\" cannot \(verb) resource \"\(resource)\" in API group "
        + "\"\(kind.group)\" \(place)",
      name: name, group: kind.group.isEmpty ? nil : kind.group, kind: kind.plural)
  }

  // MARK: The emulator's own switches

  /// `POST /emulator/step?seconds=N` lets virtual time pass; `GET /emulator/time` tells it.
  private func control(_ request: ServerRequest) throws(StatusError) -> ServerAnswer {
    switch (request.method, request.segments.count > 1 ? request.segments[1] : "") {
    case ("POST", "step"):
      guard configuration.clock == .virtual else {
        throw .badRequest("time passes by itself here; start with --clock virtual to step it")
      }
      let text = request.parameter("seconds") ?? "1"
      guard let count = Int(text), (1...86_400).contains(count) else {
        throw .badRequest("seconds is '\(text)', expected a whole number between 1 and 86400")
      }
      for _ in 0..<count { step() }
      return .now(timeAnswer())
    case ("GET", "time"): return .now(timeAnswer())
    case ("GET", "limits"):
      let limits = limits.map { JSON.number("\($0)") }
      return .now(Self.json(.object(["seconds": .number("\(seconds)"), "limits": .array(limits)])))
    default: throw .noSuchPath
    }
  }

  private func timeAnswer() -> ServerResponse {
    let second = seconds
    return Self.json(
      .object(["seconds": .number("\(second)"), "time": .string(APITime.nano(nanoseconds(second)))]))
  }

  /// A second's end on the cluster's calendar.
  func nanoseconds(_ second: Int) -> Int64 { Int64((epoch * 1e9).rounded()) + Int64(second) * 1_000_000_000 }

  static func json(_ value: JSON, status: Int = 200) -> ServerResponse {
    json(value.bytes, status: status)
  }

  static func json(_ bytes: [UInt8], status: Int = 200) -> ServerResponse {
    var body = bytes
    body.append(10)
    return ServerResponse(
      status, contentType: "application/json", headers: [.init(name: "Cache-Control", value: "no-cache, private")],
      body: .bytes(body))
  }
}
