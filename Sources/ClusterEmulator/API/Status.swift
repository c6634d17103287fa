import HTTPServer

/// An answer that says no: a `Status` object with the HTTP status it comes under.
struct StatusError: Error, Equatable, Sendable {
  struct Cause: Equatable, Sendable {
    var reason: String
    var message: String?
    var field: String?
  }

  var code: Int
  var reason: String
  var message: String
  var name: String?
  var group: String?
  var kind: String?
  var causes: [Cause] = []
  var retryAfter: Int?
  /// Goes with an expired list: a token to read on with.
  var continueToken: String?
  /// Whether `details` is there even when it is empty.
  var hasDetails = true

  var json: JSON {
    var metadata: [JSON.Member] = []
    if let continueToken { metadata.append(.init(name: "continue", value: .string(continueToken))) }
    var status: [JSON.Member] = [
      .init(name: "kind", value: .string("Status")), .init(name: "apiVersion", value: .string("v1")),
      .init(name: "metadata", value: .object(metadata)), .init(name: "status", value: .string("Failure")),
      .init(name: "message", value: .string(message)), .init(name: "reason", value: .string(reason)),
    ]
    if hasDetails {
      var details: [JSON.Member] = []
      if let name { details.append(.init(name: "name", value: .string(name))) }
      if let group { details.append(.init(name: "group", value: .string(group))) }
      if let kind { details.append(.init(name: "kind", value: .string(kind))) }
      if !causes.isEmpty {
        details.append(
          .init(
            name: "causes",
            value: .array(
              causes.map { cause in
                var members: [JSON.Member] = [.init(name: "reason", value: .string(cause.reason))]
                if let message = cause.message { members.append(.init(name: "message", value: .string(message))) }
                if let field = cause.field { members.append(.init(name: "field", value: .string(field))) }
                return .object(members)
              })))
      }
      if let retryAfter { details.append(.init(name: "retryAfterSeconds", value: .number("\(retryAfter)"))) }
      status.append(.init(name: "details", value: .object(details)))
    }
    status.append(.init(name: "code", value: .number("\(code)")))
    return .object(status)
  }

  var response: ServerResponse {
    var response = ServerResponse(code, contentType: "application/json", body: .bytes(json.bytes + [10]))
    if let retryAfter { response = response.adding("Retry-After", "\(retryAfter)") }
    return response.adding("Cache-Control", "no-cache, private")
  }
}

/// A kind of object as errors name it.
struct ResourceKind: Sendable, Equatable {
  /// Empty for the core group.
  var group = ""
  var plural: String
  var kind: String

  static let pods = ResourceKind(plural: "pods", kind: "Pod")
  static let nodes = ResourceKind(plural: "nodes", kind: "Node")
  static let namespaces = ResourceKind(plural: "namespaces", kind: "Namespace")
  static let events = ResourceKind(plural: "events", kind: "Event")
  static let limitRanges = ResourceKind(plural: "limitranges", kind: "LimitRange")
  static let resourceQuotas = ResourceKind(plural: "resourcequotas", kind: "ResourceQuota")
  static let leases = ResourceKind(group: "coordination.k8s.io", plural: "leases", kind: "Lease")
  static let podMetrics = ResourceKind(group: "metrics.k8s.io", plural: "pods", kind: "PodMetrics")
  static let nodeMetrics = ResourceKind(group: "metrics.k8s.io", plural: "nodes", kind: "NodeMetrics")

  static let all: [ResourceKind] = [
    pods, nodes, namespaces, events, limitRanges, resourceQuotas, leases, podMetrics, nodeMetrics,
  ]

  var qualified: String { group.isEmpty ? plural : plural + "." + group }
  private var detailsGroup: String? { group.isEmpty ? nil : group }

  func notFound(_ name: String) -> StatusError {
    StatusError(
      code: 404, reason: "NotFound", message: "\(qualified) \"\(name)\" not found", name: name, group: detailsGroup,
      kind: plural)
  }

  func alreadyExists(_ name: String) -> StatusError {
    StatusError(
      code: 409, reason: "AlreadyExists", message: "\(qualified) \"\(name)\" already exists", name: name,
      group: detailsGroup, kind: plural)
  }

  func conflict(_ name: String) -> StatusError {
    StatusError(
      code: 409, reason: "Conflict",
      message: "Operation cannot be fulfilled on \(qualified) \"\(name)\": the object has been modified; please apply "
        + "your changes to the latest version and try again",
      name: name, group: detailsGroup, kind: plural)
  }

  func forbidden(_ name: String, _ why: String, causes: [StatusError.Cause] = []) -> StatusError {
    StatusError(
      code: 403, reason: "Forbidden", message: "\(qualified) \"\(name)\" is forbidden: \(why)", name: name,
      group: detailsGroup, kind: plural, causes: causes)
  }

  /// - Parameter causes: in the order in which the server found them.
  func invalid(_ name: String, _ causes: [StatusError.Cause]) -> StatusError {
    let texts = causes.map { ($0.field ?? "") + ": " + ($0.message ?? "") }
    let list = texts.count == 1 ? texts[0] : "[" + texts.joined(separator: ", ") + "]"
    return StatusError(
      code: 422, reason: "Invalid",
      message: "\(group.isEmpty ? kind : kind + "." + group) \"\(name)\" is invalid: \(list)", name: name,
      group: detailsGroup, kind: kind, causes: causes)
  }
}

extension StatusError {
  static func badRequest(_ message: String) -> StatusError {
    StatusError(code: 400, reason: "BadRequest", message: message, hasDetails: false)
  }

  static let unauthorized = StatusError(
    code: 401, reason: "Unauthorized", message: "Unauthorized", hasDetails: false)
  static let noSuchPath = StatusError(
    code: 404, reason: "NotFound", message: "the server could not find the requested resource")
  static let noSuchMethod = StatusError(
    code: 405, reason: "MethodNotAllowed", message: "the server does not allow this method on the requested resource")
  static let unsupportedMediaType = StatusError(
    code: 415, reason: "UnsupportedMediaType", message: "415: Unsupported Media Type")
  static let notAcceptable = StatusError(
    code: 406, reason: "NotAcceptable",
    message: "406: Not Acceptable\n\nAvailable representations: application/json, application/json;stream=watch")
  /// A JSON patch that does not apply.
  static let rejectedPatch = StatusError(
    code: 422, reason: "Invalid", message: "the server rejected our request due to an error in our request")

  /// A patch whose result cannot be read; `quoted` is how the server shows it.
  static func unreadablePatch(_ quoted: String, _ why: String) -> StatusError {
    let message = "Invalid value: \"\(quoted)\": \(why)"
    return StatusError(
      code: 422, reason: "Invalid", message: " \"\" is invalid: patch: \(message)",
      causes: [Cause(reason: "FieldValueInvalid", message: message, field: "patch")])
  }
}
