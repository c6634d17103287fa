import Testing

@testable import Terminal

@Suite("Command line")
struct ParserTests {
  let sample = SampleProgram()

  @Test("an option that is not given has its default")
  func defaults() throws {
    let options = try sample.options("train")
    #expect(options.string("algorithm") == "mdqn")
    #expect(options.int("episodes") == 300)
    #expect(options.float("discount") == 0.99)
    #expect(options.flag("debug") == false)
    #expect(options.flag("clip"))
    #expect(options.floats("priorities") == [])
    #expect(options.strings("workload") == ["diurnal"])
    #expect(options.optionalString("load_model") == nil)
    #expect(!options.wasGiven("episodes"))
  }

  @Test(
    "one option, several spellings",
    arguments: [
      ["--n_agents", "5"], ["--n-agents", "5"], ["--n_agents=5"], ["--n-agents=5"], ["--agents", "5"],
    ])
  func spellings(_ tokens: [String]) throws {
    let parser = Parser(program: "marlise", commands: sample.program.commands, readFile: { _ in "" })
    guard case .run(let options) = try parser.parse(["train"] + tokens) else {
      Issue.record("not a run")
      return
    }
    #expect(options.int("n_agents") == 5)
    #expect(options.wasGiven("n-agents"))
  }

  @Test("flags are switched on, off, and by value")
  func flags() throws {
    #expect(try sample.options("train", "--debug").flag("debug"))
    #expect(try sample.options("train", "--no-clip").flag("clip") == false)
    #expect(try sample.options("train", "--clip=false").flag("clip") == false)
    #expect(sample.refusal(["train", "--debug=1"]) == "--debug takes no value: write --debug or --no-debug")
  }

  @Test(
    "whole numbers", arguments: [("12", 12), ("1e3", 1000), ("2.0", 2), ("1000000", 1_000_000)])
  func wholeNumbers(_ text: String, _ value: Int) throws {
    #expect(try sample.options("train", "--episodes", text).int("episodes") == value)
  }

  @Test("a number below zero is a value, not an option", arguments: ["-1.5", "-.5e1", "-2"])
  func negativeNumbers(_ text: String) throws {
    #expect(try sample.options("train", "--offset", text).float("offset") == Double(text))
  }

