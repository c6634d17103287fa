import Foundation
import Terminal

/// Files with secrets in them.
enum PrivateFile {
  /// Writes a file that only its owner may read, at once or not at all.
  static func write(_ text: String, to path: String) throws {
    let temporary = path + ".\(getpid()).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Failure("\(path): cannot be written: \(String(cString: strerror(errno)))") }
    let bytes = Array(text.utf8)
    let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    guard written == bytes.count, rename(temporary, path) == 0 else {
      let reason = String(cString: strerror(errno))
      unlink(temporary)
      throw Failure("\(path): cannot be written: \(reason)")
    }
  }

  /// 128 random bits as text.
  static func token() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let word = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - word.utf8.count) + word
    }.joined()
  }
}

/// A file that lines are appended to from any thread, each at once and whole.
final class LineFile: Sendable {
  private let descriptor: Int32

  /// - Throws: `Failure` when the file cannot be opened.
  init(appendingTo path: String) throws {
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failure("\(path): cannot be written: \(String(cString: strerror(errno)))") }
  }

  deinit { close(descriptor) }

  func append(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
  }
}

/// A certificate for this run, from an authority that is forgotten with it.
struct TemporaryAuthority {
  /// PEM.
  let authority: String
  let certificate: String
  let key: String

  /// - Throws: `Failure` where openssl is not installed or refuses.
  static func make(address: String) throws -> TemporaryAuthority {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("marlise-" + PrivateFile.token())
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    try openssl(
      [
        "req", "-x509", "-subj", "/CN=marlise emulate", "-days", "30", "-keyout", path("ca.key"), "-out",
        path("ca.pem"),
      ]
        + curve)
    try openssl(
      ["req", "-subj", "/CN=emulated", "-keyout", path("server.key"), "-out", path("server.csr")] + curve)
    try Data("subjectAltName=IP:\(address),DNS:localhost\n".utf8).write(to: folder.appendingPathComponent("names"))
    try openssl([
      "x509", "-req", "-in", path("server.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial",
      "-days", "30", "-extfile", path("names"), "-out", path("server.pem"),
    ])
    func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }
    return TemporaryAuthority(
      authority: try text("ca.pem"), certificate: try text("server.pem"), key: try text("server.key"))
  }

  private static func openssl(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure("--tls needs openssl, which is not installed or does not accept 'openssl \(arguments[0])'")
    }
  }
}
