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
  let failure = withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 16) { buffer -> FileError? in
    while true {
      let count = read(file, buffer.baseAddress, buffer.count)
      if count == 0 { return nil }
      if count < 0 {
        if errno == EINTR { continue }
        return FileError(path: path, reason: String(cString: strerror(errno)))
      }
      guard data.count + count <= bytesMaximum else { return FileError(path: path, reason: "it is too large") }
      data.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }
  if let failure { throw failure }
  return data
}
