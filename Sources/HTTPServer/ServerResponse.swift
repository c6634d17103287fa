import Synchronization

/// An answer: status, headers, and a body that is there or still coming.
public struct ServerResponse: Sendable {
  public enum Body: Sendable {
    case bytes([UInt8])
    /// Sent as it is written, until the stream is finished or the client goes away.
    case stream(ResponseStream)
  }

  public struct Header: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  public var status: Int
  public var headers: [Header]
  public var body: Body

  public init(_ status: Int, contentType: String? = nil, headers: [Header] = [], body: Body = .bytes([])) {
    self.status = status
    self.headers = (contentType.map { [Header(name: "Content-Type", value: $0)] } ?? []) + headers
    self.body = body
  }

  public init(_ status: Int, contentType: String = "text/plain; charset=utf-8", text: String) {
    self.init(status, contentType: contentType, body: .bytes(Array(text.utf8)))
  }

  public func adding(_ name: String, _ value: String) -> ServerResponse {
    var response = self
    response.headers.append(Header(name: name, value: value))
    return response
  }
}

/// What a handler gives back: an answer, or the promise of one.
public enum ServerAnswer: Sendable {
  case now(ServerResponse)
  /// The connection rests, at no cost, until the promise is kept. One that never is ends with the server.
  case later(PendingResponse)
}

/// An answer that another thread will give.
public final class PendingResponse: Sendable {
  private struct State {
    var response: ServerResponse?
    var connection: SuspendedConnection?
    var followUp: (@Sendable (ServerResponse) -> Void)?
  }

  private let state = Mutex(State())

  public init() {}

  /// Gives the answer. The first one counts.
  public func complete(_ response: ServerResponse) {
    let followUp = state.withLock { state -> (@Sendable (ServerResponse) -> Void)? in
      guard state.response == nil else { return nil }
      state.response = response
      state.connection?.resume()
      state.connection = nil
      defer { state.followUp = nil }
      return state.followUp
    }
    followUp?(response)
  }

  /// Has something done with the answer as soon as it is there: at once if it is.
  public func then(_ action: @escaping @Sendable (ServerResponse) -> Void) {
    let response = state.withLock { state -> ServerResponse? in
      if state.response == nil { state.followUp = action }
      return state.response
    }
    if let response { action(response) }
  }

  /// The answer, if it is there; otherwise lets the connection rest until it is.
  func wait(_ connection: SuspendedConnection) -> ServerResponse? {
    state.withLock { state in
      if let response = state.response { return response }
      connection.suspend()
      state.connection = connection
      return nil
    }
  }
}
