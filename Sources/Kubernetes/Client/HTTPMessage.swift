import FoundationEssentials
import Synchronization

/// A certificate and its private key, both PEM, with which a client shows who it is.
public struct TLSIdentity: Sendable, Equatable {
  public var certificate: Data
  public var key: Data

  public init(certificate: Data, key: Data) {
    self.certificate = certificate
    self.key = key
  }
}

/// Leave for a request to go out, asked for at the last moment: when the connection stands and the first byte is about to be
/// written. A process that was stopped in between must not go on with what it was allowed to do before.
public struct Permit: Sendable, Equatable {
  public let isGiven: @Sendable () -> Bool

  public init(_ isGiven: @escaping @Sendable () -> Bool) { self.isGiven = isGiven }

  /// Requests are compared by what is sent, not by who lets them.
  public static func == (a: Permit, b: Permit) -> Bool { true }
}

/// One request, free of any server: the transport knows where to.
public struct HTTPRequest: Sendable, Equatable {
  public enum Method: String, Sendable { case get = "GET", post = "POST", put = "PUT", patch = "PATCH" }

  public var method: Method
  /// Path and query, percent-encoded, beginning with `/`.
  public var target: String
  public var headers: [String: String]
  public var body: Data?
  public var identity: TLSIdentity?
  /// Seconds for the whole exchange.
  public var timeout: Double
  /// A stream that is silent for this long (seconds) is taken for dead; nil where `timeout` alone bounds the exchange.
  public var silenceMaximum: Double?
  public var bodyBytesMaximum: Int
  /// nil: it may go out in any case.
  public var permit: Permit?

  public init(
    _ method: Method, _ target: String, headers: [String: String] = [:], body: Data? = nil, timeout: Double = 10,
    silenceMaximum: Double? = nil, bodyBytesMaximum: Int = 128 << 20
  ) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
    self.timeout = timeout
    self.silenceMaximum = silenceMaximum
    self.bodyBytesMaximum = bodyBytesMaximum
  }
}

public struct HTTPResponse: Sendable, Equatable {
  public var status: Int
  /// By lower-case name; the last of several.
  public var headers: [String: String]
  /// Empty for a stream that was delivered as it came.
  public var body: Data

  public init(status: Int, headers: [String: String] = [:], body: Data = Data()) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  public var isSuccess: Bool { status >= 200 && status < 300 }
}

/// Why no answer came.
public struct TransportError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// No address, or nobody listens there.
    case unreachable
    case timedOut
    /// The connection broke while it was used.
    case interrupted
    /// The server's certificate or ours is not accepted.
    case certificate
    case tooLarge
    case cancelled
    /// Its permit was not given; nothing was sent.
    case withheld
    /// The address or a credential cannot be used at all.
    case misconfigured
  }

  public var kind: Kind
  public var detail: String

  public init(_ kind: Kind, _ detail: String) {
    self.kind = kind
    self.detail = detail
  }

  public var isRetryable: Bool {
    switch kind {
    case .unreachable, .timedOut, .interrupted: true
    case .certificate, .tooLarge, .cancelled, .withheld, .misconfigured: false
    }
  }

  public var description: String { detail }
}

/// Ends a stream from another thread.
public final class Cancellation: Sendable {
  private let flag = Atomic<Bool>(false)

  public init() {}

  public func cancel() { flag.store(true, ordering: .relaxed) }
  public var isCancelled: Bool { flag.load(ordering: .relaxed) }
}

/// Carries requests to one server. Calls block and may come from any thread.
public protocol Transport: Sendable {
  func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse

  /// Delivers the body of a successful answer as it comes; any other answer is returned whole.
  ///
  /// - Parameter deliver: returns false to end the stream, which then returns normally.
  func stream(
    _ request: HTTPRequest, cancellation: Cancellation, deliver: (UnsafeBufferPointer<UInt8>) -> Bool
  ) throws(TransportError) -> HTTPResponse
}

/// A text as a value in a query or a path: everything but RFC 3986's unreserved characters is escaped.
func percentEncoded(_ text: String) -> String {
  var encoded = ""
  for byte in text.utf8 {
    switch byte {
    case 48...57, 65...90, 97...122, 45, 46, 95, 126: encoded.unicodeScalars.append(Unicode.Scalar(byte))
    default:
      let digits = String(byte, radix: 16, uppercase: true)
      encoded += byte < 16 ? "%0" + digits : "%" + digits
    }
  }
  return encoded
}
