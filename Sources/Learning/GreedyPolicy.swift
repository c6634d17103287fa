import CMarlise
import NeuralNetwork

/// Trained policies without exploration: observations in, actions out, nothing allocated and nothing learnt.
///
/// Agents that share one set of networks are evaluated as a batch; an agent with networks of its own costs one read of its
/// weights. With our own kernels a decision has the same bits either way, and in a batch of any size.
public final class GreedyPolicy {
  public let algorithm: String
  public let actionKind: ActionKind
  public let agents: Int
  public let inputs: Int

  private let shape: NetworkShape
  /// The sets' parameters, one after the other.
  private let parameters: FloatBuffer
  private let steps: [Step]
  private let rooms: [Room]
  private(set) var pair: TwoThreads?
  private var job: (observations: UnsafePointer<Float>, actions: UnsafeMutablePointer<Float>)?
  /// Where the second thread's steps begin.
  private let middle: Int

  /// A run of neighbouring agents that is evaluated in one go.
  private struct Step {
    var firstAgent: Int
    var count: Int
    /// The network set of the first agent; of the following ones: the same, or each its next.
    var firstSet: Int
    var isShared: Bool
  }

  /// One thread's scratch memory.
  private final class Room {
    static let rows = 128
    let shared: Workspace
    let own: EachWorkspace
    init(_ shape: NetworkShape) {
      shared = Workspace(shape, rows: Self.rows, training: false)
      own = EachWorkspace(shape, networks: Self.rows)
    }
  }

  /// - Parameters:
  ///   - algorithm: the catalogue's name; decides what the output means.
  ///   - sets: the networks of each trained agent, by name ("q"; "feature" and "advantage"; or "actor").
  ///   - assignment: for every agent to decide for, which set it uses; nil: one agent per set.
  ///   - threads: 1 or 2.
  /// - Throws: `LearningError` when the algorithm is unknown, a network is missing, or the sets' shapes differ;
  ///   `KernelError`.
  public init(
    algorithm: String, sets: [[String: NetworkParameters]], assignment: [Int]? = nil, threads: Int = 1
  ) throws {
    try Kernels.prepare()
    let description = try Algorithms.named(algorithm)
    self.algorithm = algorithm
    guard let first = sets.first else {
      throw LearningError.setting("networks", found: "none", expected: "at least one")
    }
    try require("threads", threads, "1 or 2", threads == 1 || threads == 2)
    let model = try Self.policy(first)
    shape = try NetworkShape(model)
    inputs = shape.inputs
    actionKind = description.actionKind.isDiscrete ? .discrete(shape.outputs) : description.actionKind
    if !actionKind.isDiscrete && shape.outputs != 1 {
      throw LearningError.network("actor", reason: "\(shape.outputs) outputs, expected 1 for \(algorithm)")
    }
    let stride = shape.parameterCount
    try require("networks", sets.count, "at most 1,000,000", sets.count <= 1_000_000)
    parameters = FloatBuffer(stride * sets.count)
    for (index, set) in sets.enumerated() {
      do {
        try MLP(shape, in: parameters, at: index * stride).load(try Self.policy(set))
      } catch let error as NetworkError {
        throw LearningError.network("of agent \(index)", reason: error.description)
      }
    }
    let assignment = assignment ?? Array(0..<sets.count)
    for set in assignment where !(0..<sets.count).contains(set) {
      throw LearningError.setting("network set", found: "\(set)", expected: "0 to \(sets.count - 1)")
    }
    agents = assignment.count
    steps = Self.plan(assignment)
    // Half of the work by rows: weights that are read once dominate, batches are cheap.
    middle = Self.middle(steps)
    rooms = [Room(shape), Room(shape)]
    if threads == 2 { pair = try TwoThreads(threads: 2) { [unowned self] in self.work(thread: $0) } }
  }

  /// The layers from observation to greedy output. Of a dueling network the value stream is left out: it adds the same to
  /// all actions.
  static func policy(_ networks: [String: NetworkParameters]) throws -> NetworkParameters {
    if let q = networks["q"] { return q }
    if let actor = networks["actor"] { return actor }
    if let feature = networks["feature"], let advantage = networks["advantage"] {
      return NetworkParameters(layers: feature.layers + advantage.layers)
    }
    throw LearningError.missingNetwork("q, actor, or feature with advantage", found: networks.keys.sorted())
  }

  /// Observations `[agents, inputs]` → actions `[agents]`: the index of the first largest output, or the output itself,
  /// which the environment clips.
  public func decide(_ observations: UnsafePointer<Float>, into actions: UnsafeMutablePointer<Float>) {
    if let pair, middle > 0, middle < steps.count {
      job = (observations, actions)
      pair.run()
      job = nil
      return
    }
    for index in 0..<steps.count { run(steps[index], in: rooms[0], observations, actions) }
  }

  private func work(thread: Int) {
    guard let job else { return }
    for index in thread == 0 ? 0..<middle : middle..<steps.count {
      run(steps[index], in: rooms[thread], job.observations, job.actions)
    }
  }

  private func run(
    _ step: Step, in room: Room, _ observations: UnsafePointer<Float>, _ actions: UnsafeMutablePointer<Float>
  ) {
    let weights = parameters.pointer + step.firstSet * shape.parameterCount
    let x = observations + step.firstAgent * inputs
    let output: UnsafeMutablePointer<Float>
    if step.isShared {
      MLP.forward(shape, weights, x, stride: inputs, rows: step.count, in: room.shared)
      output = room.shared.output
    } else {
      MLP.forwardEach(shape, weights, networks: step.count, x, stride: inputs, in: room.own)
      output = room.own.output
    }
    let (outputs, answers) = (shape.outputs, actions + step.firstAgent)
    if actionKind.isDiscrete {
      for row in 0..<step.count { answers[row] = Float(firstMaximum(output + row * outputs, outputs)) }
    } else {
      answers.update(from: output, count: step.count)
    }
  }

  /// Cuts the agents into runs of at most `Room.rows`: neighbours with one set, or with sets one after the other.
  private static func plan(_ assignment: [Int]) -> [Step] {
    var steps: [Step] = []
    for (agent, set) in assignment.enumerated() {
      if var last = steps.last, last.count < Room.rows {
        let isSame = set == last.firstSet
        let isNext = set == last.firstSet + last.count
        if last.count == 1 ? isSame || isNext : last.isShared ? isSame : isNext {
          last.isShared = isSame
          last.count += 1
          steps[steps.count - 1] = last
          continue
        }
      }
      steps.append(Step(firstAgent: agent, count: 1, firstSet: set, isShared: true))
    }
    return steps
  }

  private static func middle(_ steps: [Step]) -> Int {
    let total = steps.reduce(0) { $0 + $1.count }
    if total < 32 { return 0 }
    var sum = 0
    for (index, step) in steps.enumerated() {
      sum += step.count
      if sum * 2 >= total { return index + 1 }
    }
    return steps.count
  }
}
