import CCurl
import FoundationEssentials
import Synchronization

/// Where a server is and how it proves that it is the right one. Its certificate and host name are always verified.
public struct ServerAddress: Sendable, Equatable {
  /// `https://host:port/prefix`, without a slash at the end.
  public var base: String
  /// Certificates of the authorities to trust, PEM; nil for the system's.
  public var authority: Data?
  /// The name the certificate must carry, where it is not the host of `base`.
  public var tlsServerName: String?
  /// nil: as the environment says (`https_proxy`, `no_proxy`).
  public var proxy: String?

  public init(base: String, authority: Data? = nil, tlsServerName: String? = nil, proxy: String? = nil) {
    self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
    self.authority = authority
    self.tlsServerName = tlsServerName
    self.proxy = proxy
  }

  var url: URL? { URL(string: base) }
  public var isPlain: Bool { url?.scheme?.lowercased() == "http" }

  public var isLoopback: Bool {
    guard let host = url?.host else { return false }
    return host == "localhost" || host == "::1" || host == "[::1]" || host.hasPrefix("127.")
  }
}

/// HTTP through libcurl. Every thread that calls at the same time uses a handle of its own; handles are kept and with them
/// their connections, so that a steady loop opens none.
public final class CurlTransport: Transport {
  public let address: ServerAddress
  /// Seconds to reach the server, TLS included.
  public let connectTimeout: Double

  /// A handle is used by one thread at a time: it is taken out of the pool meanwhile.
  private struct Handle: @unchecked Sendable {
    var curl: UnsafeMutableRawPointer
  }

  private let idle = Mutex<[Handle]>([])
  private static let isInitialised = ccurl_global_init() == CURLE_OK

  /// libcurl with what it was built on.
  public static var libraryVersion: String { curl_version().map { String(cString: $0) } ?? "" }

  public init(address: ServerAddress, connectTimeout: Double = 5) {
    self.address = address
    self.connectTimeout = connectTimeout
  }

  deinit {
    for handle in idle.withLock({ $0 }) { curl_easy_cleanup(handle.curl) }
  }

  public func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse {
    let exchange = Exchange(bodyBytesMaximum: request.bodyBytesMaximum)
    exchange.permit = request.permit
    return try perform(request, exchange)
  }

  public func stream(
    _ request: HTTPRequest, cancellation: Cancellation, deliver: (UnsafeBufferPointer<UInt8>) -> Bool
  ) throws(TransportError) -> HTTPResponse {
    let outcome = withoutActuallyEscaping(deliver) { deliver -> Result<HTTPResponse, TransportError> in
      let exchange = Exchange(bodyBytesMaximum: request.bodyBytesMaximum)
      exchange.deliver = deliver
      exchange.cancellation = cancellation
      defer { exchange.deliver = nil }
      return Result { () throws(TransportError) in try perform(request, exchange) }
    }
    return try outcome.get()
  }

