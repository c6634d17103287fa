import FoundationEssentials

/// What went wrong between us and the cluster, in one sentence that a person can act on.
public struct ClusterError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// Kubeconfig, service account, credential plugin: nothing was sent.
    case configuration
    /// No answer came.
    case transport(TransportError.Kind)
    /// 401.
    case unauthorized
    /// 403 by authorization: the account lacks a right. Other 403s are `.refused`.
    case missingRight
    /// 403 by admission: quota, LimitRange, node capacity.
    case refused
    /// 404.
    case notFound
    /// 409.
    case conflict
    /// 410: a resource version or a page token is too old.
    case gone
    /// 422.
    case invalid
    /// 429, or our own budget of writes is used up (`httpStatus` 0).
    case tooManyRequests
    /// 400, 405, 406, 415 …: we sent what the server does not speak.
    case malformedRequest
    /// 5xx.
    case server
    /// An answer that cannot be read.
    case unreadable
  }

  public var kind: Kind
  /// What was tried, e.g. `patch pods/resize localization-api1 in default`.
  public var operation: String
  public var message: String
  /// 0 when no answer came.
  public var httpStatus: Int
  /// The server's own words, where it gave any.
  public var status: APIStatus?
  /// Seconds the server (or our budget) asks to wait.
  public var retryAfter: Double?

  public init(
    _ kind: Kind, operation: String, message: String, httpStatus: Int = 0, status: APIStatus? = nil,
    retryAfter: Double? = nil
  ) {
    self.kind = kind
    self.operation = operation
    self.message = message
    self.httpStatus = httpStatus
    self.status = status
    self.retryAfter = retryAfter
  }

  public var description: String { operation.isEmpty ? message : "\(operation): \(message)" }

  /// Whether the same request may succeed later without anyone doing anything.
  public var isRetryable: Bool {
    switch kind {
    case .transport(let kind): TransportError(kind, "").isRetryable
    case .tooManyRequests, .server, .conflict: true
    case .refused: isFromFreshQuota
    case .configuration, .unauthorized, .missingRight, .notFound, .gone, .invalid, .malformedRequest,
      .unreadable:
      false
    }
  }
}

extension ClusterError {
  /// Whether admission refused because a quota is so new that its controller has not yet counted what is used. It does so within
  /// moments.
  private var isFromFreshQuota: Bool { (status?.message ?? message).contains("status unknown for quota") }

  /// An answer that is no success.
  init(_ response: HTTPResponse, to request: APIRequest, context: String) {
    let status = try? JSONDecoder().decode(APIStatus.self, from: response.body)
    let text = status.map(\.message) ?? Self.excerpt(response.body)
    let wish =
      response.headers["retry-after"].flatMap(Double.init) ?? status?.details.map { Double($0.retryAfterSeconds) }
    let (kind, message): (Kind, String)
    if response.status == 403, status == nil, let refusal = KubeletRefusal(response.body) {
      (kind, message) = (.missingRight, refusal.description)
    } else {
      (kind, message) = Self.classify(
        response.status, text.isEmpty ? "HTTP \(response.status)" : Self.shortened(text), request, context)
    }
    self.init(
      kind, operation: request.description, message: message, httpStatus: response.status, status: status,
      retryAfter: wish.flatMap { $0 > 0 && $0 < 3600 ? $0 : nil })
  }

  private static func classify(
    _ status: Int, _ text: String, _ request: APIRequest, _ context: String
  ) -> (Kind, String) {
    switch status {
    case 401:
      return (
        .unauthorized,
        "the server does not know the credentials of \(context): they have expired or belong to another cluster; "
          + "renew them or choose another context"
      )
    case 403
    where text.contains("forbidden: User ") && text.contains(" cannot ")
      && (text.contains(" resource ") || text.contains(" path ")):
      return (.missingRight, "\(context) lacks the right to do this; grant it the rule \(request.rule)")
    case 403: return (.refused, text)
    case 404: return (.notFound, text)
    case 409: return (.conflict, text)
    case 410: return (.gone, text)
    case 422: return (.invalid, text)
    case 429: return (.tooManyRequests, "the server is busy: \(text)")
    case 500...: return (.server, text)
    default: return (.malformedRequest, text)
    }
  }

  /// One line of moderate length; the whole stays in `status`. What matters stands at the beginning and the end.
  private static func shortened(_ text: String) -> String {
    let line = text.prefix { !$0.isNewline }
    return line.count <= 400 ? String(line) : "\(line.prefix(150)) … \(line.suffix(230))"
  }

  /// A text body cut to one line.
  private static func excerpt(_ body: Data) -> String {
    let line = body.prefix(200).prefix { $0 != 10 && $0 != 13 }
    return String(decoding: line, as: UTF8.self)
  }

  init(_ error: TransportError, to request: APIRequest, server: String) {
    let message =
      switch error.kind {
      case .unreachable:
        "\(server) cannot be reached (\(error.detail)); is the cluster up, and is this the right context?"
      case .timedOut: "\(server) did not answer in time (\(error.detail))"
      case .interrupted: "the connection to \(server) broke (\(error.detail))"
      case .certificate:
        "\(server) is not trusted (\(error.detail)); does the context's certificate-authority belong to it?"
      case .tooLarge: "\(server) sent more than is accepted"
      case .cancelled: "cancelled"
      case .withheld: "withheld"
      case .misconfigured: "\(server) cannot be used: \(error.detail)"
      }
    self.init(.transport(error.kind), operation: request.description, message: message)
  }
}

/// How a kubelet that is asked straight says that a right is missing: in plain words, with what it has looked up. That is not
/// what was asked for: a kubelet's paths stand for subresources of its node. Since fine-grained authorization (1.33) it names
/// several, each of which is enough, the narrowest first.
///
///     Forbidden (user=system:serviceaccount:shop:marlise, verb=get, resource=nodes, subresource=metrics)
///     Forbidden (user=system:serviceaccount:shop:marlise, verb=get, resource=nodes, subresource(s)=[pods proxy])
struct KubeletRefusal: CustomStringConvertible {
  private let user: Substring
  private let verb: Substring
  private let resource: String

  /// nil for any other text.
  init?(_ body: Data) {
    // Names are bounded: 63 bytes of a namespace, 253 of an account.
    let text = String(decoding: body.prefix(1000), as: UTF8.self)
    guard text.hasPrefix("Forbidden (") else { return nil }
    func word(after key: String, upTo end: Set<Character>) -> Substring? {
      guard let found = text.firstRange(of: key) else { return nil }
      let word = text[found.upperBound...].prefix { !end.contains($0) && !$0.isNewline }
      return word.isEmpty ? nil : word
    }
    // Others, such as a proxy before Prometheus, use the same words of other resources, without their group.
    guard let user = word(after: "(user=", upTo: [","]), let verb = word(after: ", verb=", upTo: [","]),
      text.contains(", resource=nodes,"),
      let subresource = word(after: ", subresource=", upTo: [")"])
        ?? word(after: ", subresource(s)=[", upTo: [" ", "]"])
    else { return nil }
    self.user = user
    self.verb = verb
    resource = "nodes/" + subresource
  }

  var description: String {
    "the kubelet says that \(user) lacks the right to \(verb) \(resource); grant it the rule "
      + "{apiGroups: [\"\"], resources: [\(resource)], verbs: [\(verb)]}"
  }
}
