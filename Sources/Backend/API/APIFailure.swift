import HTTPServer

/// A request that is not fulfilled: a status, a word for machines and one sentence for people.
public struct APIFailure: Error, Sendable, Equatable {
  public var status: Int
  public var code: String
  public var message: String
  /// The member of the body that is wrong.
  public var field: String?
  public var headers: [ServerResponse.Header] = []

  public init(_ status: Int, _ code: String, _ message: String, field: String? = nil) {
    self.status = status
    self.code = code
    self.message = message
    self.field = field
  }

  public static func invalid(_ field: String, _ message: String) -> APIFailure {
    APIFailure(422, "invalid_value", message, field: field)
  }

  public static func conflict(_ message: String) -> APIFailure { APIFailure(409, "conflict", message) }
  public static func notFound(_ message: String) -> APIFailure { APIFailure(404, "not_found", message) }

  var response: ServerResponse {
    var json = JSONBytes()
    json.object { json in
      json.key("error")
      json.object { json in
        json.key("code")
        json.put(code)
        json.key("message")
        json.put(message)
        if let field {
          json.key("field")
          json.put(field)
        }
      }
    }
    return ServerResponse(status, contentType: "application/json", headers: headers, body: .bytes(json.bytes + [10]))
  }
}
