import Foundation
import Synchronization

@testable import Kubernetes

/// Answers requests from a function and remembers them.
final class ScriptedTransport: Transport {
  typealias Answer = Result<HTTPResponse, TransportError>

  private let answer: @Sendable (HTTPRequest, Int) -> Answer
  private let log = Mutex<[HTTPRequest]>([])

  /// - Parameter answer: from the request and its number, from 0.
  init(_ answer: @escaping @Sendable (HTTPRequest, Int) -> Answer) {
    self.answer = answer
  }

  /// Gives the answers one after another, the last for ever.
  convenience init(_ answers: Answer...) {
    self.init { _, number in answers[min(number, answers.count - 1)] }
  }

  var requests: [HTTPRequest] { log.withLock { $0 } }

  func send(_ request: HTTPRequest) throws(TransportError) -> HTTPResponse {
    let number = log.withLock { log in
      log.append(request)
      return log.count - 1
    }
    return try answer(request, number).get()
  }

  /// Delivers the body in pieces of 1000 bytes.
  func stream(
    _ request: HTTPRequest, cancellation: Cancellation, deliver: (UnsafeBufferPointer<UInt8>) -> Bool
  ) throws(TransportError) -> HTTPResponse {
    let response = try send(request)
    guard response.isSuccess else { return response }
    let bytes = Array(response.body)
    for start in stride(from: 0, to: bytes.count, by: 1000) {
      if cancellation.isCancelled { throw TransportError(.cancelled, "cancelled") }
      let isWanted = bytes[start..<min(start + 1000, bytes.count)].withUnsafeBufferPointer(deliver)
      if !isWanted { break }
    }
    return HTTPResponse(status: response.status, headers: response.headers)
  }
}

extension HTTPResponse {
  init(_ fixture: Fixture) {
    self.init(status: fixture.status, headers: fixture.headers, body: fixture.body)
  }

  static func json(_ text: String, status: Int = 200) -> HTTPResponse {
    HTTPResponse(status: status, headers: ["content-type": "application/json"], body: Data(text.utf8))
  }
}

/// A clock that only moves when someone sleeps on it, and a chance that is always in the middle.
final class FakePacing: Sendable {
  private let time = Mutex<Double>(1000)
  private let slept = Mutex<[Double]>([])

  var sleeps: [Double] { slept.withLock { $0 } }
  func advance(_ seconds: Double) { time.withLock { $0 += seconds } }

  var pacing: Pacing {
    Pacing(
      now: { self.time.withLock { $0 } },
      sleep: { seconds in
        self.slept.withLock { $0.append(seconds) }
        self.advance(seconds)
      },
      random: { 0.5 })
  }
}

extension ClusterConnection {
  static func test(credentials: Credentials = Credentials(source: .token("secret"))) -> ClusterConnection {
    ClusterConnection(
      address: ServerAddress(base: "http://127.0.0.1:1"), credentials: credentials, namespace: "default",
      label: "context 'test'")
  }
}
