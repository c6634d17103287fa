import CMicroHTTPD
import Glibc
import Synchronization

/// Why a server does not start.
public struct ServerError: Error, Sendable, Equatable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}

/// An HTTP/1.1 server: libmicrohttpd behind a function from request to answer.
///
/// The handler runs on one of the server's threads and must not wait; what takes longer is answered `.later`. Bodies, headers
/// and the number of connections are bounded before the handler sees anything. Connections that rest (streams, promised
/// answers, idle keep-alive) cost memory only.
public final class Server: Sendable {
  public struct TLS: Sendable {
    /// PEM, the server's certificate first.
    public var certificates: String
    public var key: String

    public init(certificates: String, key: String) {
      self.certificates = certificates
      self.key = key
    }
  }

  public struct Configuration: Sendable {
    /// A numeric address; 127.0.0.1 is reached from this machine only.
    public var address = "127.0.0.1"
    /// 0 lets the system choose a free one.
    public var port: UInt16 = 0
    public var threads = 1
    public var connectionsMaximum = 1024
    /// Seconds after which a silent connection is closed, in the middle of a request too; 0 never. Streams are not silent.
    public var idleSeconds = 60
    public var bodyBytesMaximum = 1 << 20
    /// Bounds request line and headers together.
    public var headBytesMaximum = 64 << 10
    public var tls: TLS?
    /// What the server itself says no with: the status and a sentence.
    public var refusal: @Sendable (Int, String) -> ServerResponse = { ServerResponse($0, text: $1 + "\n") }

    public init() {}
  }

  /// Of libmicrohttpd.
  public static var libraryVersion: String { MHD_get_version().map { String(cString: $0) } ?? "" }

  public typealias Handler = @Sendable (ServerRequest) -> ServerAnswer

  public let configuration: Configuration
  /// The port it listens on.
  public let port: Int
  private let handler: Handler

  private struct State: @unchecked Sendable {
    var daemon: OpaquePointer?
    var isStopping = false
    /// Requests that are being answered; a stop waits for them. Streams and promises are among them.
    var active: [ObjectIdentifier: Exchange] = [:]
  }

  private let state = Mutex(State())

  /// Listens from now on.
  ///
  /// - Throws: `ServerError` when the address cannot be had, or the certificate is not accepted.
  public init(_ configuration: Configuration = Configuration(), handler: @escaping Handler) throws {
    self.configuration = configuration
    self.handler = handler
    var port = configuration.port
    let listener = cmhd_listen(configuration.address, &port)
    guard listener >= 0 else {
      throw ServerError(
        "cannot listen on \(configuration.address), port \(configuration.port): \(String(cString: strerror(-listener)))"
      )
    }
    self.port = Int(port)
    var settings = cmhd_settings()
    settings.listener = listener
    settings.threads = UInt32(clamping: max(configuration.threads, 1))
    settings.connections_max = UInt32(clamping: max(configuration.connectionsMaximum, configuration.threads))
    settings.idle_seconds = UInt32(clamping: configuration.idleSeconds)
    settings.connection_bytes = configuration.headBytesMaximum
    let context = Unmanaged.passUnretained(self).toOpaque()
    // The type is spelt out: a C pointer without nullability would be unwrapped by force.
    var daemon: OpaquePointer?
    if let tls = configuration.tls {
      tls.certificates.withCString { certificates in
        tls.key.withCString { key in
          settings.certificate = certificates
          settings.key = key
          daemon = cmhd_start(settings, serveRequest, beginRequest, endRequest, context)
        }
      }
    } else {
      daemon = cmhd_start(settings, serveRequest, beginRequest, endRequest, context)
    }
    guard let daemon else {
      throw ServerError(
        configuration.tls == nil
          ? "the HTTP server does not start: \(String(cString: strerror(errno)))"
          : "the HTTPS server does not start: certificate and key are not a pair of PEM texts that GnuTLS accepts")
    }
    state.withLock { $0.daemon = Self.box(daemon).pointer }
  }

  private struct Box: @unchecked Sendable { let pointer: OpaquePointer }
  private static func box(_ pointer: OpaquePointer) -> Box { Box(pointer: pointer) }

