/// What holds of every saved state, whatever the settings of its agent: as much as a file can be asked for alone.
extension AgentTrainingState {
  /// - Parameter inputs: numbers in one observation.
  /// - Throws: `LearningError.state` for what no agent can have saved. Numbers that become places in memory are the reason:
  ///   an action that the network does not have would be read, and written, beyond its outputs.
  public func validate(inputs: Int, actionKind: ActionKind) throws {
    for (name, values) in floats.sorted(by: { $0.key < $1.key }) { _ = try floats(name, count: values.count) }
    for (name, values) in integers.sorted(by: { $0.key < $1.key }) {
      _ = try integers(name, count: values.count, in: counts)
    }
    for name in words.keys.sorted() where name.hasPrefix("random/") { _ = try streamState(name) }
    try validateReplay(inputs: inputs, actionKind: actionKind)
    try validateRollout(inputs: inputs, actionKind: actionKind)
  }

  private func validateReplay(inputs: Int, actionKind: ActionKind) throws {
    guard integers["replay/count"] != nil else { return }
    let count = try integer("replay/count", in: counts)
    _ = try integer("replay/position", in: 0...count)
    try requireActions("replay/actions", try floats("replay/actions", count: count), of: actionKind)
    _ = try floats("replay/rewards", count: count)
    try requireAll("replay/continues", try floats("replay/continues", count: count), "0 or 1") { $0 == 0 || $0 == 1 }
    for name in ["replay/states", "replay/nextStates"] { _ = try floats(name, count: count * inputs) }
  }

  private func validateRollout(inputs: Int, actionKind: ActionKind) throws {
    guard integers["rollout/filled"] != nil else { return }
    let filled = try integer("rollout/filled", in: counts)
    let samples = floats["rollout/actions"]?.count ?? 0
    // Every step has the same number of rows.
    guard filled == 0 ? samples == 0 : samples > 0 && samples % filled == 0 else {
      throw LearningError.state(
        "rollout/actions", found: "\(samples) numbers", expected: "as many for each of \(filled) steps")
    }
    try requireActions("rollout/actions", try floats("rollout/actions", count: samples), of: actionKind)
    try requireAll("rollout/ends", try floats("rollout/ends", count: samples), "ends of steps, 0 to 3") {
      StepEnd(rawValue: $0) != nil
    }
    for name in ["rewards", "logProbabilities", "values", "bootstrap"] {
      _ = try floats("rollout/" + name, count: samples)
    }
    _ = try floats("rollout/observations", count: samples * inputs)
  }

  private func requireActions(_ name: String, _ actions: [Float], of kind: ActionKind) throws {
    guard case .discrete(let choices) = kind else { return }
    try requireAll(name, actions, "whole numbers from 0 to \(choices - 1)") {
      $0 >= 0 && $0 < Float(choices) && $0 == $0.rounded(.towardZero)
    }
  }
}
