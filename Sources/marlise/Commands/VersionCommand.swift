import Checkpoints
import Foundation
import HTTPServer
import Kubernetes
import Learning
import NeuralNetwork
import Terminal
import Training

/// `marlise version`: what this is, and what it stands on.
enum VersionCommand {
  static let command = Command(
    "version", summary: "Print the version, and with --json those of the libraries.",
    options: Option.section("Output", [.flag("json", help: "Print a JSON object.")]),
    examples: [Example("marlise version --json", "For a bug report")]
  ) { options in
    guard options.flag("json") else {
      try Output.standardOutput.write("marlise \(softwareVersion)\n")
      return .success
    }
    struct Versions: Encodable {
      var version: String
      var swift: String
      var platform: String
      var kernel: String
      var hdf5: String
      var curl: String
      var microhttpd: String
      var algorithms: Int
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let data = try encoder.encode(
      Versions(
        version: softwareVersion, swift: swift, platform: platform, kernel: Kernels.name, hdf5: Checkpoint.hdf5Version,
        curl: CurlTransport.libraryVersion, microhttpd: Server.libraryVersion, algorithms: Algorithms.all.count))
    try Output.standardOutput.write(String(decoding: data, as: UTF8.self) + "\n")
    return .success
  }

  /// The language version that the program was compiled with.
  private static var swift: String {
    #if swift(>=6.4)
      "6.4 or newer"
    #elseif swift(>=6.3)
      "6.3"
    #elseif swift(>=6.2)
      "6.2"
    #elseif swift(>=6.1)
      "6.1"
    #else
      "6.0"
    #endif
  }

  private static var platform: String {
    #if arch(x86_64)
      "linux/amd64"
    #elseif arch(arm64)
      "linux/arm64"
    #else
      "linux"
    #endif
  }
}
