import Foundation
import Testing

@Suite("Help")
struct HelpTests {
  /// The names of the commands, as the program lists them.
  static let commands: [String] = {
    guard let help = try? Program.run("--help").output, let list = help.range(of: "\nCommands:\n") else { return [] }
    return help[list.upperBound...].split(separator: "\n", omittingEmptySubsequences: false).prefix { !$0.isEmpty }
      .compactMap { line in
        // Two blanks, the name, two blanks at least, the summary; a wrapped summary is indented more.
        guard line.hasPrefix("  "), !line.hasPrefix("   ") else { return nil }
        return line.dropFirst(2).components(separatedBy: "  ").first
      }
  }()

  @Test("the overview names every command")
  func overview() throws {
    let result = try Program.run("--help")
    #expect(result.code == 0)
    #expect(result.errors == "")
    for name in ["train", "eval", "infer", "checkpoint show", "checkpoint verify", "completion", "manual"] {
      #expect(HelpTests.commands.contains(name), "\(name)")
    }
    #expect(try Program.run("-h").output == result.output)
  }

  @Test("every command explains itself and names its options", arguments: HelpTests.commands)
  func help(_ command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    let help = try Program.run(words + ["--help"])
    #expect(help.code == 0)
    #expect(help.errors == "")
    #expect(help.output.hasPrefix("marlise \(command)"))
    guard help.output.contains("--print-config") else { return }
    let configuration = try Program.run(words + ["--print-config"])
    #expect(configuration.code == 0)
    // Absent options stand there as comments.
    let keys = configuration.output.split(separator: "\n").compactMap { line -> String? in
      let text = line.drop { $0 == "#" || $0 == " " }
      guard let colon = text.firstIndex(of: ":"), text[..<colon].allSatisfy({ $0.isLetter || $0 == "_" }) else {
        return nil
      }
      return String(text[..<colon])
    }
    #expect(!keys.isEmpty)
    let shown = help.output.split { " \n,".contains($0) }.map {
      $0.replacing("[no-]", with: "").replacing("-", with: "_")
    }
    for key in keys { #expect(shown.contains("__" + key), "\(key)") }
  }

  @Test("the version is one line")
  func version() throws {
    let result = try Program.run("--version")
    #expect(result.code == 0)
    #expect(result.output.wholeMatch(of: /marlise \d+\.\d+\.\d+\n/) != nil)
  }

  @Test("the manual page and the completion scripts know every command")
  func manual() throws {
    let manual = try Program.run("manual")
    #expect(manual.code == 0)
    for command in HelpTests.commands {
      #expect(manual.output.contains(".SS \"marlise \(command.replacing("-", with: "\\-"))\"\n"), "\(command)")
    }
    for shell in ["bash", "zsh", "fish"] {
      let script = try Program.run("completion", shell)
      #expect(script.code == 0)
      for command in HelpTests.commands {
        #expect(script.output.contains(command.split(separator: " ").last ?? ""), "\(shell): \(command)")
      }
    }
  }
}
