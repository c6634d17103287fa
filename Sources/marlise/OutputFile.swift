import Foundation
import Terminal

/// A file that a command writes at its end: asked for before the work begins, so that hours are not lost to a bad name.
struct OutputFile {
  let path: String

  /// - Parameter option: the option that named it, for the hint.
  /// - Throws: when it exists and `force` does not allow that, or its folder does not exist.
  init(_ path: String, option: String, force: Bool) throws {
    self.path = path
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      guard !isFolder.boolValue else { throw Failure("\(path) is a folder, expected a file for --\(option)") }
      guard force else {
        throw Failure("\(path) exists already; --force replaces it, or choose another file with --\(option)")
      }
    } else {
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
        throw Failure("\(path): its folder does not exist, expected an existing one for --\(option)")
      }
    }
  }

  /// The whole file or none of it.
  func write(_ text: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw Failure("\(path) cannot be written: \(error.localizedDescription)")
    }
  }

  static let force = Option.flag("force", help: "Replace the file if it exists.")
}
