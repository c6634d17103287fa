import NeuralNetwork

extension Checkpoint {
  /// Gives agent `source`'s networks to the agents `targets`; a target that follows the last agent is added.
  ///
  /// Training state is dropped when anything changes: moments, replay memories and random streams describe the agents
  /// that made them, and a run cannot be resumed from a mixture. Training goes on from the weights.
  ///
  /// - Throws: `CheckpointError` (naming `file`) when an agent does not exist; nothing has changed then.
  public mutating func transfer(from source: Int, to targets: some Sequence<Int>, file: String = "checkpoint") throws {
    guard agents.indices.contains(source) else {
      throw CheckpointError(
        .shape, file: file, place: "/agents/\(source)", "does not exist, expected 0 to \(agents.count - 1)")
    }
    var result = agents
    for target in Set(targets).sorted() where target != source {
      guard (0...result.count).contains(target), target < CheckpointLimits.agents else {
        throw CheckpointError(
          .shape, file: file, place: "/agents/\(target)", "cannot be a target, expected 0 to \(result.count)")
      }
      if target == result.count {
        result.append(agents[source])
      } else {
        result[target] = agents[source]
      }
    }
    if result != agents {
      agents = result
      training = nil
    }
  }
}
