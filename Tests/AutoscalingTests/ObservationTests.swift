import Testing
import TestSupport

@testable import Autoscaling

@Suite("Observations")
struct ObservationTests {
  private func readings() throws -> [(Reading, budget: Double)] {
    try Golden.load("observation_stacking")["readings"].rows.map { row in
      let reading = Reading(
        limit: try row["limit_mc"].double, usage: try row["usage_mc"].double, available: try row["available_mc"].double,
        utilisation: try row["percent"].double, otherUtilisation: try row["other_util_percent"].double,
        priority: try row["priority"].double, otherPriorities: try row["other_priorities"].double)
      return (reading, try row["max_mc"].double)
    }
  }

  @Test(
    "readings stack to the published 42 and 30 numbers, oldest first",
    arguments: [
      (ObservationSpec.shared, "observations_7"), (ObservationSpec.independent, "observations_5"),
    ])
  func stacking(spec: ObservationSpec, key: String) throws {
    let expected = try Golden.load("observation_stacking")[key].rows
    let matrix = ObservationMatrix(spec: spec, rows: 3)
    for (step, (reading, budget)) in try readings().enumerated() {
      matrix.append(reading, toRow: 1, budget: budget)
      let row = Array(UnsafeBufferPointer(start: matrix.row(1), count: spec.size))
      #expect(firstDifference(row, try expected[step].doubles, tolerance: 1e-6) == nil, "reading \(step)")
    }
    for row in [0, 2] {
      #expect(Array(UnsafeBufferPointer(start: matrix.row(row), count: spec.size)).allSatisfy { $0 == 0 })
    }
  }

  @Test("a first observation is the newest reading repeated over the history")
  func filling() throws {
    let matrix = ObservationMatrix(spec: .shared, rows: 1)
    let (reading, budget) = try #require(try readings().last)
    matrix.fill(reading, row: 0, budget: budget)
    let expected = try Golden.load("observation_stacking")["reset_observation_7"].doubles
    #expect(
      firstDifference(Array(UnsafeBufferPointer(start: matrix.row(0), count: 42)), expected, tolerance: 1e-6) == nil)
  }

  @Test("sizes are those the published networks take")
  func sizes() {
    #expect(ObservationSpec.shared.size == 42)
    #expect(ObservationSpec.independent.size == 30)
    #expect(ObservationSpec.named("shared") == .shared)
    #expect(ObservationSpec.named("nothing") == nil)
  }
}
