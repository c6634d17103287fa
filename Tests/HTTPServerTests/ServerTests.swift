import Foundation
import Kubernetes
import Synchronization
import Testing

@testable import HTTPServer

@Suite("Requests")
struct ServerRequestTests {
  @Test("paths are split at slashes before they are decoded")
  func segments() {
    let request = ServerRequest("GET", "/api/v1//nodes/a%2Fb/proxy?x=1&y=a%20b+c&x=2&flag&=v")
    #expect(request.segments == ["api", "v1", "nodes", "a/b", "proxy"])
    #expect(request.parameter("x") == "1")
    #expect(request.parameter("y") == "a b c")
    #expect(request.parameter("flag") == "")
    #expect(request.parameter("none") == nil)
    #expect(request.query.filter { $0.name == "x" }.map(\.value) == ["1", "2"])
  }

  @Test(
    "escapes",
    arguments: [("%41", "A"), ("%4", "%4"), ("%", "%"), ("%zz", "%zz"), ("%e2%82%ac", "€"), ("%ff", "\u{fffd}")])
  func escapes(_ text: String, _ decoded: String) { #expect(percentDecoded(text) == decoded) }

  @Test(
    "bearer tokens",
    arguments: [("Bearer abc", "abc"), ("bearer   abc", "abc"), ("Basic abc", nil), ("Bearer ", nil), ("Bearer", nil)])
  func tokens(_ header: String, _ token: String?) {
    #expect(ServerRequest("GET", "/", headers: ["authorization": header]).bearerToken == token)
  }
}

@Suite("Server")
struct ServerTests {
  private func start(
    _ change: (inout Server.Configuration) -> Void = { _ in }, _ handler: @escaping Server.Handler
  ) throws -> (Server, CurlTransport) {
    var configuration = Server.Configuration()
    change(&configuration)
    let server = try Server(configuration, handler: handler)
    return (server, CurlTransport(address: ServerAddress(base: "http://127.0.0.1:\(server.port)")))
  }

  @Test("method, path, query, headers and body arrive, status, headers and body come back")
  func echo() throws {
    let (server, client) = try start { request in
      var text = "\(request.method) \(request.path) \(request.parameter("q") ?? "") "
      text += "\(request.headers["x-test"] ?? "") \(String(decoding: request.body, as: UTF8.self))"
      return .now(ServerResponse(201, contentType: "text/test", body: .bytes(Array(text.utf8))).adding("X-Out", "1"))
    }
    let answer = try client.send(
      HTTPRequest(.patch, "/a/b?q=%20", headers: ["X-Test": "t"], body: Data("body".utf8)))
    #expect(answer.status == 201)
    #expect(answer.headers["content-type"] == "text/test")
    #expect(answer.headers["x-out"] == "1")
    #expect(String(decoding: answer.body, as: UTF8.self) == "PATCH /a/b   t body")
    server.stop()
  }

  @Test("a body above the limit is refused, at the limit taken", arguments: [1000, 1001, 2_000_000])
  func bodyLimit(size: Int) throws {
    let (server, client) = try start({ $0.bodyBytesMaximum = 1000 }) { request in
      .now(ServerResponse(200, text: "\(request.body.count)"))
    }
    let answer = try? client.send(HTTPRequest(.post, "/", body: Data(repeating: 65, count: size)))
    // A client that is still sending may see the connection close in place of the answer.
    if size <= 1000 {
      #expect(answer?.status == 200)
    } else if let answer {
      #expect(answer.status == 413)
    }
    server.stop()
  }

  @Test("a stream arrives piece by piece and ends")
  func stream() throws {
    let stream = ResponseStream()
    let (server, client) = try start { _ in .now(ServerResponse(200, body: .stream(stream))) }
    stream.write(Array("one\n".utf8))
    var seen = ""
    let answer = try client.stream(HTTPRequest(.get, "/"), cancellation: Cancellation()) { piece in
      seen += String(decoding: piece, as: UTF8.self)
      // The next piece is written only when this one has come: what waits is not held back.
      if seen == "one\n" { stream.write(Array("two\n".utf8)) } else { stream.finish() }
      return true
    }
    #expect(answer.status == 200)
    #expect(seen == "one\ntwo\n")
    #expect(!stream.isOpen)
    server.stop()
  }

