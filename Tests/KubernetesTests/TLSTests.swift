import Foundation
import Testing

@testable import Kubernetes

/// A throw-away authority and a TLS server that shows the certificate it signed, made with the openssl program.
private final class TLSServer {
  static let program = "/usr/bin/openssl"
  let folder: URL
  let port: Int
  private let process = Process()

  init(verifiesClients: Bool = false) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("marlise-tls-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Self.run(
      folder,
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout ca.key -out ca.crt -subj /CN=authority"
    )
    for (name, subject) in [("server", "/CN=server"), ("client", "/CN=client")] {
      try Self.run(
        folder,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout \(name).key -out \(name).crt -subj \(subject)"
          + " -CA ca.crt -CAkey ca.key -addext subjectAltName=IP:127.0.0.1,DNS:api.test -addext basicConstraints=CA:FALSE"
      )
    }
    process.executableURL = URL(fileURLWithPath: Self.program)
    process.currentDirectoryURL = folder
    process.arguments =
      ["s_server", "-accept", "127.0.0.1:0", "-cert", "server.crt", "-key", "server.key", "-www"]
      + (verifiesClients ? ["-Verify", "1", "-verify_return_error", "-CAfile", "ca.crt"] : [])
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    process.standardInput = Pipe()
    try process.run()
    // "ACCEPT 127.0.0.1:41234"
    var text = ""
    while !text.contains("\n") || !text.contains("ACCEPT") {
      let data = output.fileHandleForReading.availableData
      if data.isEmpty { throw POSIXError(.EIO) }
      text += String(decoding: data, as: UTF8.self)
    }
    let line = text.split(separator: "\n").first { $0.hasPrefix("ACCEPT") } ?? ""
    guard let port = Int(line.split(separator: ":").last ?? "") else { throw POSIXError(.EIO) }
    self.port = port
  }

  deinit {
    // Not SIGTERM: the child may have inherited a mask that blocks it.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: folder)
  }

  func file(_ name: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(name)) }

  private static func run(_ folder: URL, _ arguments: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.currentDirectoryURL = folder
    process.arguments = arguments.split(separator: " ").map(String.init)
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw POSIXError(.EIO) }
  }

  func get(authority: Bool, name: String? = nil, identity: TLSIdentity? = nil) throws -> HTTPResponse {
    let address = ServerAddress(
      base: "https://127.0.0.1:\(port)", authority: authority ? try file("ca.crt") : nil, tlsServerName: name)
    var request = HTTPRequest(.get, "/")
    request.identity = identity
    return try CurlTransport(address: address).send(request)
  }
}

@Suite("TLS", .enabled(if: FileManager.default.fileExists(atPath: TLSServer.program), "needs the openssl program"))
struct TLSTests {
  @Test("the cluster's authority and the host's name are verified")
  func verification() throws {
    let server = try TLSServer()
    #expect(try server.get(authority: true).status == 200)
    #expect(try server.get(authority: true, name: "api.test").status == 200)
    let stranger = #expect(throws: TransportError.self) { try server.get(authority: false) }
    #expect(stranger?.kind == .certificate)
    let other = #expect(throws: TransportError.self) { try server.get(authority: true, name: "other.test") }
    #expect(other?.kind == .certificate)
    #expect(other?.isRetryable == false)
  }

  @Test("a client certificate is shown when asked for")
  func clientCertificate() throws {
    let server = try TLSServer(verifiesClients: true)
    let identity = TLSIdentity(certificate: try server.file("client.crt"), key: try server.file("client.key"))
    #expect(try server.get(authority: true, identity: identity).status == 200)
    #expect(throws: TransportError.self) { try server.get(authority: true) }
  }

  @Test("a key that is none is told")
  func badKey() throws {
    let server = try TLSServer()
    let identity = TLSIdentity(certificate: try server.file("client.crt"), key: Data("no key".utf8))
    let error = #expect(throws: TransportError.self) { try server.get(authority: true, identity: identity) }
    #expect(error?.kind == .certificate)
  }
}
