import FoundationEssentials
import Glibc

/// A file that cannot be read.
struct FileError: Error, CustomStringConvertible, Sendable, Equatable {
  var path: String
  var reason: String

  var description: String { "\(path) cannot be read: \(reason)" }
}

/// Reads a file whole; pseudo-files (size 0) too.
func readFile(_ path: String, bytesMaximum: Int = 16 << 20) throws(FileError) -> Data {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw FileError(path: path, reason: String(cString: strerror(errno))) }
  defer { close(file) }
  var data = Data()
  var buffer = [UInt8](repeating: 0, count: 16384)
  while true {
    let count = read(file, &buffer, buffer.count)
    if count == 0 { return data }
    if count < 0 {
      if errno == EINTR { continue }
      throw FileError(path: path, reason: String(cString: strerror(errno)))
    }
    guard data.count + count <= bytesMaximum else { throw FileError(path: path, reason: "it is too large") }
    data.append(contentsOf: buffer[..<count])
  }
}