  deinit { stop(graceSeconds: 0) }

  /// Takes no more connections, ends the streams, gives requests under way `graceSeconds` to end, and closes everything.
  /// Returns when no thread of the server is left. Not to be called from a handler.
  public func stop(graceSeconds: Double = 1) {
    let (daemon, active) = state.withLock { state -> (Box?, [Exchange]) in
      let daemon = state.daemon.map(Self.box)
      state.daemon = nil
      state.isStopping = true
      return (daemon, Array(state.active.values))
    }
    guard let daemon else { return }
    let listener = MHD_quiesce_daemon(daemon.pointer)
    for exchange in active { exchange.end() }
    var left = graceSeconds
    while left > 0, state.withLock({ !$0.active.isEmpty }) {
      usleep(2000)
      left -= 0.002
    }
    MHD_stop_daemon(daemon.pointer)
    if listener >= 0 { close(listener) }
  }

  // MARK: One request, on a thread of the server

  fileprivate func register(_ exchange: Exchange) -> Bool {
    state.withLock { state in
      if state.isStopping { return false }
      state.active[ObjectIdentifier(exchange)] = exchange
      return true
    }
  }

  fileprivate func forget(_ exchange: Exchange) {
    state.withLock { _ = $0.active.removeValue(forKey: ObjectIdentifier(exchange)) }
  }

  fileprivate func take(
    _ exchange: Exchange, _ connection: OpaquePointer, method: String, body: UnsafeRawBufferPointer
  ) -> MHD_Result {
    if !exchange.isBegun {
      exchange.isBegun = true
      exchange.method = method
      exchange.readHeaders(connection)
      if !register(exchange) {
        return send(stopping, connection, exchange, closing: true)
      }
      // A body that is a little too large is read to its end first: whoever closes on a client that still writes may cost it
      // the answer.
      if let text = exchange.headers["content-length"], (Int(text) ?? Int.max) > 4 * configuration.bodyBytesMaximum {
        return send(tooLarge, connection, exchange, closing: true)
      }
      return cmhd_result(1)
    }
    if !body.isEmpty {
      // The rest of an endless body is not waited for.
      guard exchange.received <= 4 * configuration.bodyBytesMaximum else { return cmhd_result(0) }
      exchange.received += body.count
      if exchange.received <= configuration.bodyBytesMaximum { exchange.body.append(contentsOf: body) }
      return cmhd_result(1)
    }
    if exchange.received > configuration.bodyBytesMaximum {
      return send(tooLarge, connection, exchange, closing: true)
    }
    let answer: ServerAnswer
    if let pending = exchange.pending {
      answer = .later(pending)
    } else {
      var peer = [CChar](repeating: 0, count: 96)
      cmhd_peer(connection, &peer, peer.count)
      let request = ServerRequest(
        exchange.method, exchange.target, headers: exchange.headers, body: exchange.body,
        peer: String(decoding: peer.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self))
      exchange.body = []
      answer = handler(request)
    }
    switch answer {
    case .now(let response): return send(response, connection, exchange)
    case .later(let pending):
      exchange.pending = pending
      exchange.canEnd(by: { [stopping] in pending.complete(stopping) })
      guard let response = pending.wait(SuspendedConnection(pointer: connection)) else { return cmhd_result(1) }
      return send(response, connection, exchange)
    }
  }

  private var tooLarge: ServerResponse {
    configuration.refusal(413, "the body is larger than \(configuration.bodyBytesMaximum) bytes")
  }

  private var stopping: ServerResponse { configuration.refusal(503, "the server is stopping") }

  private func send(
    _ answer: ServerResponse, _ connection: OpaquePointer, _ exchange: Exchange, closing: Bool = false
  ) -> MHD_Result {
    let response: OpaquePointer?
    switch answer.body {
    case .bytes(let bytes):
      response = bytes.withUnsafeBytes { source in
        cmhd_response(source.baseAddress, source.count)
      }
    case .stream(let stream):
      exchange.canEnd(by: { stream.finish() })
      let context = Unmanaged.passRetained(StreamContext(stream, connection)).toOpaque()
      response = MHD_create_response_from_callback(UInt64.max, 16 << 10, readStream, context, closeStream)
      if response == nil { Unmanaged<StreamContext>.fromOpaque(context).release() }
    }
    guard let response else { return cmhd_result(0) }
    for header in answer.headers { MHD_add_response_header(response, header.name, header.value) }
    if closing { MHD_add_response_header(response, "Connection", "close") }
    let result = MHD_queue_response(connection, UInt32(clamping: answer.status), response)
    MHD_destroy_response(response)
    return result
  }
}

