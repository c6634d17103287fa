import Glibc

/// A regular file that is open for reading, with its size as it was when opened.
struct InputFile: ~Copyable {
  let path: String
  let size: Int
  private let descriptor: Int32

  /// - Throws: `CheckpointError` when there is no such file, or it is not a regular one.
  init(opening path: String) throws {
    // Without O_NONBLOCK a named pipe would block here for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw errno == ENOENT
        ? CheckpointError(.system, file: path, "does not exist, expected a checkpoint")
        : AtomicFile.failure("open it", path)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let error = AtomicFile.failure("look at it", path)
      close(descriptor)
      throw error
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      let kind = status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "not a regular file"
      throw CheckpointError(.system, file: path, "is \(kind), expected a checkpoint file")
    }
    self.path = path
    self.size = Int(status.st_size)
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// The first `count` bytes, fewer where the file is shorter.
  func read(first count: Int) throws -> [UInt8] {
    let wanted = min(count, size)
    return try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
      let start = UnsafeMutableRawPointer(buffer.baseAddress)
      while filled < wanted {
        let got = pread(descriptor, start?.advanced(by: filled), min(wanted - filled, 1 << 30), off_t(filled))
        if got == 0 { break }  // it became shorter meanwhile; the caller compares the size
        if got > 0 {
          filled += got
        } else if errno != EINTR {
          throw AtomicFile.failure("read it", path)
        }
      }
    }
  }
}
