import Glibc

/// A program with subcommands: reads the command line, runs the command, prints errors, returns the exit code.
///
///     @main struct Marlise {
///       static func main() async { exit(await Program(…, commands: [train, eval]).run()) }
///     }
public struct Program: Sendable {
  public let name: String
  public let version: String
  public let summary: String
  public let commands: [Command]
  let surroundings: Surroundings

  /// What a program touches besides its commands; another one in a test.
  struct Surroundings: Sendable {
    var print: @Sendable (String) throws -> Void = { try Output.standardOutput.write($0) }
    var complain: @Sendable (String) -> Void = { Screen.standardError.line($0) }
    var readFile: @Sendable (String) throws -> String = { try TextFile.read($0) }
    var width: Int = TerminalSize.columns(of: 1) ?? 80
    var helpStyle = Style.detect(descriptor: 1)
    var errorStyle = Style.detect(descriptor: 2)
  }

  public init(name: String, version: String, summary: String, commands: [Command]) {
    self.init(name: name, version: version, summary: summary, commands: commands, surroundings: Surroundings())
  }

  init(name: String, version: String, summary: String, commands: [Command], surroundings: Surroundings) {
    self.name = name
    self.version = version
    self.summary = summary
    self.commands = commands + Program.ownCommands(name)
    self.surroundings = surroundings
    precondition(
      Set(self.commands.map(\.name)).count == self.commands.count, "two commands of \(name) have the same name")
  }

  /// Runs what the arguments ask for; a synchronous command on the caller's thread.
  ///
  /// - `arguments`: without the program's name.
  /// - Returns: 0, what the command returned, 1 for an error, 2 for a wrong command line.
  public func run(
    _ arguments: [String] = Array(Swift.CommandLine.arguments.dropFirst()),
    isolation: isolated (any Actor)? = #isolation
  ) async -> Int32 {
    // A reader that has seen enough (`marlise … | head`) ends us quietly, also below a parent that ignores the signal.
    signal(SIGPIPE, SIG_DFL)
    var code: ExitCode
    do {
      code = try await perform(arguments)
    } catch let error as CommandLineError {
      complain(error)
      code = .usage
    } catch is CancellationError where Interruption.requested {
      code = .finished
    } catch {
      complain(error)
      code = .failure
    }
    // What `print` still holds back must reach its reader, and a full disk must not pass for success.
    if fflush(nil) != 0, code == .success {
      complain(Failure("cannot write to standard output: \(SystemError.text(errno))"))
      code = .failure
    }
    return code.value
  }

  private func perform(_ arguments: [String], isolation: isolated (any Actor)? = #isolation) async throws -> ExitCode {
    let parser = Parser(program: name, commands: commands, readFile: surroundings.readFile)
    switch try parser.parse(arguments) {
    case .overview: try surroundings.print(help.overview())
    case .version: try surroundings.print("\(name) \(version)\n")
    case .help(let command): try surroundings.print(help.command(command))
    case .groupHelp(let group): try surroundings.print(help.group(group))
    case .printConfiguration(let options): try surroundings.print(options.yaml(program: name))
    case .run(let options):
      switch options.command.name {
      case "completion":
        let shell = options.argument("shell")
        try surroundings.print(Completion.script(shell, program: name, commands: commands))
      case "manual":
        try surroundings.print(ManualPage.page(program: name, version: version, summary: summary, commands: commands))
      default:
        do {
          switch options.command.body {
          case .synchronous(let body): return try body(options)
          case .asynchronous(let body): return try await body(options)
          }
        } catch  where Log.isWantedAsJSON(options) && !(error is CancellationError) {
          // Who reads the log by machine must be able to read its last line, too.
          Log(format: .json, sink: surroundings.complain).error("\(error)")
          return error is CommandLineError ? .usage : .failure
        }
      }
    }
    return .success
  }

  private var help: Help {
    Help(
      program: name, version: version, summary: summary, commands: commands,
      width: max(40, min(surroundings.width, 100)), style: surroundings.helpStyle)
  }

  private func complain(_ error: any Error) {
    surroundings.complain(surroundings.errorStyle.red("error:") + " \(error)")
  }

  /// The commands that explain the others. Their bodies are in `perform`, which knows the table.
  private static func ownCommands(_ program: String) -> [Command] {
    [
      Command(
        "completion", summary: "Print the completion script of a shell.",
        arguments: [Argument("shell", .choice(Completion.shells), help: "bash, zsh or fish.")],
        examples: [
          Example("eval \"$(\(program) completion bash)\"", "bash, in ~/.bashrc"),
          Example("\(program) completion fish | source", "fish"),
        ], run: { _ in .success }),
      Command(
        "manual", summary: "Print the manual page.",
        examples: [Example("\(program) manual | man -l -", "Read it")], run: { _ in .success }),
    ]
  }
}
