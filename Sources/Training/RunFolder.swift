import Foundation

/// The folder that a run writes to.
public struct RunFolder: Sendable {
  public let folder: String

  /// Makes the folder.
  ///
  /// - Throws: `TrainingError` when it exists and `force` does not allow that, or it cannot be made.
  public init(_ folder: String, force: Bool) throws {
    self.folder = folder
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) {
      guard isFolder.boolValue else { throw TrainingError("\(folder) is a file, expected a folder for the run") }
      guard force else {
        throw TrainingError("\(folder) exists already; --force writes into it, or choose another folder with --out")
      }
      return
    }
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw TrainingError("\(folder) cannot be made: \(error.localizedDescription)")
    }
  }

  public func path(_ name: String) -> String { folder + "/" + name }

  public func write(_ name: String, _ text: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)), options: .atomic)
    } catch {
      throw TrainingError("\(path(name)) cannot be written: \(error.localizedDescription)")
    }
  }

  /// An empty file to append to.
  public func create(_ name: String) throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path(name), contents: nil),
      let handle = FileHandle(forWritingAtPath: path(name))
    else { throw TrainingError("\(path(name)) cannot be created") }
    return handle
  }
}
