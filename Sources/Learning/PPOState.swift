import NeuralNetwork
import RandomStreams

/// What a checkpoint keeps of a PPO agent.
extension PPO {
  var networks: [(name: String, parameters: NetworkParameters)] {
    [("actor", actor.parameters), ("critic", critic.parameters)]
  }

  func load(networks: [String: NetworkParameters]) throws {
    try loadTogether([("actor", actor), ("critic", critic)], from: networks)
  }

  var trainingState: AgentTrainingState {
    var state = AgentTrainingState()
    state.set("optimiser/actor", actorOptimiser)
    state.set("optimiser/critic", criticOptimiser)
    rollout.save(into: &state)
    state.set("steps", steps)
    state.set("random/exploration", exploration)
    state.set("random/minibatches", shuffling)
    state.words["returns"] = [returnMean.bitPattern, returnDeviation.bitPattern]
    state.words["deviation"] = [deviation.bitPattern, UInt64(drops)]
    return state
  }

  func restore(_ state: AgentTrainingState) throws {
    try state.validate(inputs: inputs, actionKind: actionKind)
    let actorMoments = try state.optimiser("optimiser/actor", like: actorOptimiser)
    let criticMoments = try state.optimiser("optimiser/critic", like: criticOptimiser)
    let fillRollout = try rollout.reading(state)
    let steps = try state.integer("steps", in: counts)
    let exploration = try state.stream("random/exploration", like: exploration)
    let shuffling = try state.stream("random/minibatches", like: shuffling)
    let returns = try state.doubles("returns", count: 2)
    guard let spread = state.words["deviation"], spread.count == 2, spread[1] <= UInt64(counts.upperBound) else {
      throw LearningError.state("deviation", found: "something else", expected: "a deviation and a count")
    }
    let deviation = Double(bitPattern: spread[0])
    // The first drop rounds to four digits, perhaps up.
    let deviations = settings.deviation.floor...settings.deviation.start + 0.0001
    guard deviations.contains(deviation) else {
      throw LearningError.state(
        "deviation", found: "\(deviation)", expected: "\(deviations.lowerBound)…\(deviations.upperBound)")
    }
    guard returns[1] >= 0 else {
      throw LearningError.state("returns", found: "a deviation of \(returns[1])", expected: "0 or more")
    }
    actorMoments.apply(to: actorOptimiser)
    criticMoments.apply(to: criticOptimiser)
    fillRollout()
    self.steps = steps
    (self.exploration, self.shuffling) = (exploration, shuffling)
    (returnMean, returnDeviation) = (returns[0], returns[1])
    (self.deviation, drops) = (deviation, Int(spread[1]))
  }
}
