import NeuralNetwork
import RandomStreams

/// The last `capacity` transitions, and uniform samples of them without replacement.
final class ReplayBuffer {
  let capacity: Int
  let inputs: Int
  private(set) var count = 0
  private(set) var position = 0
  let states: FloatBuffer
  let nextStates: FloatBuffer
  let actions: FloatBuffer
  let rewards: FloatBuffer
  /// 1 where the successor's value counts, 0 where the episode was over.
  let continues: FloatBuffer
  /// The last sample: rows of the memory.
  let sample: UnsafeMutablePointer<Int32>
  private let sampleCapacity: Int
  /// 0, 1, 2 … between calls.
  private let order: UnsafeMutablePointer<Int32>
  private let swaps: UnsafeMutablePointer<Int32>

  init(capacity: Int, inputs: Int, batch: Int) {
    self.capacity = capacity
    self.inputs = inputs
    states = FloatBuffer(capacity * inputs)
    nextStates = FloatBuffer(capacity * inputs)
    actions = FloatBuffer(capacity)
    rewards = FloatBuffer(capacity)
    continues = FloatBuffer(capacity)
    sampleCapacity = batch
    sample = .allocate(capacity: batch)
    swaps = .allocate(capacity: batch)
    order = .allocate(capacity: capacity)
    for index in 0..<batch {
      sample[index] = 0
      swaps[index] = 0
    }
    for index in 0..<capacity { order[index] = Int32(index) }
  }

  deinit {
    sample.deallocate()
    swaps.deallocate()
    order.deallocate()
  }

  /// - `stopAtTimeLimit`: a time limit counts as the end of everything.
  func append(_ step: Transitions, stopAtTimeLimit: Bool) {
    for row in 0..<step.rows where step.ends[row] != StepEnd.absent.rawValue {
      (states.pointer + position * inputs).update(from: step.observations + row * inputs, count: inputs)
      (nextStates.pointer + position * inputs).update(from: step.nextObservations + row * inputs, count: inputs)
      actions.pointer[position] = step.actions[row]
      rewards.pointer[position] = step.rewards[row]
      let end = step.ends[row]
      let over = end == StepEnd.terminal.rawValue || (stopAtTimeLimit && end == StepEnd.truncated.rawValue)
      continues.pointer[position] = over ? 0 : 1
      position = position + 1 == capacity ? 0 : position + 1
      count = min(count + 1, capacity)
    }
  }

  /// Fills `sample` with `size` different rows (a partial Fisher–Yates shuffle, undone afterwards: the order carries no
  /// state from one sample to the next).
  func draw(_ size: Int, using random: inout RandomStream) {
    precondition(size <= count && size <= sampleCapacity, "a sample of \(size) from \(count) transitions")
    for place in 0..<size {
      let other = place + random.below(count - place)
      swaps[place] = Int32(other)
      let chosen = order[other]
      order[other] = order[place]
      order[place] = chosen
      sample[place] = chosen
    }
    for place in stride(from: size - 1, through: 0, by: -1) {
      let other = Int(swaps[place])
      let moved = order[other]
      order[other] = order[place]
      order[place] = moved
    }
  }

  // MARK: State

  func save(into state: inout AgentTrainingState) {
    state.set("replay/count", count)
    state.set("replay/position", position)
    state.floats["replay/states"] = Array(UnsafeBufferPointer(start: states.pointer, count: count * inputs))
    state.floats["replay/nextStates"] = Array(UnsafeBufferPointer(start: nextStates.pointer, count: count * inputs))
    for (name, buffer) in [("actions", actions), ("rewards", rewards), ("continues", continues)] {
      state.floats["replay/" + name] = Array(UnsafeBufferPointer(start: buffer.pointer, count: count))
    }
  }

  /// Reads and checks what `AgentTrainingState.validate` leaves to the buffer's own sizes; `apply` takes it over.
  func reading(_ state: AgentTrainingState) throws -> (count: Int, apply: () -> Void) {
    let count = try state.integer("replay/count", in: 0...capacity)
    let position = try state.integer("replay/position", in: 0...capacity - 1)
    if count < capacity && position != count {
      throw LearningError.state("replay/position", found: "\(position)", expected: "\(count), the count so far")
    }
    let parts: [(FloatBuffer, [Float])] = [
      (states, try state.floats("replay/states", count: count * inputs)),
      (nextStates, try state.floats("replay/nextStates", count: count * inputs)),
      (actions, try state.floats("replay/actions", count: count)),
      (rewards, try state.floats("replay/rewards", count: count)),
      (continues, try state.floats("replay/continues", count: count)),
    ]
    let apply = {
      for (buffer, values) in parts {
        for (index, value) in values.enumerated() { buffer.pointer[index] = value }
      }
      self.count = count
      self.position = position
    }
    return (count, apply)
  }
}
