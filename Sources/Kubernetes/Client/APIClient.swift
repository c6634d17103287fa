import FoundationEssentials
import Synchronization

/// Speaks to one API server: adds credentials, keeps the budget of writes, retries what may be retried, and turns every
/// failure into a `ClusterError`. Calls block; any number of threads may call.
public final class APIClient: Sendable {
  public let connection: ClusterConnection
  private let transport: any Transport
  private let pacing: Pacing
  private let backoff: Backoff
  /// Attempts of a read in all.
  public let readAttempts: Int
  private let mayWrite: @Sendable () -> Bool
  /// How the server's audit log tells this client from others.
  private let agent: String?

  private struct Writes {
    var budget: WriteBudget?
    /// The server asked for quiet until then.
    var quietUntil = -Double.infinity
    /// What may be repeated is repeated until then.
    var perseveresUntil = -Double.infinity
  }

  private let writes: Mutex<Writes>

  /// - Parameters:
  ///   - budget: of resizes, events and leases together; nil for no bound of our own.
  ///   - agent: the name to go by in the server's logs; nil for `marlise`.
  ///   - mayWrite: asked before every write, and again when it goes out; false holds it back.
  ///   - transport: nil for libcurl.
  public init(
    connection: ClusterConnection, budget: WriteBudget? = nil, agent: String? = nil,
    mayWrite: @escaping @Sendable () -> Bool = { true }, transport: (any Transport)? = nil,
    pacing: Pacing = .system, backoff: Backoff = Backoff(), readAttempts: Int = 4
  ) {
    self.mayWrite = mayWrite
    self.agent = agent
    self.connection = connection
    self.transport = transport ?? CurlTransport(address: connection.address)
    self.pacing = pacing
    self.backoff = backoff
    self.readAttempts = max(1, readAttempts)
    writes = Mutex(Writes(budget: budget))
  }

  // MARK: Requests

  /// Sends a request and returns its successful answer.
  ///
  /// Reads are retried with backoff. Writes are not: a control loop has a newer wish by then. Either way a refused
  /// credential that may have been renewed meanwhile (token file, plugin) is fetched again once.
  ///
  /// - Parameter onSend: told the time, on the pacing's clock, at which the request is handed to the wire, its turn within the
  ///   budget of writes waited for; for every attempt.
  public func send(
    _ request: APIRequest, onSend: (Double) -> Void = { _ in }
  ) throws(ClusterError) -> HTTPResponse {
    let isRepeated = request.isRepeatable && !request.isTriedOnce
    let attempts = isRepeated ? readAttempts : 1
    var failures = 0
    while true {
      do throws(ClusterError) {
        return try attempt(request, onSend)
      } catch {
        failures += 1
        guard error.isRetryable, failures < attempts || (isRepeated && isPersevering) else { throw error }
        pacing.sleep(backoff.delay(failures: failures, retryAfter: error.retryAfter, random: pacing.random()))
      }
    }
  }

  /// For so many seconds from now everything that may be repeated is, however often it fails for a passing reason: for a
  /// beginning that must not end because a server was busy just then.
  public func persevere(for seconds: Double) {
    let end = pacing.now() + seconds
    writes.withLock { $0.perseveresUntil = end }
  }

  private var isPersevering: Bool {
    let now = pacing.now()
    return writes.withLock { now < $0.perseveresUntil }
  }

  /// Sends a request and reads its answer.
  public func send<Answer: Decodable>(_ request: APIRequest, as type: Answer.Type) throws(ClusterError) -> Answer {
    try read(try send(request), to: request, as: type)
  }

  /// Reads the answer to a request.
  public func read<Answer: Decodable>(
    _ response: HTTPResponse, to request: APIRequest, as type: Answer.Type
  ) throws(ClusterError) -> Answer {
    do {
      return try JSONDecoder().decode(type, from: response.body)
    } catch {
      throw Self.unreadable(request, error, status: response.status)
    }
  }

  /// All pages of a list, and the resource version to watch from. A page token that has become too old starts the list
  /// afresh, once.
  public func list<Item>(
    _ request: APIRequest, of type: Item.Type, pageSize: Int = 500
  ) throws(ClusterError) -> ObjectList<Item> {
    var restarts = 0
    var whole = ObjectList<Item>()
    var token = ""
    while true {
      var page = request
      page.query.append(.init(name: "limit", value: String(pageSize)))
      if !token.isEmpty { page.query.append(.init(name: "continue", value: token)) }
      do throws(ClusterError) {
        let answer = try send(page, as: ObjectList<Item>.self)
        whole.items += answer.items
        whole.metadata = answer.metadata
        token = answer.metadata.continue
        if token.isEmpty { return whole }
      } catch {
        guard error.kind == .gone, !token.isEmpty, restarts < 1 else { throw error }
        restarts += 1
        whole = ObjectList<Item>()
        token = ""
      }
    }
  }

