import Autoscaling
import Checkpoints
import Learning

/// What a checkpoint's training state says of its run, read and checked as far as the file alone can tell.
struct SavedRun {
  /// The episode that comes next.
  let episode: Int
  /// The limits that it begins with, `[pods × clusters]`.
  let limits: [Millicores]
  let best: (score: Double, episode: Int)?
  /// nil where the run was not to stop early.
  let progress: EarlyStopping.Progress?
  /// The readings that upstream's queues hold between two episodes, cluster by cluster; nil in files from before they were
  /// kept, and where there are no such queues.
  let readings: [Float]?
  /// One per agent.
  let agents: [AgentTrainingState]

  /// - Throws: `TrainingError` or `LearningError` naming the first thing that no run can have saved.
  init(_ checkpoint: Checkpoint) throws {
    guard let training = checkpoint.training else {
      throw TrainingError("the checkpoint holds weights only, so its run cannot be resumed")
    }
    let arrays = SavedArrays(arrays: training)
    guard let next = try arrays.integers("trainer/episode", count: 1, in: 0...100_000_000)?.first,
      let limits = try arrays.integers("trainer/limits", in: 1...1_000_000_000)
    else { throw TrainingError("the checkpoint's training state has no episode or no limits to go on from") }
    episode = next
    self.limits = limits
    let counts = 0...next
    if let score = try arrays.double("trainer/best_score") {
      best = (score, try arrays.integers("trainer/best_episode", count: 1, in: counts)?.first ?? 0)
    } else {
      best = nil
    }
    progress = try arrays.integers("trainer/waited", count: 2, in: counts).map {
      EarlyStopping.Progress(best: try arrays.double("trainer/waited_for"), episode: $0[1], waited: $0[0])
    }
    readings = try arrays.finiteFloats("trainer/readings")
    let seen = checkpoint.metadata.observation
    agents = try checkpoint.agents.indices.map { index in
      let prefix = "agents/\(index)/"
      let state = try arrays.agentState(below: prefix)
      do {
        try state.validate(
          inputs: seen.fields.count * seen.history, actionKind: checkpoint.metadata.action.actionKind)
      } catch LearningError.state(let name, let found, let expected) {
        throw LearningError.state(prefix + name, found: found, expected: expected)
      }
      return state
    }
  }
}

extension Trainer {
  /// Checks a checkpoint's training state, if it has one, as far as the file alone can tell.
  ///
  /// - Throws: `TrainingError` or `LearningError` for a state that no run can have saved.
  public static func verify(_ checkpoint: Checkpoint) throws {
    if checkpoint.training != nil { _ = try SavedRun(checkpoint) }
  }
}

/// Named arrays, read with sentences for what does not fit.
private struct SavedArrays {
  let arrays: [String: TrainingArray]

  /// nil where there is no such array.
  func integers(_ name: String, count: Int? = nil, in range: ClosedRange<Int>) throws -> [Int]? {
    guard let array = arrays[name] else { return nil }
    guard case .int64(let values, _) = array, values.count == count ?? values.count else {
      throw LearningError.state(
        name, found: "\(array.count) values of type \(array.elementName)",
        expected: "\(count.map(String.init) ?? "values") of type int64")
    }
    return try values.map {
      guard let value = Int(exactly: $0), range.contains(value) else {
        throw LearningError.state(name, found: "\($0)", expected: "\(range.lowerBound)…\(range.upperBound)")
      }
      return value
    }
  }

  func double(_ name: String) throws -> Double? {
    guard let array = arrays[name] else { return nil }
    guard case .float64(let values, _) = array, values.count == 1 else {
      throw LearningError.state(
        name, found: "\(array.count) values of type \(array.elementName)", expected: "1 of type float64")
    }
    return values[0]
  }

  func finiteFloats(_ name: String) throws -> [Float]? {
    guard let array = arrays[name] else { return nil }
    guard case .float32(let values, _) = array, values.allSatisfy(\.isFinite) else {
      throw LearningError.state(
        name, found: "\(array.count) values of type \(array.elementName)", expected: "finite ones of type float32")
    }
    return values
  }

  func agentState(below prefix: String) throws -> AgentTrainingState {
    var state = AgentTrainingState()
    for (path, array) in arrays where path.hasPrefix(prefix) {
      let name = String(path.dropFirst(prefix.count))
      switch array {
      case .float32(let values, _): state.floats[name] = values
      case .int64(let values, _): state.integers[name] = values
      case .uint64(let values, _): state.words[name] = values
      case .float64: throw LearningError.state(path, found: "values of type float64", expected: "another type")
      }
    }
    return state
  }
}

extension ActionDescription {
  /// What a learner calls it.
  var actionKind: ActionKind {
    switch kind {
    case .discrete: .discrete(count)
    case .delta: .delta
    case .instant: .instant
    }
  }
}
