import Foundation
import Testing

@testable import Kubernetes

@Suite("HTTP over libcurl")
struct CurlTransportTests {
  @Test("a steady caller uses one connection")
  func keepAlive() throws {
    let server = try TinyServer { .send(TinyServer.ok("answer \($0.number)")) }
    defer { server.stop() }
    let transport = CurlTransport(address: ServerAddress(base: server.base))
    for number in 0..<5 {
      let response = try transport.send(HTTPRequest(.get, "/x?\(number)"))
      #expect(response.status == 200)
      #expect(response.body == Data("answer \(number)".utf8))
    }
    #expect(server.requests.map(\.connection) == [0, 0, 0, 0, 0])
  }

  @Test("method, headers and body arrive; the answer's headers come back by lower-case name")
  func patch() throws {
    let server = try TinyServer { _ in
      .send("HTTP/1.1 429 Too Many Requests\r\nRetry-After:  7 \r\nContent-Length: 4\r\n\r\nbusy")
    }
    defer { server.stop() }
    var request = HTTPRequest(.patch, "/pods/a/resize", headers: ["Content-Type": PatchType.strategicMerge.rawValue])
    request.body = Data("{\"a\":1}".utf8)
    let response = try CurlTransport(address: ServerAddress(base: server.base + "/prefix/")).send(request)
    #expect(response.status == 429)
    #expect(response.headers["retry-after"] == "7")
    #expect(response.body == Data("busy".utf8))
    let seen = try #require(server.requests.first)
    #expect(seen.head.hasPrefix("PATCH /prefix/pods/a/resize HTTP/1.1\r\n"))
    #expect(seen.head.contains("Content-Type: application/strategic-merge-patch+json"))
    #expect(!seen.head.contains("Expect:"))
    #expect(seen.body == "{\"a\":1}")
  }

  @Test("a request after a body does not repeat it")
  func handlesAreClean() throws {
    let server = try TinyServer { _ in .send(TinyServer.ok("")) }
    defer { server.stop() }
    let transport = CurlTransport(address: ServerAddress(base: server.base))
    _ = try transport.send(HTTPRequest(.post, "/a", headers: ["X-One": "1"], body: Data("body".utf8)))
    _ = try transport.send(HTTPRequest(.get, "/b"))
    let second = try #require(server.requests.last)
    #expect(second.head.hasPrefix("GET /b"))
    #expect(second.body.isEmpty)
    #expect(!second.head.contains("X-One"))
  }

  @Test("leave to send is asked for at the last moment; without it nothing reaches the server")
  func permit() throws {
    let server = try TinyServer { _ in .send(TinyServer.ok("")) }
    defer { server.stop() }
    let transport = CurlTransport(address: ServerAddress(base: server.base))
    var request = HTTPRequest(.patch, "/a", body: Data("{}".utf8))
    request.permit = Permit { true }
    #expect(try transport.send(request).status == 200)
    request.permit = Permit { false }
    let error = #expect(throws: TransportError.self) { try transport.send(request) }
    #expect(error?.kind == .withheld && error?.isRetryable == false)
    #expect(server.requests.count == 1)
    #expect(try transport.send(HTTPRequest(.get, "/b")).status == 200)
  }

  @Test("an empty body is sent as one")
  func emptyBody() throws {
    let server = try TinyServer { _ in .send(TinyServer.ok("")) }
    defer { server.stop() }
    _ = try CurlTransport(address: ServerAddress(base: server.base)).send(HTTPRequest(.post, "/a", body: Data()))
    #expect(server.requests.first?.head.contains("Content-Length: 0") == true)
  }

