import Backend
import HTTPServer
import Synchronization

/// Answers requests while there is no session yet: the process lives, but is not ready.
final class FrontDoor: Sendable {
  private let service = Mutex<BackendService?>(nil)

  /// From now on the service answers.
  func open(_ service: BackendService) { self.service.withLock { $0 = service } }

  func answer(_ request: ServerRequest) -> ServerAnswer {
    if let service = service.withLock({ $0 }) { return service.answer(request) }
    if request.path == "/healthz", ["GET", "HEAD"].contains(request.method) {
      return .now(ServerResponse(200, text: "ok\n"))
    }
    return .now(
      ServerResponse(
        503, contentType: "application/json",
        text: "{\"error\":{\"code\":\"starting\",\"message\":\"there is no pod to drive yet\"}}\n"
      ).adding("Retry-After", "5"))
  }
}