  private func perform(_ request: HTTPRequest, _ exchange: Exchange) throws(TransportError) -> HTTPResponse {
    guard Self.isInitialised else { throw TransportError(.misconfigured, "libcurl does not start") }
    // A line end in a header would begin another one.
    guard request.headers.allSatisfy({ ($0.key + $0.value).utf8.allSatisfy { $0 != 10 && $0 != 13 && $0 != 0 } }) else {
      throw TransportError(.misconfigured, "a header or a token has a line end in it")
    }
    guard let curl = idle.withLock({ $0.popLast() })?.curl ?? curl_easy_init() else {
      throw TransportError(.misconfigured, "libcurl gives no handle")
    }
    defer {
      curl_easy_reset(curl)  // keeps the connection
      let handle = Handle(curl: curl)
      idle.withLock { $0.append(handle) }
    }
    var lists: [UnsafeMutablePointer<curl_slist>?] = []
    defer { for list in lists { curl_slist_free_all(list) } }
    if !configure(curl, request, &lists) { throw TransportError(.misconfigured, "\(address.base): libcurl refuses it") }

    let reason = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    defer { reason.deallocate() }
    reason.pointee = 0
    let context = Unmanaged.passUnretained(exchange).toOpaque()
    _ = ccurl_set_pointer(curl, CURLOPT_ERRORBUFFER, reason)
    _ = ccurl_set_pointer(curl, CURLOPT_WRITEDATA, context)
    _ = ccurl_set_pointer(curl, CURLOPT_HEADERDATA, context)
    _ = ccurl_set_pointer(curl, CURLOPT_XFERINFODATA, context)
    _ = ccurl_set_pointer(curl, CURLOPT_PREREQDATA, context)
    let code =
      request.body?.withUnsafeBytes { bytes in
        _ = ccurl_set_long(curl, CURLOPT_POSTFIELDSIZE, bytes.count)
        // A null pointer would make libcurl read the body from a callback.
        let empty: StaticString = ""
        let start = bytes.baseAddress ?? UnsafeRawPointer(empty.utf8Start)
        _ = ccurl_set_pointer(curl, CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: start))
        _ = request.method.rawValue.withCString { ccurl_set_string(curl, CURLOPT_CUSTOMREQUEST, $0) }
        return curl_easy_perform(curl)
      } ?? curl_easy_perform(curl)
    if code == CURLE_OK || exchange.isEndedByReceiver {
      return HTTPResponse(status: exchange.status, headers: exchange.headers, body: exchange.body)
    }
    let detail = reason.pointee == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: reason)
    throw Self.failure(code, exchange, detail)
  }

  private func configure(
    _ curl: UnsafeMutableRawPointer, _ request: HTTPRequest, _ lists: inout [UnsafeMutablePointer<curl_slist>?]
  ) -> Bool {
    var isFine = true
    func set(_ option: CURLoption, _ value: Int) {
      isFine = ccurl_set_long(curl, option, value) == CURLE_OK && isFine
    }
    func set(_ option: CURLoption, _ value: String?) {
      isFine = ccurl_set_string(curl, option, value) == CURLE_OK && isFine
    }
    func set(_ option: CURLoption, _ bytes: Data) {
      isFine = bytes.withUnsafeBytes { ccurl_set_blob(curl, option, $0.baseAddress, $0.count) } == CURLE_OK && isFine
    }
    func list(_ texts: [String]) -> UnsafeMutablePointer<curl_slist>? {
      var first: UnsafeMutablePointer<curl_slist>?
      for text in texts { first = curl_slist_append(first, text) }
      lists.append(first)
      return first
    }

    var base = address.base
    var headers = request.headers.map { "\($0.key): \($0.value)" }
    headers.append("Expect:")  // no waiting for 100 Continue
    if let name = address.tlsServerName, let url = address.url, let host = url.host {
      // libcurl verifies the host of the URL: ask for the certificate's name and connect to the true address.
      let port = url.port ?? 443
      base = "https://\(name):\(port)" + url.path
      isFine = ccurl_set_list(curl, CURLOPT_CONNECT_TO, list(["\(name):\(port):\(host):\(port)"])) == CURLE_OK && isFine
      headers.append("Host: \(host):\(port)")
    }
    set(CURLOPT_URL, base + request.target)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_USERAGENT, "marlise")
    set(CURLOPT_NOSIGNAL, 1)
    isFine = ccurl_set_list(curl, CURLOPT_HTTPHEADER, list(headers)) == CURLE_OK && isFine
    if address.isLoopback { set(CURLOPT_PROXY, "") } else if let proxy = address.proxy { set(CURLOPT_PROXY, proxy) }

    set(CURLOPT_SSL_VERIFYPEER, 1)
    set(CURLOPT_SSL_VERIFYHOST, 2)
    set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if !address.isPlain { set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS)) }
    if let authority = address.authority {
      set(CURLOPT_CAINFO_BLOB, authority)
      // Else Debian's libcurl would trust the system's authorities beside the cluster's own.
      set(CURLOPT_CAPATH, nil)
    }
    if let identity = request.identity {
      set(CURLOPT_SSLCERT_BLOB, identity.certificate)
      set(CURLOPT_SSLKEY_BLOB, identity.key)
    }

    set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(connectTimeout))
    set(CURLOPT_TIMEOUT_MS, Self.milliseconds(request.timeout))
    set(CURLOPT_TCP_KEEPALIVE, 1)
    set(CURLOPT_TCP_KEEPIDLE, 15)
    set(CURLOPT_TCP_KEEPINTVL, 15)
    if let silence = request.silenceMaximum {
      set(CURLOPT_LOW_SPEED_LIMIT, 1)
      set(CURLOPT_LOW_SPEED_TIME, max(1, Self.milliseconds(silence) / 1000))
      set(CURLOPT_NOPROGRESS, 0)
      isFine = ccurl_set_progress_callback(curl, checkCancellation) == CURLE_OK && isFine
    } else {
      set(CURLOPT_ACCEPT_ENCODING, "gzip")
    }
    if request.permit != nil {
      isFine = ccurl_set_start_callback(curl, checkPermit) == CURLE_OK && isFine
    }
    isFine = ccurl_set_data_callback(curl, CURLOPT_WRITEFUNCTION, receiveBody) == CURLE_OK && isFine
    isFine = ccurl_set_data_callback(curl, CURLOPT_HEADERFUNCTION, receiveHeader) == CURLE_OK && isFine
    return isFine
  }

  private static func milliseconds(_ seconds: Double) -> Int {
    Int(min(max(seconds, 0.001), 1e6) * 1000)
  }

  private static func failure(_ code: CURLcode, _ exchange: Exchange, _ detail: String) -> TransportError {
    if exchange.isWithheld { return TransportError(.withheld, "it may not be sent any more") }
    if exchange.isTooLarge { return TransportError(.tooLarge, "the answer is larger than allowed") }
    switch code {
    case CURLE_ABORTED_BY_CALLBACK, CURLE_WRITE_ERROR: return TransportError(.cancelled, "cancelled")
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT:
      return TransportError(.unreachable, detail)
    case CURLE_OPERATION_TIMEDOUT: return TransportError(.timedOut, detail)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
      return TransportError(.certificate, detail)
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_FAILED_INIT:
      return TransportError(.misconfigured, detail)
    default: return TransportError(.interrupted, detail)
    }
  }
}

