import Backend
import Foundation
import Glibc
import HTTPServer
import Synchronization
import Terminal

/// Where `serve` listens and to whom.
struct ServeAccess {
  var server = Server.Configuration()
  var rules = AccessRules()

  init(_ options: ParsedOptions) throws {
    let address = options.string("listen")
    server.address = address
    server.port = UInt16(clamping: options.int("port"))
    server.threads = 2
    server.connectionsMaximum = 1024
    server.idleSeconds = 60
    server.bodyBytesMaximum = 64 << 10
    server.headBytesMaximum = 32 << 10
    server.refusal = BackendService.refusal
    let isLocal = address.hasPrefix("127.") || address == "::1"
    if let path = options.optionalString("token_file") {
      let token = try TextFile.read(path).trimmingCharacters(in: .whitespacesAndNewlines)
      guard (16...4096).contains(token.utf8.count), !token.contains(where: \.isWhitespace) else {
        throw Failure("\(path): the token has \(token.utf8.count) bytes, expected one word of 16 to 4096")
      }
      rules.token = token
    } else if !isLocal {
      throw options.rejection(
        "listen", "is \(address): beyond this machine every change must demand a token; give one with --token_file")
    }
    if options.flag("token_reads"), rules.token == nil {
      throw options.rejection("token_reads", "needs --token_file")
    }
    rules.guardsReads = options.flag("token_reads")
    let named = options.strings("host").map { $0.lowercased() }
    if isLocal { rules.hosts = Set(["localhost", "127.0.0.1", "[::1]", address] + named) }
    rules.origins = Set(options.strings("cors_origin"))
    for origin in rules.origins
    where !(origin.hasPrefix("http://") || origin.hasPrefix("https://")) || origin.hasSuffix("/") {
      throw options.rejection(
        "cors_origin", "is '\(origin)', expected a scheme and a host such as https://ops.example.org")
    }
    switch (options.optionalString("tls_cert"), options.optionalString("tls_key")) {
    case (let cert?, let key?):
      server.tls = Server.TLS(certificates: try TextFile.read(cert), key: try TextFile.read(key))
    case (nil, nil): break
    case (nil, _): throw options.rejection("tls_key", "needs --tls_cert")
    case (_, nil): throw options.rejection("tls_cert", "needs --tls_key")
    }
  }
}

/// Every change that was asked for: a line to the log, and one of JSON to a file.
final class ServeAudit: Sendable {
  private let file: LineFile?
  private let log: Log

  init(_ options: ParsedOptions, _ log: Log) throws {
    file = try options.optionalString("audit").map { try LineFile(appendingTo: $0) }
    self.log = log
  }

  @Sendable func write(_ entry: BackendService.AuditEntry) {
    log.info(
      "change",
      [
        "by": .text(entry.peer), "request": .text("\(entry.method) \(entry.path)"), "body": .text(entry.body),
        "status": .int(entry.status),
      ])
    guard let file else { return }
    struct Line: Encodable {
      var time: String
      var peer: String
      var method: String
      var path: String
      var body: String
      var status: Int
      var before: String?
      var after: String?
    }
    let isChange = entry.before != entry.after
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if let data = try? encoder.encode(
      Line(
        time: Clock.iso8601(entry.time), peer: entry.peer, method: entry.method, path: entry.path, body: entry.body,
        status: entry.status, before: isChange ? entry.before : nil, after: isChange ? entry.after : nil))
    {
      file.append(String(decoding: data, as: UTF8.self))
    }
  }
}
