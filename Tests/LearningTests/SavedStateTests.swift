import Testing

@testable import Learning

/// States that a file can hold though no agent has saved them.
@Suite("Hostile saved states")
struct SavedStateTests {
  /// An agent that has learnt and has a step in its memory or rollout, and its state.
  private func agent(_ name: String) throws -> (any Agent, AgentTrainingState) {
    let playground = try Playground(name, threads: 1)
    try playground.run(17)
    return (playground.group.agents[0], playground.states[0])
  }

  private func expectRefusal(
    of broken: AgentTrainingState, by agent: any Agent, _ name: String, found: String, expected: String
  ) {
    let before = agent.trainingState
    #expect(throws: LearningError.state(name, found: found, expected: expected)) { try agent.restore(broken) }
    #expect(agent.trainingState == before)
  }

  @Test(
    "an action that the network does not have is refused, wherever it is remembered",
    arguments: [("mdqn", "replay/actions"), ("ddmdqn", "replay/actions"), ("dppo", "rollout/actions")],
    [Float(1e7), 1e30, 3, -1, 0.5])
  func actions(place: (algorithm: String, name: String), action: Float) throws {
    let (agent, state) = try agent(place.algorithm)
    var broken = state
    broken.floats[place.name]?[1] = action
    let expected = "whole numbers from 0 to 2"
    expectRefusal(of: broken, by: agent, place.name, found: "\(action) at 1", expected: expected)
    // Of the file alone it is known too.
    #expect(throws: LearningError.state(place.name, found: "\(action) at 1", expected: expected)) {
      try broken.validate(inputs: 11, actionKind: .discrete(3))
    }
  }

  @Test("what agents save is what they take over, and any number is an action where actions are continuous")
  func own() throws {
    for name in Algorithms.names {
      let (agent, state) = try agent(name)
      try state.validate(inputs: 11, actionKind: agent.actionKind)
      try agent.restore(state)
      #expect(agent.trainingState == state)
    }
    var (agent, state) = try agent("ppo")
    state.floats["rollout/actions"]?[1] = 7.5
    try agent.restore(state)
    #expect(agent.trainingState == state)
  }

  @Test("a rollout that is full already is refused: it would have been learnt from")
  func fullRollout() throws {
    let (agent, state) = try agent("dppo")
    var broken = state
    // Two episodes of seven steps, two rows.
    broken.integers["rollout/filled"] = [14]
    for (name, width) in [
      ("observations", 11), ("actions", 1), ("rewards", 1), ("ends", 1), ("logProbabilities", 1), ("values", 1),
      ("bootstrap", 1),
    ] {
      broken.floats["rollout/" + name] = Array(repeating: 0, count: 28 * width)
    }
    try broken.validate(inputs: 11, actionKind: agent.actionKind)
    expectRefusal(of: broken, by: agent, "rollout/filled", found: "14", expected: "0…13")
  }

  @Test("an update that is due without enough to learn from is refused", arguments: ["mdqn", "ddpg"])
  func pendingUpdates(name: String) throws {
    let playground = try Playground(name, threads: 1)
    try playground.run(2)
    let agent = playground.group.agents[0]
    var broken = agent.trainingState
    broken.integers["pendingUpdates"] = [1]
    expectRefusal(of: broken, by: agent, "pendingUpdates", found: "1", expected: "0…0")
  }

  @Test("places, ends, streams, moments and noise outside their ranges are refused")
  func ranges() throws {
    let (dqn, remembered) = try agent("mdqn")
    var broken = remembered
    broken.integers["replay/position"] = [35]
    expectRefusal(of: broken, by: dqn, "replay/position", found: "35", expected: "0…34")
    broken = remembered
    broken.floats["replay/continues"]?[0] = 2
    expectRefusal(of: broken, by: dqn, "replay/continues", found: "2.0 at 0", expected: "0 or 1")
    broken = remembered
    broken.words["random/replay"] = broken.words["random/exploration"]
    expectRefusal(of: broken, by: dqn, "random/replay", found: "another stream", expected: "that of the run's seed")
    broken = remembered
    broken.floats["optimiser/second"]?[0] = -1
    expectRefusal(of: broken, by: dqn, "optimiser/second", found: "-1.0 at 0", expected: "numbers of at least 0")

    let (ppo, rollout) = try agent("ppo")
    broken = rollout
    broken.floats["rollout/ends"]?[0] = 4
    expectRefusal(of: broken, by: ppo, "rollout/ends", found: "4.0 at 0", expected: "ends of steps, 0 to 3")
    broken = rollout
    broken.words["deviation"]?[0] = Double.leastNonzeroMagnitude.bitPattern
    expectRefusal(of: broken, by: ppo, "deviation", found: "5e-324", expected: "0.1…0.5001")
    broken = rollout
    broken.words["returns"]?[1] = (-1.0).bitPattern
    expectRefusal(of: broken, by: ppo, "returns", found: "a deviation of -1.0", expected: "0 or more")

    let (ddpg, noise) = try agent("ddpg")
    broken = noise
    broken.words["sigma"]?[0] = Double(1e300).bitPattern
    expectRefusal(of: broken, by: ddpg, "sigma", found: "1e+300", expected: "0.01…0.25")
    // The end of a schedule that rounding has left below its bound.
    broken.words["sigma"]?[0] = 0.01.nextDown.bitPattern
    try ddpg.restore(broken)
  }

  @Test("drops of the action's deviation that a file says are due, however many, end at the floor")
  func drops() throws {
    let playground = try Playground("ppo", threads: 1)
    let agent = playground.group.agents[0]
    var state = agent.trainingState
    state.integers["steps"] = [Int64(counts.upperBound)]
    try agent.restore(state)
    try playground.run(1)
    let deviation = try #require(agent.trainingState.words["deviation"])
    #expect(deviation == [Double(0.1).bitPattern, UInt64(counts.upperBound) / 6])
  }
}
