import Testing

@testable import Terminal

@Suite("A command run by another one")
struct CommandTokensTests {
  private let command = Command(
    "train", summary: "Learn.",
    arguments: [Argument("file", .path, arity: .optional, isConfiguration: true, help: "The configuration.")],
    options: SampleProgram.trainOptions, run: { _ in .success })

  @Test("settings become words of a command line, and those become options")
  func words() throws {
    #expect(try command.tokens(setting: "n-agents", to: "2") == ["--n_agents=2"])
    #expect(try command.tokens(setting: "priorities", to: "1:0.5") == ["--priorities", "1", "0.5"])
    let options = try command.options(
      command.tokens(setting: "priorities", to: "1:0.5") + command.tokens(setting: "debug", to: "true")
        + command.tokens(setting: "offset", to: "-3"))
    #expect(options.floats("priorities") == [1, 0.5] && options.flag("debug") && options.float("offset") == -3)
  }

  @Test("what is no option, and what is no value, is refused")
  func refused() throws {
    #expect(throws: CommandLineError("'n_agnts' is no option of 'train'; did you mean 'n_agents'?")) {
      try Command(
        "train", summary: "", options: [.int("n_agents", help: "", aliases: ["agents"])], run: { _ in .success }
      )
      .tokens(setting: "n_agnts", to: "2")
    }
    #expect(throws: CommandLineError.self) { try command.tokens(setting: "config", to: "x.yaml") }
    #expect(throws: CommandLineError.self) { try command.options(["--episodes=none"]) }
    #expect(throws: CommandLineError.self) { try command.options(["--help"]) }
  }

  @Test("a configuration file may be named without --config, but not twice")
  func file() throws {
    let parser = Parser(program: "marlise", commands: [command], readFile: { _ in "episodes: 7\n" })
    guard case .run(let options) = try parser.parse(["train", "a.yaml", "--n_agents", "2"]) else {
      Issue.record("does not run")
      return
    }
    #expect(options.int("episodes") == 7 && options.int("n_agents") == 2)
    #expect(throws: CommandLineError("'a.yaml' and --config are both given; expected one of them")) {
      try parser.parse(["train", "a.yaml", "--config", "b.yaml"])
    }
  }

  @Test("keys can be left out of a configuration")
  func leavingOut() throws {
    let yaml = try command.options([]).yaml(leavingOut: ["episodes", "n_agents"])
    #expect(!yaml.contains("episodes:") && !yaml.contains("n_agents:") && yaml.contains("discount: 0.99"))
  }
}
