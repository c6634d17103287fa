import Foundation
import Testing

@Suite("Cards")
struct CardTests {
  /// A folder with a trained policy and its evaluation.
  private func shipped() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    #expect(try Program.run(["train", "--out", "run"] + JourneyTests.tiny, in: folder).code == 0)
    try FileManager.default.moveItem(atPath: folder.path("run/best.h5"), toPath: folder.path("mine.h5"))
    let evaluation = try Program.run(
      "eval", "--policies", "static", "threshold", "mine=mine.h5", "--workload", "diurnal", "bursty", "--n-agents", "2",
      "--seeds", "2", "--duration", "10", "--json", in: folder)
    #expect(evaluation.code == 0, "\(evaluation.errors)")
    try folder.write("mine.json", evaluation.output)
    return folder
  }

  @Test("a card has the numbers of its evaluation, and keeps what is written between them")
  func card() throws {
    let folder = try shipped()
    let result = try Program.run("checkpoint", "card", "mine.md", in: folder)
    #expect(result.code == 0, "\(result.errors)")
    let card = try folder.text("mine.md")
    #expect(card.hasPrefix("# mine\n"))
    for part in [
      "`mdqn`", "* **diurnal**: `mine` allocates", "* **bursty**", "| policy ", "CPU at equal P99",
      "after 20 pod-seconds",
    ] {
      #expect(card.contains(part), "\(part)")
    }
    let means = try #require(
      ((try JSONSerialization.jsonObject(with: Data(folder.text("mine.json").utf8)) as? [String: Any])?["evaluations"]
        as? [[String: Any]])?.first?["policies"] as? [[String: Any]])
    let p99 = try #require(((means[0]["estimates"] as? [String: Any])?["p99"] as? [String: Double])?["mean"])
    #expect(card.contains(String(format: "%.1f", p99)))

    try folder.write("mine.md", card.replacingOccurrences(of: "## How", with: "It was written by hand.\n\n## How"))
    #expect(try Program.run("checkpoint", "card", "--check", "mine.md", in: folder).code == 0)
    let other = try Program.run(
      "eval", "--policies", "threshold", "mine=mine.h5", "--n-agents", "2", "--seeds", "3", "--duration", "10",
      "--json",
      in: folder)
    try folder.write("mine.json", other.output)
    let stale = try Program.run("checkpoint", "card", "--check", "mine.md", in: folder)
    #expect(stale.code == 1)
    #expect(try #require(stale.sentence).hasPrefix("mine.md: the numbers are not those"))
    #expect(try Program.run("checkpoint", "card", "mine.md", in: folder).code == 0)
    #expect(try folder.text("mine.md").contains("It was written by hand."))
    #expect(!(try folder.text("mine.md").contains("bursty")))
    #expect(try Program.run("checkpoint", "card", "--check", "mine.md", in: folder).code == 0)
  }

  @Test(
    "what cannot be filled is refused with file and line",
    arguments: [
      ("<!-- numbers: table * none.json -->\n<!-- end of numbers -->\n", "none.json cannot be read"),
      ("<!-- numbers: table * card.md -->\n<!-- end of numbers -->\n", "is no evaluation of this format"),
      ("<!-- numbers: tables -->\n<!-- end of numbers -->\n", "is no block"),
      ("<!-- numbers: table * a.json -->\n", "cannot be read"), ("<!-- end of numbers -->\n", "ends no block"),
    ])
  func refusals(text: String, expected: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("card.md", text)
    let result = try Program.run("checkpoint", "card", "card.md", in: folder)
    #expect(result.code == 1)
    let sentence = try #require(result.sentence)
    #expect(sentence.hasPrefix("card.md:1: ") && sentence.contains(expected), "\(sentence)")
    #expect(try folder.text("card.md") == text)
  }

  @Test("a brief evaluation has what a document quotes")
  func brief() throws {
    let folder = try TemporaryFolder()
    let words = [
      "eval", "--policies", "static", "--sweep", "k8s-cpu-fast:target=0.3,0.5,0.9", "--seeds", "2", "--duration", "30",
      "--json",
    ]
    let whole = try Program.run(words, in: folder)
    let brief = try Program.run(words + ["--brief"], in: folder)
    #expect(brief.code == 0 && brief.output.utf8.count < whole.output.utf8.count)
    try folder.write("a.json", brief.output)
    try folder.write("card.md", "<!-- numbers: equal-p99 a.json -->\n<!-- end of numbers -->\n")
    #expect(try Program.run("checkpoint", "card", "card.md", in: folder).code == 0)
    #expect(try folder.text("card.md").contains("k8s-cpu-fast"))
  }
}

/// The documents that come with the checkpoints.
@Suite("Shipped cards")
struct ShippedCardTests {
  @Test("their numbers are those of the evaluations beside them")
  func check() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let folder = root.appendingPathComponent("checkpoints")
    let cards = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".md") }
      .map { folder.appendingPathComponent($0).path }
    let result = try Program.run(
      ["checkpoint", "card", "--check"] + cards.sorted() + [root.appendingPathComponent("README.md").path])
    #expect(result.code == 0, "\(result.errors)")
  }
}
