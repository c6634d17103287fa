import Testing

@testable import Evaluation

@Suite("CPU at equal P99")
struct PolicyFrontTests {
  /// A setting whose runs have these P99s (seconds) and allocations (core-seconds).
  static func result(_ name: String, family: String, p99: [Double], cpu: [Double]) -> PolicyResult {
    PolicyResult(
      name: name, family: family,
      runs: zip(p99, cpu).map {
        var run = RolloutMetrics()
        (run.p99, run.allocatedCoreSeconds) = ($0, $1)
        return run
      })
  }

  private static let slow = result("slow", family: "a", p99: [0.4, 0.4], cpu: [10, 20])
  private static let middle = result("middle", family: "a", p99: [0.2, 0.2], cpu: [20, 40])
  private static let fast = result("fast", family: "a", p99: [0.1, 0.1], cpu: [40, 80])
  private static let poor = result("poor", family: "a", p99: [0.3, 0.3], cpu: [21, 41])
  private let front = PolicyFront(family: "a", of: [slow, poor, fast, middle])

  @Test("the front holds the settings that no other beats in both, fastest first")
  func settings() {
    #expect(front.settings.map(\.name) == ["fast", "middle", "slow"])
  }

  @Test(
    "the cheapest setting within the goal", arguments: [(0.5, "slow"), (0.4, "slow"), (0.39, "middle"), (0.1, "fast")])
  func cheapest(slo: Double, name: String) {
    #expect(front.cheapest(meeting: slo)?.name == name)
  }

  @Test("a policy that never keeps the goal has no cheapest setting")
  func none() {
    #expect(front.cheapest(meeting: 0.05) == nil)
  }

  @Test("between two settings CPU is interpolated in the logarithm of P99, for every seed")
  func interpolation() throws {
    // 0.1 · √2 lies half way between 0.1 and 0.2.
    let half = try #require(front.allocated(atP99: 0.1 * 2.0.squareRoot()))
    #expect(abs(half[0] - 30) < 1e-9 && abs(half[1] - 60) < 1e-9)
    #expect(front.allocated(atP99: 0.1) == [40, 80])
    #expect(front.allocated(atP99: 0.2) == [20, 40])
    #expect(front.allocated(atP99: 1) == [10, 20])
    #expect(front.allocated(atP99: 0.09) == nil)
  }

  @Test("policies are compared seed by seed, within the goal and where they are equally fast")
  func comparison() throws {
    let mine = Self.result("mine", family: "m", p99: [0.2, 0.2], cpu: [16, 32])
    let subject = PolicyFront(family: "m", of: [mine])
    let both = try #require(EqualP99(subject, against: front, slo: 0.5))
    #expect(both.meetsSLO)
    // Within the goal the other may be as slow as 0.4 s: 10 and 20. At 0.2 s it needs 20 and 40.
    #expect(abs(try #require(both.atSLO).mean - 0.6) < 1e-9)
    #expect(abs(try #require(both.atEqualP99).mean + 0.2) < 1e-9)
    #expect(try #require(both.atEqualP99).isSignificant)
  }

  @Test("what misses the goal in one run is marked and not compared within it, even where its mean keeps it")
  func missed() throws {
    let mine = Self.result("mine", family: "m", p99: [0.3, 0.36], cpu: [16, 32])
    #expect(mine.missedRuns(0.35) == 1)
    #expect(!mine.meets(0.35))
    let comparison = try #require(EqualP99(PolicyFront(family: "m", of: [mine]), against: front, slo: 0.35))
    #expect(!comparison.meetsSLO)
    #expect(comparison.atSLO == nil)
    #expect(comparison.atEqualP99 != nil)
    let faster = PolicyFront(family: "f", of: [Self.result("f", family: "f", p99: [0.01, 0.01], cpu: [90, 90])])
    #expect(try #require(EqualP99(faster, against: front, slo: 0.35)).atEqualP99 == nil)
  }

  @Test("families keep the order in which they come")
  func families() {
    let other = Self.result("x", family: "b", p99: [1], cpu: [1])
    #expect(PolicyFront.all(of: [Self.slow, other, Self.fast]).map(\.family) == ["a", "b"])
  }
}

@Suite("Paired differences")
struct PairedDifferenceTests {
  @Test("equal differences have an interval without width")
  func certain() {
    let difference = PairedDifference(of: [-0.25, -0.25, -0.25])
    #expect(
      [difference.mean, difference.low, difference.high, difference.interquartileMean] == [-0.25, -0.25, -0.25, -0.25])
    #expect(difference.isSignificant)
  }

  @Test("the interval is about two standard errors to both sides, and the same every time")
  func interval() {
    let values = (0..<40).map { Double($0 % 2 == 0 ? 1 : 3) }
    let difference = PairedDifference(of: values)
    // Standard deviation 1, standard error 0.158.
    #expect(abs(difference.mean - 2) < 1e-12)
    #expect(abs(difference.low - (2 - 1.96 * 0.158)) < 0.03)
    #expect(abs(difference.high - (2 + 1.96 * 0.158)) < 0.03)
    #expect(PairedDifference(of: values) == difference)
  }

  @Test("differences around nothing are not significant")
  func noise() {
    #expect(!PairedDifference(of: [-1, 1, -2, 2, 0.5, -0.5]).isSignificant)
  }

  @Test("ratios are taken pair by pair")
  func ratio() throws {
    let ratio = try #require(PairedDifference(ratio: [9, 18], to: [10, 20]))
    #expect(abs(ratio.mean + 0.1) < 1e-12 && abs(ratio.low + 0.1) < 1e-12)
    #expect(PairedDifference(ratio: [1, 2], to: [1, 0]) == nil)
    #expect(PairedDifference(ratio: [], to: []) == nil)
  }

  @Test(
    "the interquartile mean leaves out the outer quarters",
    arguments: [
      ([1.0, 2, 3, 100], 2.5), ([5], 5), ([1, 2, 3], 2), ([0, 0, 1, 2, 3, 4, 5, 1000], 2.5),
    ] as [([Double], Double)])
  func interquartileMean(values: [Double], expected: Double) {
    #expect(values.interquartileMean == expected)
  }

  @Test(
    "a goal is met, missed by so much, or cannot be judged",
    arguments: [
      ([0.8, 0.88], "captain", SavingGoal.Outcome.met, 0), ([0.9, 0.94], "captain", .missed, 0.02),
      ([0.5, 1.2], "k8s-cpu-fast", .uncertain, 0), ([1.2, 1.28], "oracle", .met, 0),
      ([1.4, 1.5], "oracle", .missed, 0.2),
    ])
  func goals(ratios: [Double], opponent: String, outcome: SavingGoal.Outcome, shortfall: Double) throws {
    let goal = try #require(
      SavingGoal(against: opponent, atEqualP99: PairedDifference(ratio: ratios, to: [1, 1])))
    #expect(goal.outcome == outcome)
    #expect(abs(goal.shortfall - shortfall) < 1e-9)
  }

  @Test("no goal against the rest, and no number against one that is never so fast")
  func noGoal() throws {
    #expect(SavingGoal(against: "static", atEqualP99: nil) == nil)
    #expect(try #require(SavingGoal(against: "captain", atEqualP99: nil)).outcome == .incomparable)
  }
}
