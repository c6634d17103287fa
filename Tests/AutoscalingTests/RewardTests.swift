import TestSupport
import Testing

@testable import Autoscaling

@Suite("Published rewards")
struct RewardTests {
  @Test("an agent's own part follows the table for every number")
  func agentPart() throws {
    let rows = try Golden.load("tables")["agent_reward/rows"].rows
    #expect(rows.count > 50)
    for row in rows {
      let reward = PublishedReward(number: try row["rf"].int)
      let value = reward.agent(last: try row["last"].double, previous: try row["previous"].double)
      #expect(abs(value - (try row["reward"].double)) < 1e-12, "\(row)")
    }
  }

  @Test("the shared part follows the table of each trainer")
  func sharedPart() throws {
    for row in try Golden.load("tables")["shared_reward/rows"].rows {
      let number = try row["rf"].int
      let ofPPO = try row["script"].string == "ppo"
      guard let part = ofPPO ? PublishedReward.sharedPartOfPPO(number: number) : .weightedSum else {
        #expect(try row["shared"].isNull, "\(row)")
        continue
      }
      let reward = PublishedReward(number: number, alpha: try row["alpha"].double, shared: part)
      let value = try row["response_times"].doubles.withUnsafeBufferPointer { responseTimes in
        try row["priorities"].doubles.withUnsafeBufferPointer {
          reward.sharedPart(responseTimes: responseTimes, priorities: $0)
        }
      }
      #expect(abs(value - (try row["shared"].double)) < 1e-9, "\(row)")
    }
  }

  @Test("the total is half the own part plus the shared one")
  func total() {
    #expect(PublishedReward().total(agent: 3, shared: 0.5) == 2)
  }
}
