import HTTPServer

/// One line per write, for proofs: who asked for what, when, and what came of it.
enum Audit {
  static let bodyBytesMaximum = 4096

  static func line(
    _ request: ServerRequest, _ answer: ServerAnswer, user: String, time: String, seconds: Double
  ) -> String {
    var entry = JSON.object([
      "time": .string(time), "seconds": .number("\((seconds * 1e6).rounded() / 1e6)"), "user": .string(user),
      "client": .string(request.peer), "agent": .string(request.headers["user-agent"] ?? ""),
      "method": .string(request.method), "target": .string(request.target),
    ])
    if case .now(let response) = answer { entry["status"] = .number("\(response.status)") }
    let body = request.body.prefix(bodyBytesMaximum)
    entry["body"] = (try? JSON(parsing: Array(body))) ?? .string(String(decoding: body, as: UTF8.self))
    return String(decoding: entry.bytes, as: UTF8.self)
  }
}