/// What is known of a request while it is under way. Used by the server's threads one after another; only how to end it early
/// may be asked for from elsewhere.
final class Exchange: @unchecked Sendable {
  let target: String
  var isBegun = false
  var method = ""
  var headers: [String: String] = [:]
  var body: [UInt8] = []
  var received = 0
  var pending: PendingResponse?

  private struct Ending {
    var isWanted = false
    var action: (@Sendable () -> Void)?
  }
  private let ending = Mutex(Ending())

  init(target: String) { self.target = target }

  func canEnd(by action: @escaping @Sendable () -> Void) {
    let isWanted = ending.withLock { ending in
      ending.action = action
      return ending.isWanted
    }
    if isWanted { action() }
  }

  func end() {
    let action = ending.withLock { ending in
      ending.isWanted = true
      return ending.action
    }
    action?()
  }

  func readHeaders(_ connection: OpaquePointer) {
    cmhd_each_header(connection, noteHeader, Unmanaged.passUnretained(self).toOpaque())
  }
}

private final class StreamContext {
  let stream: ResponseStream
  let connection: OpaquePointer

  init(_ stream: ResponseStream, _ connection: OpaquePointer) {
    self.stream = stream
    self.connection = connection
  }
}

// Global functions: they convert to C function pointers and belong to no actor.

private func beginRequest(
  _ context: UnsafeMutableRawPointer?, _ uri: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
  Unmanaged.passRetained(Exchange(target: uri.map { String(cString: $0) } ?? "/")).toOpaque()
}

private func serveRequest(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>?,
  _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?,
  _ uploadSize: UnsafeMutablePointer<Int>?, _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  guard let context, let connection, let method, let uploadSize, let exchange = request?.pointee else {
    return cmhd_result(0)
  }
  let body = UnsafeRawBufferPointer(start: upload, count: upload == nil ? 0 : uploadSize.pointee)
  uploadSize.pointee = 0
  return Unmanaged<Server>.fromOpaque(context).takeUnretainedValue().take(
    Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue(), connection, method: String(cString: method),
    body: body)
}

private func endRequest(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ reason: MHD_RequestTerminationCode
) {
  guard let context, let pointer = request?.pointee else { return }
  request?.pointee = nil
  let exchange = Unmanaged<Exchange>.fromOpaque(pointer).takeRetainedValue()
  Unmanaged<Server>.fromOpaque(context).takeUnretainedValue().forget(exchange)
}

private func noteHeader(
  _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ key: UnsafePointer<CChar>?,
  _ value: UnsafePointer<CChar>?
) -> MHD_Result {
  guard let context, let key else { return cmhd_result(1) }
  let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
  let name = String(cString: key).lowercased()
  let text = value.map { String(cString: $0) } ?? ""
  exchange.headers[name] = exchange.headers[name].map { $0 + ", " + text } ?? text
  return cmhd_result(1)
}

private func readStream(
  _ context: UnsafeMutableRawPointer?, _ position: UInt64, _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int
) -> Int {
  guard let context, let buffer else { return -2 }
  let stream = Unmanaged<StreamContext>.fromOpaque(context).takeUnretainedValue()
  let space = UnsafeMutableRawBufferPointer(start: buffer, count: size)
  switch stream.stream.read(into: space, SuspendedConnection(pointer: stream.connection)) {
  case .bytes(let count): return count
  case .nothingYet: return 0
  case .end: return -1  // MHD_CONTENT_READER_END_OF_STREAM
  case .broken: return -2  // MHD_CONTENT_READER_END_WITH_ERROR
  }
}

private func closeStream(_ context: UnsafeMutableRawPointer?) {
  guard let context else { return }
  Unmanaged<StreamContext>.fromOpaque(context).takeRetainedValue().stream.close()
}
