import Foundation
import Glibc
import HTTPServer
import Testing

@testable import Backend

/// Random requests over real sockets: methods, paths, headers and bodies, whole and in pieces, too large and cut off.
/// MARLISE_FUZZ=100000 asks for more of them than the suite's few.
@Suite("Random requests")
struct FuzzTests {
  private static var count: Int { ProcessInfo.processInfo.environment["MARLISE_FUZZ"].flatMap { Int($0) } ?? 3000 }

  @Test("no crash, no hang, no 5xx, and the loop goes on")
  func fuzz() throws {
    var rules = AccessRules()
    rules.mutationsAtOnce = 1e9
    rules.mutationsPerMinute = 1e9
    let bench = try Bench(isRunning: true, rules: rules)
    defer { bench.stop() }
    var configuration = Server.Configuration()
    configuration.bodyBytesMaximum = 8 << 10
    configuration.headBytesMaximum = 8 << 10
    let server = try Server(configuration) { bench.service.answer($0) }
    defer { server.stop() }
    var random = Dice(seed: 20_261_124)
    let round = bench.session.snapshot.round
    var statuses: [Int: Int] = [:]
    var unanswered = 0
    for number in 0..<Self.count {
      let (bytes, isWhole) = random.request()
      guard let answer = Self.exchange(bytes, port: server.port, cutsOff: !isWhole, random: &random) else {
        if isWhole {
          unanswered += 1
          Issue.record("request \(number) has no answer: \(String(decoding: bytes.prefix(300), as: UTF8.self))")
        }
        continue
      }
      statuses[answer, default: 0] += 1
      #expect(answer < 500, "request \(number): \(String(decoding: bytes.prefix(300), as: UTF8.self))")
    }
    #expect(unanswered == 0, "whole requests without an answer")
    #expect(statuses.keys.count >= 6, "\(statuses)")
    #expect(bench.wait { bench.session.snapshot.round > round + 10 })
    #expect(bench.send("GET", "/readyz").status == 200)
  }

  /// The status of the answer; nil where none came within five seconds, or none could be waited for.
  private static func exchange(_ bytes: [UInt8], port: Int, cutsOff: Bool, random: inout Dice) -> Int? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected else { return nil }
    var timeout = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    // In one piece, or in several.
    var place = 0
    while place < bytes.count {
      let piece = random.chance(0.9) ? bytes.count - place : 1 + random.below(bytes.count - place)
      let sent = bytes[place..<(place + piece)].withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if sent <= 0 { break }
      place += sent
    }
    if cutsOff { return nil }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    guard count > 12 else { return nil }
    return Int(String(decoding: buffer[9..<12], as: UTF8.self))
  }
}

/// Chances for requests.
private struct Dice {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }
  mutating func chance(_ share: Double) -> Bool { Double(next() >> 11) * 0x1p-53 < share }
  mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }

  private static let paths = [
    "/status", "/start", "/stop", "/set_resources", "/set_interval", "/set_dqn_algorithm", "/set_default_limits",
    "/algorithm", "/resources", "/interval", "/add_agent", "/remove_agent", "/remove_first_agent", "/api/v1/state",
    "/api/v1/settings", "/api/v1/pods", "/api/v1/pods/web-0", "/api/v1/pods/default/web-0", "/api/v1/agents",
    "/api/v1/decisions?limit=3", "/api/v1/history?seconds=5", "/healthz", "/readyz", "/metrics", "/openapi.json", "/",
    "/assets/page.js", "/api/v1/decisions?limit=-1", "/api/v1/history?seconds=nan", "/%2e%2e/%2e%2e/etc/passwd", "//",
    "/%",
    "/api/v1/pods/%00", "/api//v1/state", "/?x=y&x", "*",
  ]
  private static let bodies = [
    "{}", "{\"resources\": 900}", "{\"interval\": 1}", "{\"capacity\": 800, \"running\": true}",
    "{\"mode\": \"apply\"}",
    "{\"priority\": 0.4}", "{\"priority\": 1e400}", "{\"minimum\": -3}", "{\"maximum\": null}", "[1,2", "null", "\"x\"",
    "{\"resources\": 99999999999999999999999}", "{\"capacity\": {\"a\": [[[[[[[]]]]]]]}}",
    "{\"checkpoint\": \"missing.h5\"}",
    "{\"resources\": true}", "\u{0}\u{1}", "{\"interval\": \"NaN\"}", "{\"mode\": \"\u{1F600}\"}", "{\"hack\": 1e18}",
  ]

  /// A request, and whether an answer must come.
  mutating func request() -> (bytes: [UInt8], isWhole: Bool) {
    let method = pick(["GET", "GET", "POST", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"])
    var path = pick(Self.paths)
    if chance(0.1) { path += String(repeating: pick(["a", "/", "%41", "?"]), count: below(200)) }
    // A long path is answered too: 414 or 431 by the server itself.
    if chance(0.01) { path += String(repeating: "y", count: 6000) }
    var body = chance(0.5) ? Array(pick(Self.bodies).utf8) : []
    if chance(0.1) { body = (0..<below(300)).map { _ in UInt8(truncatingIfNeeded: next()) } }
    if chance(0.01) { body = Array(repeating: 120, count: 9000) }
    var head = "\(method) \(path) HTTP/1.1\r\nHost: \(pick(["127.0.0.1", "localhost:1", "x"]))\r\nConnection: close\r\n"
    if chance(0.7) {
      head += "Content-Type: \(pick(["application/json", "text/plain", "", "application/json; charset=x"]))\r\n"
    }
    if chance(0.1) { head += "Authorization: \(pick(["Bearer x", "Basic eA==", "Bearer", ""]))\r\n" }
    if chance(0.1) { head += "Origin: \(pick(["http://evil.example", "null", "http://127.0.0.1"]))\r\n" }
    if chance(0.1) { head += "X-\(below(100)): \(String(repeating: "v", count: below(2000)))\r\n" }
    if chance(0.05) { head += "If-None-Match: \(pick(["*", "\"0\""]))\r\n" }
    let isCut = chance(0.03)
    if isCut {
      // Less comes than was promised, and then nothing.
      head += "Content-Length: \(body.count + 1 + below(100_000))\r\n\r\n"
      return (Array(head.utf8) + body, false)
    }
    head += body.isEmpty && chance(0.5) ? "\r\n" : "Content-Length: \(body.count)\r\n\r\n"
    return (Array(head.utf8) + body, true)
  }
}
