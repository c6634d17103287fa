import Foundation
import Glibc
import Testing

/// The built `marlise`, run as a process of its own.
struct Program {
  /// What a process left behind.
  struct Result {
    var code: Int32
    var output: String
    var errors: String

    /// `errors` as one sentence, without the word that introduces it; nil when there is more or less than one line.
    var sentence: String? {
      guard errors.hasPrefix("error: "), errors.hasSuffix("\n"), errors.filter({ $0 == "\n" }).count == 1 else {
        return nil
      }
      return String(errors.dropFirst("error: ".count).dropLast())
    }

    var json: Any {
      get throws { try JSONSerialization.jsonObject(with: Data(output.utf8)) }
    }
  }

  /// Lies beside the test bundle, in the folder of build products.
  static var path: String {
    get throws {
      let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let path = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("marlise").path
      try #require(FileManager.default.isExecutableFile(atPath: path), "no program at \(path)")
      return path
    }
  }

  /// Runs it to its end.
  @discardableResult
  static func run(_ arguments: String..., in folder: TemporaryFolder? = nil) throws -> Result {
    try run(arguments, in: folder)
  }

  @discardableResult
  static func run(_ arguments: [String], in folder: TemporaryFolder? = nil) throws -> Result {
    let streams = try TemporaryFolder()
    let process = try Program(
      arguments, in: folder, output: streams.path("output"), errors: streams.path("errors"))
    let code = try process.end()
    return Result(code: code, output: try streams.text("output"), errors: try streams.text("errors"))
  }

  let id: pid_t

  /// Starts it.
  ///
  /// - `folder`: working directory; the tests' own if nil.
  /// - `output`, `errors`: files that its streams go to.
  /// - `environment`: beside what every program gets, as `NAME=VALUE`.
  init(
    _ arguments: [String], in folder: TemporaryFolder? = nil, output: String, errors: String, environment: [String] = []
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    // The threads that tests run on block all signals, which a child would inherit.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    // Colours, columns and the like of whoever runs the tests are none of the program's business here.
    let environment =
      [
        "PATH=/usr/bin:/bin", "LD_LIBRARY_PATH=\(getenv("LD_LIBRARY_PATH").map { String(cString: $0) } ?? "")",
      ] + environment
    // Only `env` can be told the folder to begin in; it then becomes the program, under the same process number.
    let words = ["/usr/bin/env", "-C", folder?.url.path ?? ".", try Program.path] + arguments
    var id = pid_t()
    let status = Program.withCStrings(words) { words in
      Program.withCStrings(environment) { posix_spawn(&id, "/usr/bin/env", &actions, &attributes, words, $0) }
    }
    try #require(status == 0 as Int32, "posix_spawn: error \(status)")
    self.id = id
  }

  /// Waits for its end.
  ///
  /// - Returns: its exit code, or 1000 + the signal that ended it.
  func end() throws -> Int32 {
    var status: Int32 = 0
    while waitpid(id, &status, 0) < 0 {
      let reason = errno
      try #require(reason == EINTR, "waitpid: error \(reason)")
    }
    return status & 0x7f == 0 ? (status >> 8) & 0xff : 1000 + (status & 0x7f)
  }

  func signal(_ number: Int32) { kill(id, number) }

  private static func withCStrings<Value>(
    _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
  ) -> Value {
    var pointers = texts.map { strdup($0) } + [nil]
    defer { pointers.forEach { free($0) } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { preconditionFailure("no strings, not even the last nil") }
      return body(base)
    }
  }
}

/// A folder of its own for every test; removed with everything in it at the end of its scope.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("marlise-program-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }
  func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }
  func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted() }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    return path(name)
  }
}