  @Test("a client that leaves closes its stream")
  func leaving() throws {
    let stream = ResponseStream()
    let closed = DispatchSemaphore(value: 0)
    stream.onClose { closed.signal() }
    let (server, client) = try start { _ in .now(ServerResponse(200, body: .stream(stream))) }
    stream.write(Array("one".utf8))
    let cancellation = Cancellation()
    _ = try? client.stream(HTTPRequest(.get, "/"), cancellation: cancellation) { _ in
      cancellation.cancel()
      return false
    }
    // Noticed by the next write, or one of the next.
    var tries = 0
    while closed.wait(timeout: .now() + 0.01) == .timedOut, tries < 1000 {
      stream.write([65])
      tries += 1
    }
    #expect(tries < 1000)
    #expect(!stream.write([65]))
    server.stop()
  }

  @Test("a client that reads too slowly is cut off")
  func overrun() {
    let stream = ResponseStream(bytesMaximum: 10)
    #expect(stream.write(Array(repeating: 65, count: 10)))
    #expect(!stream.write([65]))
    #expect(!stream.isOpen)
  }

  @Test(
    "a promised answer comes when it is given, whether before or after the connection rests", arguments: [true, false])
  func later(isEarly: Bool) throws {
    let pending = PendingResponse()
    let (server, client) = try start { _ in
      if isEarly {
        pending.complete(ServerResponse(200, text: "done"))
      } else {
        DispatchQueue.global().async { pending.complete(ServerResponse(200, text: "done")) }
      }
      return .later(pending)
    }
    #expect(String(decoding: try client.send(HTTPRequest(.get, "/")).body, as: UTF8.self) == "done")
    pending.complete(ServerResponse(500))
    server.stop()
  }

  @Test("a stop ends streams and promises that nobody keeps")
  func stop() throws {
    let stream = ResponseStream()
    let asked = DispatchSemaphore(value: 0)
    let (server, client) = try start { request in
      asked.signal()
      return request.path == "/stream" ? .now(ServerResponse(200, body: .stream(stream))) : .later(PendingResponse())
    }
    let done = DispatchGroup()
    let statuses = Mutex<[Int]>([])
    for path in ["/stream", "/never"] {
      DispatchQueue.global().async(group: done) {
        let answer = try? client.stream(HTTPRequest(.get, path), cancellation: Cancellation()) { _ in true }
        statuses.withLock { $0.append(answer?.status ?? 0) }
      }
    }
    asked.wait()
    asked.wait()
    server.stop()
    done.wait()
    #expect(statuses.withLock { $0.sorted() } == [200, 503])
    #expect(throws: TransportError.self) { try client.send(HTTPRequest(.get, "/")) }
  }

  @Test("two servers cannot have one port; the sentence names it")
  func taken() throws {
    let (server, _) = try start { _ in .now(ServerResponse(200)) }
    var configuration = Server.Configuration()
    configuration.port = UInt16(server.port)
    let expected = "cannot listen on 127.0.0.1, port \(server.port): Address already in use"
    #expect(throws: ServerError(expected)) { try Server(configuration) { _ in .now(ServerResponse(200)) } }
    configuration.address = "not an address"
    #expect(throws: ServerError.self) { try Server(configuration) { _ in .now(ServerResponse(200)) } }
    configuration = Server.Configuration()
    configuration.tls = Server.TLS(certificates: "none", key: "none")
    #expect(throws: ServerError.self) { try Server(configuration) { _ in .now(ServerResponse(200)) } }
    server.stop()
  }

  @Test("many connections at once, each with its own answer")
  func concurrency() throws {
    let (server, client) = try start({ $0.threads = 2 }) { request in .now(ServerResponse(200, text: request.path)) }
    let wrong = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: 32) { thread in
      for number in 0..<50 {
        let path = "/\(thread)/\(number)"
        let body = (try? client.send(HTTPRequest(.get, path)))?.body
        if body != Data(path.utf8) { wrong.wrappingAdd(1, ordering: .relaxed) }
      }
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
    server.stop()
  }
}
