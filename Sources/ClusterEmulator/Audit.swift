import Autoscaling
import HTTPServer

/// What happened to the emulated cluster, for proofs: who asked for what, when, and what came of it; and when which limit came
/// into force.
enum Audit {
  static let bodyBytesMaximum = 4096

  /// A write.
  ///
  /// - Parameter seconds: since the emulation began, when the request arrived.
  static func line(
    _ request: ServerRequest, _ outcome: EmulatedCluster.Outcome, user: String, time: String, seconds: Double
  ) -> String {
    var entry = JSON.object([
      "time": .string(time), "seconds": number(seconds), "user": .string(user),
      "client": .string(request.peer), "agent": .string(request.headers["user-agent"] ?? ""),
      "method": .string(request.method), "target": .string(request.target),
    ])
    if case .now(let response) = outcome.answer { entry["status"] = .number("\(response.status)") }
    if let fault = outcome.fault {
      entry["fault"] = .string(fault.rawValue)
      // What the cluster made of it, whatever the client was told.
      if case .now(let response) = outcome.done { entry["done"] = .number("\(response.status)") }
    }
    let body = request.body.prefix(bodyBytesMaximum)
    entry["body"] = (try? JSON(parsing: Array(body))) ?? .string(String(decoding: body, as: UTF8.self))
    return String(decoding: entry.bytes, as: UTF8.self)
  }

  /// A limit that is in force in the kernel from then on, millicores; 0 for a pod that is gone.
  static func line(pod: PodKey, limit: Millicores, time: String, seconds: Double) -> String {
    let entry = JSON.object([
      "time": .string(time), "seconds": number(seconds), "pod": .string("\(pod.namespace)/\(pod.name)"),
      "limit": .number("\(limit)"),
    ])
    return String(decoding: entry.bytes, as: UTF8.self)
  }

  private static func number(_ seconds: Double) -> JSON { .number("\((seconds * 1e6).rounded() / 1e6)") }
}

extension EmulatedCluster {
  /// Notes that a limit has come into force, or will at that second.
  func noteInForce(_ limit: Millicores, pod: PodKey, at second: Double) {
    configuration.audit?(
      Audit.line(pod: pod, limit: limit, time: APITime.micro(epoch + second), seconds: second))
  }
}
