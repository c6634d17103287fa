import Foundation
import Synchronization

/// A few lines of HTTP on the loopback device: the test says, request by request, which bytes to send.
final class TinyServer: Sendable {
  struct Request: Sendable {
    /// Which connection and which request on it, from 0.
    var connection: Int
    var number: Int
    var head: String
    var body: String
  }

  enum Reaction: Sendable {
    /// Send these bytes and wait for the next request.
    case send(String)
    /// Send these bytes and close.
    case sendAndClose(String)
    /// Send these bytes and say no more until the client goes away.
    case sendAndHold(String)
  }

  let port: Int
  private let listener: Int32
  private let seen = Mutex<[Request]>([])

  var requests: [Request] { seen.withLock { $0 } }
  var base: String { "http://127.0.0.1:\(port)" }

  init(_ react: @escaping @Sendable (Request) -> Reaction) throws {
    let (listener, port) = try Self.bindLoopback()
    self.listener = listener
    self.port = port
    guard listen(listener, 16) == 0 else { throw POSIXError(.EIO) }
    Thread.detachNewThread { [self] in
      var connection = 0
      while true {
        let socket = accept(listener, nil, nil)
        if socket < 0 { return }
        let number = connection
        connection += 1
        Thread.detachNewThread { [self] in serve(socket, number, react) }
      }
    }
  }

  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  /// A socket bound to a free port of 127.0.0.1, not yet listening: connections to it are refused.
  static func bindLoopback() throws -> (Int32, Int) {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
      }
    }
    guard socket >= 0, isBound else { throw POSIXError(.EADDRNOTAVAIL) }
    return (socket, Int(UInt16(bigEndian: address.sin_port)))
  }

  private func serve(_ socket: Int32, _ connection: Int, _ react: @Sendable (Request) -> Reaction) {
    defer { close(socket) }
    var received = Data()
    var number = 0
    while true {
      guard let head = Self.readHead(socket, &received) else { return }
      var length = 0
      for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-length:") {
        length = Int(line.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces)) ?? 0
      }
      while received.count < length { if !Self.receive(socket, &received) { return } }
      let request = Request(
        connection: connection, number: number, head: head,
        body: String(decoding: received.prefix(length), as: UTF8.self)
      )
      received = Data(received.dropFirst(length))
      number += 1
      seen.withLock { $0.append(request) }
      switch react(request) {
      case .send(let text): Self.write(socket, text)
      case .sendAndClose(let text):
        Self.write(socket, text)
        return
      case .sendAndHold(let text):
        Self.write(socket, text)
        while Self.receive(socket, &received) {}
        return
      }
    }
  }

  private static func readHead(_ socket: Int32, _ received: inout Data) -> String? {
    let end = Data("\r\n\r\n".utf8)
    while true {
      if let range = received.range(of: end) {
        let head = String(decoding: received[..<range.lowerBound], as: UTF8.self)
        received = Data(received[range.upperBound...])
        return head
      }
      if !receive(socket, &received) { return nil }
    }
  }

  private static func receive(_ socket: Int32, _ data: inout Data) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(socket, &buffer, buffer.count, 0)
    guard count > 0 else { return false }
    data.append(contentsOf: buffer[..<count])
    return true
  }

  private static func write(_ socket: Int32, _ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if count <= 0 { return }
      bytes = bytes.dropFirst(count)
    }
  }

  static func ok(_ body: String, headers: String = "") -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
  }

  static func chunk(_ text: String) -> String {
    String(text.utf8.count, radix: 16) + "\r\n" + text + "\r\n"
  }

  static let chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
}
