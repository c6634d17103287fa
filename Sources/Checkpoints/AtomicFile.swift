import Glibc

/// Files that are either the old one or the new one, never something between, also after a crash or a full disk.
enum AtomicFile {
  /// Replaces `path` with `bytes`: a new file beside it, synced, renamed over it, the folder synced.
  ///
  /// On any failure the old file is as it was and the new one is removed. A symbolic link is followed, not replaced.
  ///
  /// - Throws: `CheckpointError` with the operating system's reason.
  static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
    let target = resolved(path)
    let slash = target.lastIndex(of: "/")
    let folder = slash.map { $0 == target.startIndex ? "/" : String(target[..<$0]) } ?? "."
    let name = slash.map { String(target[target.index(after: $0)...]) } ?? target
    // The name must be new: two threads, or two programs in different containers, may write into one folder.
    let temporary = "\(folder)/.\(name).tmp-\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 16))"

    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure("create a file in \(folder)", path) }
    do {
      defer { close(descriptor) }
      try writeAll(bytes, to: descriptor, path)
      guard fsync(descriptor) == 0 else { throw failure("sync the new content", path) }
      guard rename(temporary, target) == 0 else { throw failure("put the new file in place", path) }
    } catch {
      unlink(temporary)
      throw error
    }
    // Makes the rename itself survive a power cut. The new file is complete and in place either way.
    let folderDescriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folderDescriptor >= 0 else { throw failure("open \(folder) to sync it", path) }
    defer { close(folderDescriptor) }
    // Some network file systems cannot sync folders and say EINVAL.
    guard fsync(folderDescriptor) == 0 || errno == EINVAL else { throw failure("sync \(folder)", path) }
  }

  private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, min(rest.count, 1 << 30))
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count == 0 || errno != EINTR {
        throw failure("write \(bytes.count) bytes", path)
      }
    }
  }

  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  static func failure(_ action: String, _ path: String) -> CheckpointError {
    let reason = String(cString: strerror(errno))
    return CheckpointError(.system, file: path, "cannot \(action): \(reason)")
  }
}