  @Test("a server that does not answer is given up")
  func timeout() throws {
    let server = try TinyServer { _ in .sendAndHold("") }
    defer { server.stop() }
    let error = #expect(throws: TransportError.self) {
      try CurlTransport(address: ServerAddress(base: server.base)).send(HTTPRequest(.get, "/", timeout: 0.2))
    }
    #expect(error?.kind == .timedOut)
  }

  @Test("nobody listening is unreachable")
  func unreachable() throws {
    let (socket, port) = try TinyServer.bindLoopback()
    defer { close(socket) }
    let error = #expect(throws: TransportError.self) {
      try CurlTransport(address: ServerAddress(base: "http://127.0.0.1:\(port)")).send(HTTPRequest(.get, "/"))
    }
    #expect(error?.kind == .unreachable)
    #expect(error?.isRetryable == true)
  }

  @Test("an answer that breaks off is an interruption")
  func interrupted() throws {
    let server = try TinyServer { _ in .sendAndClose("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf") }
    defer { server.stop() }
    let error = #expect(throws: TransportError.self) {
      try CurlTransport(address: ServerAddress(base: server.base)).send(HTTPRequest(.get, "/"))
    }
    #expect(error?.kind == .interrupted)
  }

  @Test("an answer larger than allowed is refused")
  func tooLarge() throws {
    let server = try TinyServer { _ in .send(TinyServer.ok(String(repeating: "x", count: 1000))) }
    defer { server.stop() }
    let error = #expect(throws: TransportError.self) {
      try CurlTransport(address: ServerAddress(base: server.base)).send(HTTPRequest(.get, "/", bodyBytesMaximum: 999))
    }
    #expect(error?.kind == .tooLarge)
  }

  @Test(
    "an address libcurl cannot use is told, not trapped on", arguments: ["ftp://127.0.0.1", "http://", "nonsense\n"])
  func badAddress(_ base: String) {
    let error = #expect(throws: TransportError.self) {
      try CurlTransport(address: ServerAddress(base: base)).send(HTTPRequest(.get, "/", timeout: 2))
    }
    #expect(error?.kind == .misconfigured || error?.kind == .unreachable)
  }

  @Test("a line end in a header is refused, not sent")
  func headerInjection() throws {
    let error = #expect(throws: TransportError.self) {
      try CurlTransport(address: ServerAddress(base: "http://127.0.0.1:1")).send(
        HTTPRequest(.get, "/", headers: ["Authorization": "Bearer a\r\nX-Other: 1"]))
    }
    #expect(error?.kind == .misconfigured)
  }

  @Test("a stream is delivered as it comes and ends when the receiver says so")
  func stream() throws {
    let server = try TinyServer { _ in
      .sendAndHold(TinyServer.chunkedHead + TinyServer.chunk("one\ntwo\nth") + TinyServer.chunk("ree\n"))
    }
    defer { server.stop() }
    var lines: [String] = []
    var splitter = LineSplitter()
    let response = try CurlTransport(address: ServerAddress(base: server.base)).stream(
      HTTPRequest(.get, "/", timeout: 30, silenceMaximum: 20), cancellation: Cancellation()
    ) { chunk in
      _ = splitter.feed(chunk) { lines.append(String(decoding: $0, as: UTF8.self)) }
      return lines.count < 3
    }
    #expect(response.status == 200)
    #expect(lines == ["one", "two", "three"])
  }

  @Test("a stream that fails hands its answer over whole")
  func failingStream() throws {
    let server = try TinyServer { _ in .send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno") }
    defer { server.stop() }
    let response = try CurlTransport(address: ServerAddress(base: server.base)).stream(
      HTTPRequest(.get, "/", silenceMaximum: 5), cancellation: Cancellation()
    ) { _ in
      Issue.record("nothing is to be delivered")
      return true
    }
    #expect(response.status == 403)
    #expect(response.body == Data("no".utf8))
  }

  @Test("a silent stream is taken for dead")
  func silence() throws {
    let server = try TinyServer { _ in .sendAndHold(TinyServer.chunkedHead + TinyServer.chunk("one\n")) }
    defer { server.stop() }
    let error = #expect(throws: TransportError.self) {
      try CurlTransport(address: ServerAddress(base: server.base)).stream(
        HTTPRequest(.get, "/", timeout: 60, silenceMaximum: 1), cancellation: Cancellation()
      ) { _ in true }
    }
    #expect(error?.kind == .timedOut)
  }

  @Test("a held stream is cancelled from outside")
  func cancel() throws {
    let server = try TinyServer { _ in .sendAndHold(TinyServer.chunkedHead + TinyServer.chunk("one\n")) }
    defer { server.stop() }
    let cancellation = Cancellation()
    let error = #expect(throws: TransportError.self) {
      try CurlTransport(address: ServerAddress(base: server.base)).stream(
        HTTPRequest(.get, "/", timeout: 60, silenceMaximum: 50), cancellation: cancellation
      ) { _ in
        cancellation.cancel()
        return true
      }
    }
    #expect(error?.kind == .cancelled)
  }

  @Test("many threads at once get their own answers")
  func threads() throws {
    let server = try TinyServer { request in
      .send(TinyServer.ok(String(request.head.split(separator: " ")[1])))
    }
    defer { server.stop() }
    let transport = CurlTransport(address: ServerAddress(base: server.base))
    DispatchQueue.concurrentPerform(iterations: 64) { number in
      let response = try? transport.send(HTTPRequest(.get, "/\(number)"))
      #expect(response?.body == Data("/\(number)".utf8))
    }
  }
}
