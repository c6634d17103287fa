import Testing

@testable import Training

@Suite("Sweep")
struct SweepTests {
  private func axes(_ texts: String...) throws -> [SweepAxis] { try texts.map { try SweepAxis($0) } }

  @Test("an axis is a key with values or a range")
  func axis() throws {
    #expect(try SweepAxis("learning-rate=0.1,1e-3") == SweepAxis("learning_rate=0.1,1e-3"))
    #expect(try SweepAxis("hidden=64:64,128").values == .list(["64:64", "128"]))
    #expect(
      try SweepAxis("clip=0.1..0.3").values == .range(from: 0.1, to: 0.3, isLogarithmic: false, isWhole: false))
    #expect(
      try SweepAxis("memory=100..1000:log").values == .range(from: 100, to: 1000, isLogarithmic: true, isWhole: true))
    #expect(SweepAxis.joined(["a=1", "2", "b=3"]) == ["a=1,2", "b=3"])
  }

  @Test(
    "what is no axis is refused",
    arguments: ["a", "=1", "a=", "a=1,,2", "a=1,1", "a=1..", "a=2..1", "a=1..x", "a=0..1:log", "a=1..inf"])
  func badAxis(text: String) {
    #expect(throws: TrainingError.self) { try SweepAxis(text) }
  }

  @Test("a grid has every combination; a range is nothing for it, and millions are refused")
  func grid() throws {
    #expect(
      try SweepSpace.grid(axes("a=1,2", "b=x,y,z"))
        == [["1", "x"], ["1", "y"], ["1", "z"], ["2", "x"], ["2", "y"], ["2", "z"]])
    #expect(throws: TrainingError.self) { try SweepSpace.grid(axes("a=1..2")) }
    let ten = (0..<10).map { "\($0)" }.joined(separator: ",")
    #expect(throws: TrainingError.self) {
      try SweepSpace.grid(axes("a=\(ten)", "b=\(ten)", "c=\(ten)", "d=\(ten)", "e=\(ten)"))
    }
  }

  @Test("drawn settings are different, within their ranges, and more of them begin with the same ones")
  func draws() throws {
    let axes = try axes("a=1e-4..1e-2:log", "b=2..5", "c=x,y")
    let ten = SweepSpace.draws(axes, count: 10, seed: 3)
    #expect(ten.count == 10 && Set(ten).count == 10)
    #expect(SweepSpace.draws(axes, count: 20, seed: 3).prefix(10) == ten[...])
    #expect(SweepSpace.draws(axes, count: 10, seed: 4) != ten)
    for setting in ten {
      #expect((1e-4...1e-2).contains(Double(setting[0]) ?? 0))
      #expect((2...5).contains(Int(setting[1]) ?? 0))
      #expect(["x", "y"].contains(setting[2]))
    }
    // There are only two.
    #expect(try SweepSpace.draws([SweepAxis("c=x,y")], count: 10, seed: 3).count == 2)
  }

  @Test("the best mean comes first, and whoever fails for a seed behind all who do not")
  func ranking() throws {
    func finished(_ score: Double) -> SweepRanking.Outcome {
      .finished(score: score, bestEpisode: 10, episodes: 20, stoppedEarly: false)
    }
    let ranking = SweepRanking([
      SweepRanking.Entry(values: ["a"], outcomes: [finished(-2), finished(-4)]),
      SweepRanking.Entry(values: ["b"], outcomes: [.failed("no"), .failed("no")]),
      SweepRanking.Entry(values: ["c"], outcomes: [finished(9), .failed("no")]),
      SweepRanking.Entry(values: ["d"], outcomes: [finished(-1), finished(-1)]),
      SweepRanking.Entry(values: ["e"], outcomes: [finished(.nan), finished(-1)]),
    ])
    #expect(ranking.entries.map { $0.values[0] } == ["d", "a", "c", "e", "b"])
    let second = ranking.entries[1]
    #expect(second.mean == -3 && second.deviation == 2.0.squareRoot())
    #expect(ranking.entries[4].mean == nil && ranking.entries[4].failures == ["no"])
  }
}
