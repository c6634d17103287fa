import Foundation
import Glibc
import Kubernetes
import Synchronization

/// A state file that cannot be used.
public struct StateFileError: Error, CustomStringConvertible, Sendable, Equatable {
  public let description: String
}

/// Originals in a file of this machine, one for each cluster: needs no right beyond resizing. Written whole, synced and renamed
/// before each first resize; locked, so that two runs do not drive one cluster from the same file.
public final class OriginalsFile: OriginalsStore {
  private struct Contents: Codable, Equatable {
    struct Entry: Codable, Equatable {
      var namespace: String
      var name: String
      var original: OriginalValues
    }
    var format = 1
    var server: String
    /// By uid.
    var pods: [String: Entry] = [:]
  }

  public let path: String
  public var place: String { path }
  private let contents: Mutex<Contents>
  private let lock: Int32

  /// Opens or begins the file and takes its lock.
  ///
  /// - Parameter server: the cluster's address: a file of another cluster is refused.
  /// - Throws: `StateFileError`.
  public init(path: String, server: String) throws {
    self.path = path
    let folder = Self.folder(of: path)
    do {
      if !folder.isEmpty {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      }
    } catch {
      throw StateFileError(description: "\(path): its folder cannot be made; choose another file with --state-file")
    }
    lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else {
      throw StateFileError(
        description:
          "\(path).lock cannot be opened (\(String(cString: strerror(errno)))); choose another file with --state-file")
    }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      close(lock)
      throw StateFileError(
        description:
          "\(path) is in use by another marlise that drives this cluster; stop that one, or give --state-file")
    }
    var read = Contents(server: server)
    if let data = FileManager.default.contents(atPath: path) {
      do {
        read = try JSONDecoder().decode(Contents.self, from: data)
      } catch {
        close(lock)
        throw StateFileError(
          description: "\(path) is not a file of kept limits; move it away if nothing is to be put back from it")
      }
      guard read.format == 1, read.server == server else {
        close(lock)
        throw StateFileError(
          description: "\(path) belongs to the cluster \(read.server), expected \(server); give another --state-file")
      }
    }
    contents = Mutex(read)
  }

  deinit { close(lock) }

  /// What a file holds, by uid, without its lock and without a word about what is wrong with it: for whoever only looks.
  public static func look(at path: String, server: String) -> [String: OriginalValues] {
    guard let data = FileManager.default.contents(atPath: path),
      let contents = try? JSONDecoder().decode(Contents.self, from: data), contents.format == 1,
      contents.server == server
    else { return [:] }
    return contents.pods.mapValues(\.original)
  }

  /// The default place: `$XDG_STATE_HOME/marlise`, else `~/.local/state/marlise`, else the folder for temporary files.
  public static func defaultPath(server: String, environment: [String: String]) -> String {
    let folder: String
    if let own = environment["XDG_STATE_HOME"], own.hasPrefix("/") {
      folder = own + "/marlise"
    } else if let home = environment["HOME"], home.hasPrefix("/"), access(home, W_OK) == 0 {
      folder = home + "/.local/state/marlise"
    } else {
      folder = FileManager.default.temporaryDirectory.appendingPathComponent("marlise").path
    }
    // A readable name of the server: letters, digits, dots and dashes.
    let name = server.drop { $0 != ":" }.drop { ":/".contains($0) }
      .map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-") ? String($0) : "_" }.joined()
    return "\(folder)/originals-\(name).json"
  }

  /// Everything before the last slash. Foundation's own traps on a name of one letter.
  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ""
  }

  public func original(of pod: Pod) -> OriginalValues? {
    contents.withLock { $0.pods[pod.metadata.uid]?.original }
  }

  public var isLocal: Bool { true }

  public func keep(_ originals: [(pod: Pod, original: OriginalValues)]) throws {
    try change {
      for (pod, original) in originals {
        $0.pods[pod.metadata.uid] = Contents.Entry(
          namespace: pod.metadata.namespace, name: pod.metadata.name, original: original)
      }
    }
  }

  public func forget(_ pods: [Pod]) throws {
    try change { for pod in pods { $0.pods[pod.metadata.uid] = nil } }
  }

  /// Forgets pods that are no more. `uids`: those that are.
  public func forgetAll(except uids: Set<String>) throws {
    try change { $0.pods = $0.pods.filter { uids.contains($0.key) } }
  }

  private func change(_ body: (inout Contents) -> Void) throws {
    try contents.withLock { contents in
      var next = contents
      body(&next)
      if next == contents { return }
      try write(next)
      contents = next
    }
  }

  private func write(_ contents: Contents) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let bytes = try encoder.encode(contents)
    func failure(_ what: String) -> StateFileError {
      StateFileError(description: "\(path) cannot be \(what): \(String(cString: strerror(errno)))")
    }
    let temporary = path + ".new"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("written") }
    let isWritten = bytes.withUnsafeBytes { bytes -> Bool in
      var done = 0
      while done < bytes.count {
        let count = Glibc.write(file, bytes.baseAddress?.advanced(by: done), bytes.count - done)
        if count < 0, errno != EINTR { return false }
        done += max(count, 0)
      }
      return true
    }
    let isSynced = isWritten && fsync(file) == 0
    close(file)
    guard isSynced else { throw failure("written") }
    guard rename(temporary, path) == 0 else { throw failure("replaced") }
    let folder = Self.folder(of: path)
    let directory = open(folder.isEmpty ? "." : folder, O_RDONLY | O_CLOEXEC)
    if directory >= 0 {
      fsync(directory)
      close(directory)
    }
  }
}
