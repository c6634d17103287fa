import Testing

@testable import Terminal

@Suite("Configuration file")
struct ConfigurationTests {
  @Test("flag over file over default")
  func precedence() throws {
    let sample = SampleProgram(files: [
      "t.yaml": "episodes: 20\nn-agents: 7\nclip: false\nworkload: [bursty, diurnal]\n"
    ])
    let options = try sample.options("train", "--config", "t.yaml", "--episodes", "9", "--clip")
    #expect(options.int("episodes") == 9)
    #expect(options.source("episodes") == .commandLine)
    #expect(options.int("n_agents") == 7)
    #expect(options.source("n_agents") == .file(path: "t.yaml", line: 2, column: 11))
    #expect(options.flag("clip"))
    #expect(options.strings("workload") == ["bursty", "diurnal"])
    #expect(options.source("discount") == .default)
  }

  @Test(
    "an empty file sets nothing, and neither does null", arguments: ["", "# nothing\n", "---\n", "load_model: ~\n"])
  func nothing(_ text: String) throws {
    let options = try SampleProgram(files: ["t.yaml": text]).options("train", "--config", "t.yaml")
    #expect(options.optionalString("load_model") == nil)
  }

  @Test(
    "refusals name the place, the key and what was expected",
    arguments: [
      ("episods: 3", "t.yaml:1:1: unknown key 'episods' for 'marlise train'; did you mean 'episodes'?"),
      ("zebra: 3", "t.yaml:1:1: unknown key 'zebra' for 'marlise train' (see 'marlise train --print-config')"),
      (
        "config: other.yaml",
        "t.yaml:1:1: unknown key 'config' for 'marlise train' (see 'marlise train --print-config')"
      ),
      ("\nepisodes: many", "t.yaml:2:11: episodes is 'many'; expected a whole number between 1 and 1000000"),
      ("episodes: '3'", "t.yaml:1:11: episodes is a text in quotes; expected a whole number between 1 and 1000000"),
      ("episodes: [3]", "t.yaml:1:11: episodes is a list; expected a whole number between 1 and 1000000"),
      ("note: {a: 1}", "t.yaml:1:7: note is a section; expected a text"),
      ("debug: yes", "t.yaml:1:8: debug is 'yes'; expected true or false"),
      ("debug: 'true'", "t.yaml:1:8: debug is 'true'; expected true or false"),
      ("priorities: 1", "t.yaml:1:13: priorities is '1'; expected a list such as [a, b], each a number, above 0"),
      ("priorities:\n  - 1\n  - -2", "t.yaml:3:5: priorities is '-2'; expected a number, above 0"),
      (
        "priorities: [1, ]\nworkload: [bursti]",
        "t.yaml:2:12: unknown workload 'bursti' for workload; did you mean 'bursty'?   (diurnal bursty)"
      ),
      ("priorities: [~]", "t.yaml:1:14: priorities is empty; expected a number, above 0"),
      ("n_agents: 1\nn-agents: 2", "t.yaml:2:1: n_agents is given twice, first on line 1"),
      ("- 1", "t.yaml:1:1: the file holds a list; expected keys and values"),
      ("episodes: !big 3", "t.yaml:1:11: the tag '!big' is not understood here"),
    ])
  func refusals(_ text: String, _ sentence: String) {
    #expect(SampleProgram.refusal(ofFile: text) == sentence)
  }

