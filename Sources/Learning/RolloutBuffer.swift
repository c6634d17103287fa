import NeuralNetwork

/// The steps of all environments since the last update; sample `t · rows + row`.
final class RolloutBuffer {
  let steps: Int
  let rows: Int
  let inputs: Int
  /// Steps filled.
  var filled = 0
  let observations: FloatBuffer
  let actions: FloatBuffer
  let rewards: FloatBuffer
  let ends: FloatBuffer
  /// log π and V at the time of acting (V in the critic's own units).
  let logProbabilities: FloatBuffer
  let values: FloatBuffer
  /// V of the step's last observation where an episode was cut short there, in units of reward.
  let bootstrap: FloatBuffer
  let returns: FloatBuffer
  let advantages: FloatBuffer

  /// Samples that can be learnt from: all, or after `removeAbsent` the steps that there really were.
  private(set) var samples: Int
  var isFull: Bool { filled == steps }

  init(steps: Int, rows: Int, inputs: Int) {
    self.steps = steps
    self.rows = rows
    self.inputs = inputs
    samples = steps * rows
    observations = FloatBuffer(samples * inputs)
    actions = FloatBuffer(samples)
    rewards = FloatBuffer(samples)
    ends = FloatBuffer(samples)
    logProbabilities = FloatBuffer(samples)
    values = FloatBuffer(samples)
    bootstrap = FloatBuffer(samples)
    returns = FloatBuffer(samples)
    advantages = FloatBuffer(samples)
  }

  func append(_ step: Transitions, logProbabilities log: UnsafePointer<Float>, values v: UnsafePointer<Float>) {
    precondition(filled < steps && step.rows == rows, "a step of \(step.rows) rows for a rollout of \(rows)")
    let place = filled * rows
    (observations.pointer + place * inputs).update(from: step.observations, count: rows * inputs)
    (actions.pointer + place).update(from: step.actions, count: rows)
    (rewards.pointer + place).update(from: step.rewards, count: rows)
    (ends.pointer + place).update(from: step.ends, count: rows)
    (logProbabilities.pointer + place).update(from: log, count: rows)
    (values.pointer + place).update(from: v, count: rows)
    filled += 1
  }

  /// Forgets all steps.
  func removeAll() {
    filled = 0
    samples = steps * rows
  }

  /// Steps of environments that were there, in a full buffer.
  var presentCount: Int {
    (0..<steps * rows).count { ends.pointer[$0] != StepEnd.absent.rawValue }
  }

  /// Closes the gaps that absent environments left; from then on `samples` is smaller and a sample's place says no longer
  /// whose and when it was.
  func removeAbsent() {
    var kept = 0
    for sample in 0..<steps * rows where ends.pointer[sample] != StepEnd.absent.rawValue {
      if kept < sample {
        (observations.pointer + kept * inputs).update(from: observations.pointer + sample * inputs, count: inputs)
        for buffer in [actions, logProbabilities, values, returns, advantages] {
          buffer.pointer[kept] = buffer.pointer[sample]
        }
      }
      kept += 1
    }
    samples = kept
  }

  // MARK: State

  private var parts: [(name: String, buffer: FloatBuffer, width: Int)] {
    [
      ("observations", observations, inputs), ("actions", actions, 1), ("rewards", rewards, 1), ("ends", ends, 1),
      ("logProbabilities", logProbabilities, 1), ("values", values, 1), ("bootstrap", bootstrap, 1),
    ]
  }

  func save(into state: inout AgentTrainingState) {
    state.set("rollout/filled", filled)
    for (name, buffer, width) in parts {
      state.floats["rollout/" + name] = Array(
        UnsafeBufferPointer(start: buffer.pointer, count: filled * rows * width))
    }
  }

  /// Reads and checks what `AgentTrainingState.validate` leaves to the buffer's own sizes; the result takes it over.
  func reading(_ state: AgentTrainingState) throws -> () -> Void {
    // A full buffer is learnt from at once, so none is ever saved.
    let filled = try state.integer("rollout/filled", in: 0...steps - 1)
    let contents = try parts.map { part in
      (part.buffer, try state.floats("rollout/" + part.name, count: filled * rows * part.width))
    }
    return {
      for (buffer, values) in contents {
        for (index, value) in values.enumerated() { buffer.pointer[index] = value }
      }
      self.filled = filled
    }
  }
}