  /// Follows a watch, line by line, until the server ends it, the receiver returns false or someone cancels.
  public func watch(
    _ request: APIRequest, silenceMaximum: Double, cancellation: Cancellation, line: (Data) -> Bool
  ) throws(ClusterError) {
    var http = try prepare(request)
    http.silenceMaximum = silenceMaximum
    var splitter = LineSplitter()
    var isWanted = true
    var isTooLong = false
    let response: HTTPResponse
    do throws(TransportError) {
      response = try transport.stream(http, cancellation: cancellation) { chunk in
        isTooLong = !splitter.feed(chunk) { if isWanted { isWanted = line($0) } }
        return isWanted && !isTooLong
      }
    } catch {
      if error.kind == .cancelled { return }
      throw ClusterError(error, to: request, server: connection.address.base)
    }
    if isTooLong {
      throw ClusterError(.unreadable, operation: request.description, message: "a line of the watch does not end")
    }
    if !response.isSuccess {
      if response.status == 401 { _ = connection.credentials.invalidate() }
      throw ClusterError(response, to: request, context: connection.label)
    }
  }

  /// Writes that could be sent at once; nil without a budget.
  public var writesAvailable: Int? { writesAvailable(within: 0) }

  /// Writes that could be sent by `patience` seconds from now; nil without a budget.
  public func writesAvailable(within patience: Double) -> Int? {
    let now = pacing.now()
    return writes.withLock { $0.quietUntil > now ? 0 : $0.budget?.available(at: now, within: patience) }
  }

  // MARK: One attempt

  private func attempt(_ request: APIRequest, _ onSend: (Double) -> Void) throws(ClusterError) -> HTTPResponse {
    var response = try exchange(request, onSend)
    if response.status == 401, connection.credentials.invalidate() { response = try exchange(request, onSend) }
    if response.isSuccess { return response }
    let error = ClusterError(response, to: request, context: connection.label)
    if error.kind == .tooManyRequests, request.verb.isWrite {
      let quiet = pacing.now() + backoff.delay(failures: 1, retryAfter: error.retryAfter, random: pacing.random())
      writes.withLock { $0.quietUntil = max($0.quietUntil, quiet) }
    }
    throw error
  }

  private func exchange(_ request: APIRequest, _ onSend: (Double) -> Void) throws(ClusterError) -> HTTPResponse {
    var http = try prepare(request)
    if request.verb.isWrite {
      try takeWrite(for: request)
      guard mayWrite() || request.isRepeatable else {
        writes.withLock { $0.budget?.finish(at: pacing.now()) }
        throw withheld(request)
      }
      if !request.isRepeatable { http.permit = Permit(mayWrite) }
    }
    defer {
      if request.verb.isWrite {
        let now = pacing.now()
        writes.withLock { $0.budget?.finish(at: now) }
      }
    }
    onSend(pacing.now())
    do throws(TransportError) {
      return try transport.send(http)
    } catch {
      throw error.kind == .withheld
        ? withheld(request) : ClusterError(error, to: request, server: connection.address.base)
    }
  }

  private func withheld(_ request: APIRequest) -> ClusterError {
    ClusterError(
      .tooManyRequests, operation: request.description,
      message: "held back: another instance holds the lease and acts")
  }

  /// Takes a write out of the budget, which may be worth a moment's wait.
  private func takeWrite(for request: APIRequest) throws(ClusterError) {
    var patience = request.writePatience
    while true {
      let now = pacing.now()
      let (wait, isQuiet) = writes.withLock { writes -> (Double, Bool) in
        if writes.quietUntil > now { return (writes.quietUntil - now, true) }
        if writes.budget == nil || writes.budget?.take(at: now) == true { return (0, false) }
        return (writes.budget?.wait(at: now) ?? 0, false)
      }
      if wait <= 0 { return }
      guard !isQuiet, wait <= patience else {
        throw ClusterError(
          .tooManyRequests, operation: request.description, message: "held back: the budget of writes is used up",
          retryAfter: wait)
      }
      // Not shorter than a millisecond: others wait for the same write.
      let pause = max(wait, 0.001)
      patience -= pause
      pacing.sleep(pause)
    }
  }

  private func prepare(_ request: APIRequest) throws(ClusterError) -> HTTPRequest {
    let proof = try connection.credentials.proof()
    var http = HTTPRequest(
      request.verb.method, request.path, headers: ["Accept": request.accept], body: request.body,
      timeout: request.timeout)
    switch request.verb {
    case .patch(let type): http.headers["Content-Type"] = type.rawValue
    case .create, .update: http.headers["Content-Type"] = "application/json"
    case .get, .list, .watch: break
    }
    if let agent { http.headers["User-Agent"] = agent }
    if let token = proof.token { http.headers["Authorization"] = "Bearer " + token }
    http.identity = proof.identity
    return http
  }

  static func unreadable(_ request: APIRequest, _ error: any Error, status: Int) -> ClusterError {
    var place = "the answer is not what the API promises"
    if let error = error as? DecodingError {
      switch error {
      case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
        .valueNotFound(_, let context):
        let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? "." + $0.stringValue }.joined()
        place += " at \(path.isEmpty ? "its beginning" : path): \(context.debugDescription)"
      @unknown default: break
      }
    }
    return ClusterError(.unreadable, operation: request.description, message: place, httpStatus: status)
  }
}