  @Test("a list ends at the next option and may be written with commas")
  func lists() throws {
    #expect(
      try sample.options("train", "--priorities", "1", "0.5", "2", "--debug").floats("priorities") == [1, 0.5, 2])
    #expect(try sample.options("train", "--priorities=1,0.5,2").floats("priorities") == [1, 0.5, 2])
    #expect(try sample.options("train", "--priorities", "1,0.5", "2").floats("priorities") == [1, 0.5, 2])
    #expect(
      try sample.options("train", "--workload", "bursty", "diurnal").strings("workload") == ["bursty", "diurnal"])
  }

  @Test("arguments are what is left, and everything behind --")
  func arguments() throws {
    let options = try sample.options("eval", "a.csv", "--checkpoint", "x.h5", "--", "--odd.csv")
    #expect(options.arguments("trace") == ["a.csv", "--odd.csv"])
    #expect(options.string("checkpoint") == "x.h5")
    #expect(try sample.options("checkpoint", "inspect", "-").argument("file") == "-")
    #expect(try sample.options("checkpoint", "name", "").argument("name") == "")
    #expect(try sample.options("checkpoint", "name").optionalArgument("name") == nil)
  }

  @Test(
    "refusals",
    arguments: [
      (
        ["train", "--algorithm", "dpg"],
        "unknown algorithm 'dpg' for --algorithm; did you mean 'ddpg'?   (mdqn dmdqn ddmdqn ppo ippo dppo ddpg iddpg)"
      ),
      (
        ["train", "--algorithm", "sarsa"],
        "unknown algorithm 'sarsa' for --algorithm   (mdqn dmdqn ddmdqn ppo ippo dppo ddpg iddpg)"
      ),
      (["train", "--episods", "3"], "unknown option '--episods' for 'marlise train'; did you mean '--episodes'?"),
      (["train", "--episdoes=3"], "unknown option '--episdoes' for 'marlise train'; did you mean '--episodes'?"),
      (["train", "--prio", "3"], "unknown option '--prio' for 'marlise train'; did you mean '--priorities'?"),
      (["train", "-debug"], "unknown option '-debug' for 'marlise train'; did you mean '--debug'?"),
      (["train", "--zebra"], "unknown option '--zebra' for 'marlise train' (see 'marlise train --help')"),
      (["train", "--episodes", "many"], "--episodes is 'many'; expected a whole number between 1 and 1000000"),
      (["train", "--episodes", "0"], "--episodes is '0'; expected a whole number between 1 and 1000000"),
      (["train", "--episodes", "1.5"], "--episodes is '1.5'; expected a whole number between 1 and 1000000"),
      (
        ["train", "--episodes", "99999999999999999999"],
        "--episodes is '99999999999999999999'; expected a whole number between 1 and 1000000"
      ),
      (["train", "--episodes"], "--episodes needs a value: a whole number between 1 and 1000000"),
      (["train", "--episodes", "--debug"], "--episodes needs a value: a whole number between 1 and 1000000"),
      (["train", "--discount", "1"], "--discount is '1'; expected a number, at least 0 and below 1"),
      (["train", "--discount", "nan"], "--discount is 'nan'; expected a number, at least 0 and below 1"),
      (["train", "--discount", "0x1p-1"], "--discount is '0x1p-1'; expected a number, at least 0 and below 1"),
      (["train", "--priorities"], "--priorities needs at least one value: a number, above 0"),
      (["train", "--priorities", "1", "x"], "--priorities is 'x'; expected a number, above 0"),
      (["train", "--load_model="], "--load_model is ''; expected a path"),
      (["train", "--n_agents", "1", "--n-agents", "2"], "--n_agents is given twice"),
      (["train", "--clip", "--no-clip"], "--clip is given twice"),
      (["train", "extra"], "unexpected argument 'extra' (see 'marlise train --help')"),
      (["train", "--\u{1b}[31m"], "unknown option '--\\u{1b}[31m' for 'marlise train' (see 'marlise train --help')"),
      (["eval", "a.csv"], "'marlise eval' needs --checkpoint FILE (see 'marlise eval --help')"),
      (["eval", "--checkpoint", "a"], "'marlise eval' needs TRACE... (see 'marlise eval --help')"),
      (["trian"], "unknown command 'trian'; did you mean 'train'?"),
      (["zzz"], "unknown command 'zzz' (see 'marlise --help')"),
      (["checkpoint"], "'marlise checkpoint' needs one of inspect, compare, name (see 'marlise checkpoint --help')"),
      (
        ["checkpoint", "inspct", "a"],
        "unknown command 'checkpoint inspct'; did you mean 'inspect'?   (inspect compare name)"
      ),
      (["--verion"], "unknown option '--verion'; did you mean '--version'?"),
      ([], "no command given (see 'marlise --help')"),
    ] as [([String], String)])
  func refusals(_ tokens: [String], _ sentence: String) {
    #expect(sample.refusal(tokens) == sentence)
  }

  @Test("any tokens are either understood or refused, never a crash", arguments: 0..<200)
  func anything(seed: Int) {
    // A small multiplicative generator is enough to shuffle tokens.
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    func next(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    let pieces = [
      "train", "eval", "checkpoint", "inspect", "--", "-", "--episodes", "-1", "1e400", "9e99", "--priorities", ",",
      "=",
      "--=", "--no-", "--no-clip", "--clip=", "--config", "t.yaml", "é", "", "--load_model", "-h", "---", "--offset=-0",
      "--n_agents=9223372036854775808", "--workload", "bursty,,diurnal", "help",
    ]
    _ = sample.refusal((0..<next(6)).map { _ in pieces[next(pieces.count)] })
  }

  @Test("settings are read once into a type, and refuse what does not fit together")
  func settings() throws {
    struct Settings: CommandSettings {
      static let options = SampleProgram.trainOptions
      let agentCount: Int
      let priorities: [Double]

      init(_ options: ParsedOptions) throws {
        agentCount = options.int("n_agents")
        priorities = options.floats("priorities")
        if !priorities.isEmpty, priorities.count != agentCount {
          throw options.rejection(
            "priorities", "has \(priorities.count) values; expected one per agent (\(agentCount))")
        }
      }
    }
    #expect(try Settings(sample.options("train", "--priorities", "1", "2", "3")).priorities == [1, 2, 3])
    #expect(throws: CommandLineError("--priorities has 1 values; expected one per agent (3)")) {
      try Settings(sample.options("train", "--priorities", "1"))
    }
    let withFile = SampleProgram(files: ["t.yaml": "priorities: [1]\n"])
    #expect(throws: Failure("t.yaml:1:13: priorities has 1 values; expected one per agent (3)")) {
      try Settings(withFile.options("train", "--config", "t.yaml"))
    }
  }

  @Test(
    "suggestions are near, and for short words nearer",
    arguments: [
      ("ppp", "ppo"), ("dqpg", "ddpg"), ("PPO", "ppo"), ("x", nil), ("iddgp", "iddpg"), ("completely", nil),
    ] as [(String, String?)])
  func suggestions(_ typed: String, _ expected: String?) {
    #expect(Suggestion.nearest(typed, among: SampleProgram.algorithms) == expected)
  }

  @Test(
    "edits: insert, delete, replace and swap count one",
    arguments: [
      ("", "", 0), ("ab", "ba", 1), ("abc", "ac", 1), ("abc", "abxc", 1), ("abc", "axc", 1), ("ca", "abc", 3),
    ])
  func editDistance(_ a: String, _ b: String, _ distance: Int) {
    #expect(Suggestion.editDistance(Array(a), Array(b)) == distance)
    #expect(Suggestion.editDistance(Array(b), Array(a)) == distance)
  }
}
