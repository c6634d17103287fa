import TestSupport
import Testing

@testable import Autoscaling

@Suite("Action space")
struct ActionSpaceTests {
  @Test("under upstream compatibility every published clamping row holds")
  func publishedClamping() throws {
    let golden = try Golden.load("tables")["clamping"]
    let minimum = try golden["min_limit"].int
    let maximum = try golden["max_limit"].int
    let spaces: [String: ActionSpace] = [
      "discrete3": .discrete(3, increment: try golden["increment"].int), "discrete5": .discrete(5),
      "discrete11": .discrete(11), "continuous": ActionSpace(kind: .delta, scale: try golden["scale_action"].int),
      "instant": ActionSpace(kind: .instant),
    ]
    let rows = try golden["rows"].rows
    #expect(rows.count == 840)
    for row in rows {
      let space = try #require(spaces[try row["env"].string])
      let step = space.upstreamStep(
        try row["action"].float, allocated: try row["allocated"].int, available: try row["available"].int,
        minimum: minimum, maximum: maximum)
      #expect(step.limit == (try row["new_limit"].int), "\(row)")
      #expect(abs(step.countedChange - (try row["counted_change"].double)) <= 1e-4, "\(row)")
      #expect(step.patched == (try row["patched"].bool), "\(row)")
    }
  }

  @Test("three choices lower, keep and raise by the increment", arguments: [(0, 275), (1, 300), (2, 325)])
  func increments(action: Int, limit: Int) {
    #expect(ActionSpace.discrete(3).request(Float(action), allocated: 300, budget: 1000) == limit)
  }

  @Test(
    "factors ask for a share of the budget; the middle one keeps",
    arguments: [
      (5, 0, -1000), (5, 1, -500), (5, 2, 300), (5, 3, 500), (5, 4, 1000), (11, 5, 300), (11, 6, 200), (11, 9, 800),
    ])
  func factors(choices: Int, action: Int, limit: Int) {
    #expect(ActionSpace.discrete(choices).request(Float(action), allocated: 300, budget: 1000) == limit)
  }

  @Test(
    "a continuous action is clipped to ±1 and scaled",
    arguments: [
      (Float(0.5), 325), (-0.5, 275), (3, 350), (-3, 250), (0, 300),
    ])
  func delta(action: Float, limit: Int) {
    #expect(ActionSpace(kind: .delta).request(action, allocated: 300, budget: 1000) == limit)
  }

  @Test("an instant action is the limit itself", arguments: [(Float(0.25), 250), (1.5, 1000), (-0.2, 0)])
  func instant(action: Float, limit: Int) {
    #expect(ActionSpace(kind: .instant).request(action, allocated: 300, budget: 1000) == limit)
  }

  @Test("an action that is not finite keeps what the pod has", arguments: [Float.nan, .infinity, -.infinity])
  func notFinite(action: Float) {
    for kind in [ActionSpace.Kind.increments, .factors(count: 5), .delta, .instant] {
      #expect(ActionSpace(kind: kind).request(action, allocated: 300, budget: 1000) == 300)
    }
  }

  @Test("discrete spaces know how many choices they have")
  func choices() {
    #expect([3, 5, 11].map { ActionSpace.discrete($0).choices } == [3, 5, 11])
    #expect(ActionSpace(kind: .delta).choices == nil)
  }
}
