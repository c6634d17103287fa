import Foundation
import Terminal

/// The checkpoints that come with the program, one per algorithm.
enum ShippedCheckpoints {
  static let defaultAlgorithm = "ppo"

  /// Where they may lie: a folder of one's own, beside where one works, beside an installed program, above a build.
  private static var folders: [String] {
    var folders = ["checkpoints"]
    if let own = ProcessInfo.processInfo.environment["MARLISE_CHECKPOINTS"] { folders.insert(own, at: 0) }
    if let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") {
      let folder = (program as NSString).deletingLastPathComponent as NSString
      for above in ["../share/marlise/checkpoints", "../../checkpoints", "../../../checkpoints"] {
        folders.append(folder.appendingPathComponent(above))
      }
    }
    return folders
  }

  /// - Throws: one sentence that says how to train one when there is none.
  static func path(of algorithm: String?) throws -> String {
    let name = algorithm ?? defaultAlgorithm
    for folder in folders where FileManager.default.fileExists(atPath: "\(folder)/\(name).h5") {
      return "\(folder)/\(name).h5"
    }
    throw Failure(
      "there is no shipped checkpoint for \(name); train one with `marlise train --algorithm \(name) --out DIR` and give "
        + "--load_model DIR/best.h5")
  }
}
