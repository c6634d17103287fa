import Synchronization

@testable import Terminal

/// A program as the tests see it: its commands, and what it printed.
final class SampleProgram: Sendable {
  let printed = Mutex("")
  let complained = Mutex("")
  let ran = Mutex<[ParsedOptions]>([])
  private let files: [String: String]

  init(files: [String: String] = [:]) { self.files = files }

  static let algorithms = ["mdqn", "dmdqn", "ddmdqn", "ppo", "ippo", "dppo", "ddpg", "iddpg"]

  static let trainOptions =
    Option.section(
      "Learning",
      [
        .choice("algorithm", algorithms, default: "mdqn", help: "Which algorithm learns."),
        .int("episodes", default: 300, in: 1...1_000_000, help: "Episodes to train for."),
        .float("discount", default: 0.99, .atLeast(0, below: 1), help: "Discount factor."),
        .flag("debug", help: "Say more."),
        .flag("clip", default: true, help: "Clip rewards."),
      ])
    + Option.section(
      "Cluster",
      [
        .int("n_agents", default: 3, in: 1...100, help: "Agents, one per pod.", aliases: ["agents"]),
        .floats("priorities", .above(0), help: "One weight per agent."),
        .choices("workload", ["diurnal", "bursty"], default: ["diurnal"], help: "Load to train on."),
        .path("load_model", help: "Checkpoint to start from."),
        .string("note", default: "", help: "Free text."),
        .float("offset", default: 0, help: "May be negative."),
      ])

  /// `train` wants nothing, `eval` one option and files, `checkpoint inspect` one file.
  var program: Program {
    let remember: @Sendable (ParsedOptions) throws -> ExitCode = { options in
      self.ran.withLock { $0.append(options) }
      return .success
    }
    var surroundings = Program.Surroundings()
    surroundings.print = { text in self.printed.withLock { $0 += text } }
    surroundings.complain = { text in self.complained.withLock { $0 += text + "\n" } }
    surroundings.readFile = { [files] path in
      guard let text = files[path] else { throw Failure("\(path): cannot be opened: No such file or directory") }
      return text
    }
    surroundings.width = 80
    surroundings.helpStyle = .plain
    surroundings.errorStyle = .plain
    return Program(
      name: "marlise", version: "1.2.3", summary: "resizes pods",
      commands: [
        Command(
          "train", summary: "Learn a policy.", discussion: "Trains in a simulated cluster.",
          options: SampleProgram.trainOptions,
          examples: [Example("marlise train --algorithm ppo", "Train with PPO")], run: remember),
        Command(
          "eval", summary: "Compare policies.",
          arguments: [Argument("trace", .path, arity: .many, help: "Traces to replay.")],
          options: [Option.path("checkpoint", help: "The policy.").required()], run: remember),
        Command(
          "checkpoint inspect", summary: "Show a checkpoint.",
          arguments: [Argument("file", .path, help: "The checkpoint.")], run: remember),
        Command("checkpoint compare", summary: "Compare two.", run: remember),
        Command(
          "checkpoint name", summary: "Name one.", arguments: [Argument("name", arity: .optional, help: "Any text.")],
          run: remember),
        Command("fail", summary: "Fails.", run: { _ in throw Failure("run.h5: is not a checkpoint") }),
        Command(
          "wait", summary: "Waits.",
          runAsync: { _ in
            await Task.yield()
            return ExitCode(7)
          }),
      ], surroundings: surroundings)
  }

  /// The options that a line leads to.
  func options(_ line: String...) throws -> ParsedOptions {
    let parser = Parser(program: "marlise", commands: program.commands, readFile: program.surroundings.readFile)
    guard case .run(let options) = try parser.parse(line) else { throw Failure("not a run") }
    return options
  }

  /// The sentence with which a line is refused; nil when it is accepted.
  func refusal(_ line: [String]) -> String? {
    let parser = Parser(program: "marlise", commands: program.commands, readFile: program.surroundings.readFile)
    do {
      _ = try parser.parse(line)
      return nil
    } catch { return "\(error)" }
  }

  /// The sentence with which the file of `train --config` is refused.
  static func refusal(ofFile text: String) -> String? {
    SampleProgram(files: ["t.yaml": text]).refusal(["train", "--config", "t.yaml"])
  }
}
