import Glibc

/// A file descriptor that texts are written to, each with one `write` where the system allows it, so that the lines of
/// several threads do not mix.
public struct Output: Sendable {
  let descriptor: Int32

  public static let standardOutput = Output(descriptor: 1)
  public static let standardError = Output(descriptor: 2)

  /// - Throws: `Failure` when the reader is gone or the disk is full.
  public func write(_ text: String) throws {
    // What `print` holds back came earlier and must be seen earlier.
    if descriptor == 1 { fflush(nil) }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        bytes = bytes.dropFirst(count)
      } else if errno == EAGAIN {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&wanted, 1, 1000)
      } else if errno != EINTR {
        let name = descriptor == 1 ? "standard output" : descriptor == 2 ? "standard error" : "output \(descriptor)"
        throw Failure("cannot write to \(name): \(SystemError.text(errno))")
      }
    }
  }
}

/// What the system calls an error number: "No such file or directory".
enum SystemError {
  static func text(_ number: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    // The POSIX variant; its answer stands in the buffer.
    guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
  }
}

/// A small text file, such as a configuration.
public enum TextFile {
  public static let bytesMax = 1 << 20

  /// - Throws: `Failure` when the file cannot be read, is larger than 1 MiB, or is not UTF-8.
  public static func read(_ path: String) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure("\(path): cannot be opened: \(SystemError.text(errno))") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw Failure("\(path): cannot be read: \(SystemError.text(errno))")
      }
      if count == 0 { break }
      bytes += chunk[..<count]
      guard bytes.count <= bytesMax else { throw Failure("\(path): is larger than 1 MiB; expected a small text file") }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure("\(path): is not UTF-8 text")
    }
    return text
  }
}
