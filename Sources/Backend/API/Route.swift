import HTTPServer

/// One operation of the service: what dispatches a request also describes it in `/openapi.json`, so that neither can drift.
struct Route: Sendable {
  enum Part: Sendable, Equatable {
    case word(String)
    /// A name in the path.
    case name(String)
  }

  /// What a handler gets.
  struct Call: Sendable {
    var request: ServerRequest
    var names: [String: String]
    var body: RequestBody
  }

  var method: String
  var path: [Part]
  var summary: String
  var tag: String
  var fields: [RequestBody.Field] = []
  /// Parameters of the query.
  var query: [RequestBody.Field] = []
  /// What a successful answer carries.
  var contentType = "application/json"
  /// nil for what is no JSON.
  var answer: AnswerShape?
  /// Statuses beside success, with their reasons.
  var failures: [Int] = []
  /// Whether it changes anything: then a token may be demanded, and an audit line is written.
  var mutates: Bool { method != "GET" }
  /// Whoever asks whether the process lives has no token.
  var isOpen: Bool { ["/healthz", "/readyz"].contains(template) }
  var handler: @Sendable (Call) throws(APIFailure) -> ServerAnswer

  init(
    _ method: String, _ path: String, _ summary: String, tag: String, fields: [RequestBody.Field] = [],
    query: [RequestBody.Field] = [], contentType: String = "application/json", answer: AnswerShape? = nil,
    failures: [Int] = [],
    handler: @escaping @Sendable (Call) throws(APIFailure) -> ServerAnswer
  ) {
    self.method = method
    self.path = path.split(separator: "/").map { part in
      part.hasPrefix("{") ? .name(String(part.dropFirst().dropLast())) : .word(String(part))
    }
    self.summary = summary
    self.tag = tag
    self.fields = fields
    self.query = query
    self.contentType = contentType
    self.answer = answer
    self.failures = failures
    self.handler = handler
  }

  /// As it is written: `/api/v1/pods/{name}`.
  var template: String {
    "/"
      + path.map { part in
        switch part {
        case .word(let word): word
        case .name(let name): "{\(name)}"
        }
      }.joined(separator: "/")
  }

  func matches(_ segments: [String]) -> [String: String]? {
    guard segments.count == path.count else { return nil }
    var names: [String: String] = [:]
    for (part, segment) in zip(path, segments) {
      switch part {
      case .word(let word): if word != segment { return nil }
      case .name(let name): names[name] = segment
      }
    }
    return names
  }
}