  @Test("a file that cannot be opened is a failure of the run, not of the command line")
  func missing() async {
    let sample = SampleProgram()
    #expect(await sample.program.run(["train", "--config", "none.yaml"]) == 1)
    #expect(
      sample.complained.withLock { $0 } == "error: none.yaml: cannot be opened: No such file or directory\n")
  }

  @Test("--print-config prints what is in force")
  func printed() async {
    let sample = SampleProgram()
    let code = await sample.program.run(
      ["train", "--print-config", "--n-agents", "2", "--priorities", "1", "0.25", "--note", "it's 5: \"x\"\n"])
    #expect(code == 0)
    #expect(
      sample.printed.withLock { $0 } == """
        # marlise train

        # Learning
        algorithm: mdqn
        episodes: 300
        discount: 0.99
        debug: false
        clip: true

        # Cluster
        n_agents: 2
        priorities: [1.0, 0.25]
        workload: [diurnal]
        # load_model:
        note: "it's 5: \\"x\\"\\n"
        offset: 0.0

        """)
  }

  @Test(
    "what --print-config prints, --config accepts and prints again",
    arguments: [
      "", "true", "null", "~", "5", "- a", "a: b", "#x", "äö 漢字 🙂", "tab\tnewline\n", "\u{7f}\u{85}\u{2028}\u{1}", "'",
      "\\", "y",
      "  blanks  ", "0x1F", "1e5", "@", "%", "*a", "&a", "!t", "[", "{", "\u{feff}bom",
    ])
  func roundTrip(_ note: String) throws {
    let first = try SampleProgram().options(
      "train", "--note=\(note)", "--offset", "-1e-7", "--discount", "0.1", "--load_model", "a b/c.h5", "--no-clip",
      "--priorities", "1e30", "3")
    let text = first.yaml()
    let second = try SampleProgram(files: ["t.yaml": text]).options("train", "--config", "t.yaml")
    #expect(second.yaml() == text)
    #expect(second.string("note") == note)
    #expect(second.float("offset") == -1e-7)
  }

  @Test("the configuration is also one JSON object, for metadata")
  func json() throws {
    let options = try SampleProgram().options("train", "--priorities", "2")
    #expect(
      options.json == """
        {"algorithm": "mdqn", "episodes": 300, "discount": 0.99, "debug": false, "clip": true, "n_agents": 3, \
        "priorities": [2.0], "workload": ["diurnal"], "note": "", "offset": 0.0}
        """)
  }
}

@Suite("YAML")
struct YAMLTests {
  private func refusal(_ text: String) -> String? {
    do {
      _ = try YAMLReader.parse(text, file: "f")
      return nil
    } catch { return "\(error)" }
  }

  @Test("a tree with places")
  func tree() throws {
    let root = try #require(try YAMLReader.parse("a: 1\nb:\n  - x\n  - 'y'\nc: {d: &n true, e: *n}\n", file: "f"))
    #expect(root["a"]?.plain == "1")
    #expect(root["b"]?.items?.map(\.text) == ["x", "y"])
    #expect(root["b"]?.items?.last?.plain == nil)
    #expect(root["c"]?["e"]?.bool == true)
    #expect(try YAMLReader.parse("!!str 5", file: "f")?.plain == nil)
    #expect(root["b"]?.items?.last?.line == 4)
    #expect(root["b"]?.items?.last?.column == 5)
  }

  @Test(
    "what is refused",
    arguments: [
      ("a: 1\na: 2", "f:2:1: a is given twice, first on line 1"),
      ("x:\n  a: 1\n  'a': 2", "f:3:3: a is given twice, first on line 2"),
      ("[1]: 2", "f:1:1: a key is a list; expected a name"),
      ("a: 1\n---\nb: 2", "f:2:1: a second document begins here; expected one"),
      ("a: [1", "f:2:1: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence"),
      ("a: *nobody", "f:1:4: the alias *nobody stands for nothing above it"),
      ("&a [*a]", "f:1:5: the alias *a stands for nothing above it"),
    ])
  func refused(_ text: String, _ sentence: String) {
    #expect(refusal(text) == sentence)
  }

  @Test("deep nesting and alias bombs end in a sentence")
  func bombs() throws {
    #expect(refusal(String(repeating: "[", count: 100_000)) == "f:1:34: nested more than 32 deep")
    let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
    #expect(refusal(deep)?.hasSuffix("nested more than 32 deep") == true)
    var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      bomb += "a\(level): &a\(level) [\(aliases)]\n"
    }
    #expect(refusal(bomb)?.hasSuffix("more than 20000 values (aliases count each time)") == true)
  }

  @Test("any bytes end in a tree or a sentence", arguments: 0..<200)
  func anything(seed: Int) {
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    let pieces = [
      "a", ": ", "\n", "- ", "[", "]", "{", "}", "&x ", "*x", "'", "\"", "|", "!t ", "\t", "\0", "?", "%", "é", "  ",
    ]
    let text = (0..<40).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return pieces[Int(state >> 33) % pieces.count]
    }.joined()
    _ = refusal(text)
  }
}