/// What libcurl's callbacks fill while one request runs; used by the calling thread only.
private final class Exchange {
  let bodyBytesMaximum: Int
  var status = 0
  var headers: [String: String] = [:]
  var body = Data()
  var deliver: ((UnsafeBufferPointer<UInt8>) -> Bool)?
  var cancellation: Cancellation?
  var permit: Permit?
  var isWithheld = false
  var isTooLarge = false
  var isEndedByReceiver = false

  init(bodyBytesMaximum: Int) {
    self.bodyBytesMaximum = bodyBytesMaximum
  }

  /// Returns false to end the transfer.
  func receive(_ chunk: UnsafeBufferPointer<UInt8>) -> Bool {
    if let deliver, status >= 200, status < 300 {
      if cancellation?.isCancelled == true { return false }
      isEndedByReceiver = !deliver(chunk)
      return !isEndedByReceiver
    }
    isTooLarge = chunk.count > bodyBytesMaximum - body.count
    if !isTooLarge { body.append(contentsOf: chunk) }
    return !isTooLarge
  }

  func receive(header line: UnsafeBufferPointer<UInt8>) {
    let text = String(decoding: line, as: UTF8.self)
    if text.hasPrefix("HTTP/") {
      // A new answer begins (after 100 Continue, or a proxy's own).
      headers.removeAll()
      status = Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0
    } else if let colon = text.firstIndex(of: ":") {
      headers[text[..<colon].lowercased()] = Self.trimmed(text[text.index(after: colon)...])
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}

// Global functions, so that they convert to C function pointers and belong to no actor.

private func bytes(_ start: UnsafeMutablePointer<CChar>?, _ count: Int) -> UnsafeBufferPointer<UInt8> {
  UnsafeBufferPointer(
    start: UnsafeRawPointer(start)?.assumingMemoryBound(to: UInt8.self), count: start == nil ? 0 : count)
}

private func receiveBody(
  _ start: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let context else { return 0 }
  let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
  return exchange.receive(bytes(start, size * count)) ? size * count : 0
}

private func receiveHeader(
  _ start: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let context else { return 0 }
  Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue().receive(header: bytes(start, size * count))
  return size * count
}

private func checkCancellation(
  _ context: UnsafeMutableRawPointer?, _: curl_off_t, _: curl_off_t, _: curl_off_t, _: curl_off_t
) -> Int32 {
  guard let context else { return 0 }
  return Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue().cancellation?.isCancelled == true ? 1 : 0
}

private func checkPermit(
  _ context: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<CChar>?, _: UnsafeMutablePointer<CChar>?, _: Int32,
  _: Int32
) -> Int32 {
  guard let context else { return CURL_PREREQFUNC_OK }
  let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
  exchange.isWithheld = exchange.permit?.isGiven() == false
  return exchange.isWithheld ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK
}
