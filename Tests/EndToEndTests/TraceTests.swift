import Testing

/// Recordings that cannot be right, and what the sentence about each has to mention.
enum BadTrace {
  static let all: [(text: String, phrase: String)] = [
    ("second,requests\n0,1\n", "no column 'rps'"), ("second,rps\n0,1\n1,-2\n", "row 3"),
    ("second,rps\n0,1\n2,1\n", "row 3"), ("second,rps\n1,1\n0,1\n", "row 3"), ("second,rps\n0,nan\n", "row 2"),
    ("second,rps\n0\n", "row 2"), ("second,rps\n0,many\n", "row 2"), ("second,rps\n", "no rows"), ("", "no header"),
  ]
}

@Suite("A recording that cannot be right")
struct TraceTests {
  @Test("is refused by file and row before anything is written", arguments: BadTrace.all)
  func refusal(_ text: String, _ phrase: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("rates.csv", text)
    for command in [["train", "--out", "run"], ["eval", "--seeds", "1"]] {
      let result = try Program.run(command + ["--trace", "rates.csv"], in: folder)
      #expect(result.code == 1)
      #expect(result.output == "")
      let sentence = try #require(result.sentence, "\(result.errors)")
      #expect(sentence.contains("rates.csv") && sentence.contains(phrase), "\(sentence)")
    }
    #expect(folder.names == ["rates.csv"])
  }

  @Test("a good one is played")
  func good() throws {
    let folder = try TemporaryFolder()
    try folder.write("rates.csv", "second,rps\n" + (0..<20).map { "\($0),\($0 % 5)\n" }.joined())
    let result = try Program.run(
      "eval", "--trace", "rates.csv", "--policies", "static", "--seeds", "1", "--json", in: folder)
    #expect(result.code == 0, "\(result.errors)")
    #expect((try result.json as? [String: Any])?["seconds"] as? Int == 20)
  }
}
