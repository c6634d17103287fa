import Testing

@testable import Evaluation

@Suite("Statistics")
struct StatisticsTests {
  @Test(
    "the t quantile agrees with the tables",
    arguments: [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (29, 2.045), (1000, 1.962)])
  func studentT(degrees: Int, expected: Double) {
    #expect(abs(Estimate.studentT(degrees: degrees) - expected) < 0.005 * expected)
  }

  @Test("an estimate is the mean and the half-width of its 95 % interval")
  func estimate() {
    let estimate = Estimate(of: [1, 2, 3, 4, 5])
    #expect(estimate.mean == 3)
    #expect(abs(estimate.halfWidth - 1.963) < 0.005)
    #expect(Estimate(of: [7]) == Estimate(mean: 7, halfWidth: 0))
  }

  @Test("percentiles are nearest ranks")
  func percentiles() {
    let percentiles = Percentiles(sorting: (1...100).reversed().map(Float.init))
    #expect([0.5, 0.95, 0.99, 1, 0].map { percentiles($0) } == [50, 95, 99, 100, 1])
    #expect(percentiles.mean == 50.5)
    #expect(Percentiles(sorting: [])(0.5) == 0)
  }

  @Test(
    "the share above a limit counts values strictly above it",
    arguments: [(0.0, 1.0), (2.0, 0.25), (1.9, 0.75), (5.0, 0)])
  func share(limit: Double, expected: Double) {
    #expect(Percentiles(sorting: [1, 2, 3, 2]).share(above: limit) == expected)
  }
}
