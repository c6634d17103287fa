import NeuralNetwork

/// How one step of one environment ended.
public enum StepEnd: Float, Sendable {
  case goesOn = 0
  /// Cut off by the time limit: the future still counts.
  case truncated = 1
  /// Over: nothing comes after.
  case terminal = 2
  /// No step at all: the environment was not there when it began or when it ended. Nothing is learnt from it, and what was
  /// before and after it are episodes of their own; the one before was cut off, with what `act` saw last as its end.
  case absent = 3
}

/// One step of `rows` environments. The memory belongs to the caller and is read during the call only.
public struct Transitions {
  public var rows: Int
  /// `[rows, inputs]`, what `act` saw.
  public var observations: UnsafePointer<Float>
  /// `[rows]`, what `act` answered.
  public var actions: UnsafePointer<Float>
  public var rewards: UnsafePointer<Float>
  /// `[rows, inputs]`, what came of it. Where an episode ended: its last observation, not the next episode's first.
  public var nextObservations: UnsafePointer<Float>
  /// `[rows]`, raw values of `StepEnd`.
  public var ends: UnsafePointer<Float>

  public init(
    rows: Int, observations: UnsafePointer<Float>, actions: UnsafePointer<Float>, rewards: UnsafePointer<Float>,
    nextObservations: UnsafePointer<Float>, ends: UnsafePointer<Float>
  ) {
    self.rows = rows
    self.observations = observations
    self.actions = actions
    self.rewards = rewards
    self.nextObservations = nextObservations
    self.ends = ends
  }
}

/// What the last `learn` did; means over its updates, 0 where the algorithm has no such quantity.
public struct LearningDiagnostics: Sendable, Equatable {
  /// Gradient steps taken (PPO: one per epoch and minibatch).
  public var updates = 0
  /// The minimised loss (DDPG: the critic's).
  public var loss: Double = 0
  public var policyLoss: Double = 0
  public var valueLoss: Double = 0
  /// Mean predicted value of the data learnt from.
  public var meanValue: Double = 0
  public var entropy: Double = 0
  /// Share of samples whose probability ratio was clipped.
  public var clippedFraction: Double = 0
  /// Mean of (r − 1) − log r: how far the policy has moved from the one that acted.
  public var approximateKL: Double = 0
  /// The agent's `explorationNow`.
  public var exploration: Double = 0

  public init() {}
}

/// One learner: it acts for a row of environments, stores what came of it, and takes the gradient steps that are due.
///
/// An update is a sequence of phases. A phase runs once per part, parts may run on two threads, and a phase starts when all
/// parts of the one before are done. The number of parts belongs to the agent, not to the machine: it decides how a batch
/// is summed, and so the bits.
public protocol Agent: AnyObject {
  /// The catalogue's name.
  var algorithm: String { get }
  var actionKind: ActionKind { get }
  /// Environments that it acts for at most.
  var rows: Int { get }

  // MARK: Acting

  /// First half of acting, without randomness: the network's answer for `rows` of `observations` (`[…, inputs]`). Disjoint
  /// ranges may run side by side under different `part`s (0 or 1).
  func evaluate(_ observations: UnsafePointer<Float>, rows: Range<Int>, exploring: Bool, part: Int)
  /// Second half: draws or picks one action per row. Discrete: the index; continuous: the raw sample, which the environment
  /// clips.
  func choose(rows: Int, exploring: Bool, into actions: UnsafeMutablePointer<Float>)

  // MARK: Learning

  /// Takes in the step that the last exploring `act` began.
  func store(_ step: Transitions)
  /// Upstream's trainer gives every agent the last agent's transition; true when asked to do the same.
  var learnsFromLastAgent: Bool { get }
  var parts: Int { get }
  var phases: Int { get }
  /// Updates that the steps stored so far call for.
  var updatesDue: Int { get }
  func beginUpdate()
  func run(phase: Int, part: Int)
  /// - Throws: `LearningError.nonFinite`.
  func endUpdate() throws
  /// ε, the action's standard deviation, or the noise's σ, whether or not anything was learnt with it; 0 where there is none.
  var explorationNow: Double { get }
  /// What was learnt since the last call.
  func takeDiagnostics() -> LearningDiagnostics

  // MARK: Keeping

  /// What a checkpoint stores under the agent: "q"; "feature", "advantage", "value"; or "actor", "critic".
  var networks: [(name: String, parameters: NetworkParameters)] { get }
  /// Takes over networks, also as targets; moments, memory and counters stay. Changes nothing when it throws.
  func load(networks: [String: NetworkParameters]) throws
  var trainingState: AgentTrainingState { get }
  /// Takes over a saved state, after `load(networks:)`. Changes nothing when it throws.
  func restore(_ state: AgentTrainingState) throws
}

extension Agent {
  public var learnsFromLastAgent: Bool { false }

  public var isUpdateDue: Bool { updatesDue > 0 }

  /// Observations `[rows, inputs]` → actions `[rows]`.
  public func act(
    _ observations: UnsafePointer<Float>, rows: Int, exploring: Bool, into actions: UnsafeMutablePointer<Float>
  ) {
    evaluate(observations, rows: 0..<rows, exploring: exploring, part: 0)
    choose(rows: rows, exploring: exploring, into: actions)
  }

  /// Takes the gradient steps that are due now.
  ///
  /// - Throws: `LearningError.nonFinite`.
  @discardableResult
  public func learn() throws -> LearningDiagnostics {
    while isUpdateDue {
      beginUpdate()
      for phase in 0..<phases {
        for part in 0..<parts { run(phase: phase, part: part) }
      }
      try endUpdate()
    }
    return takeDiagnostics()
  }
}

/// What an agent is made for.
public struct AgentContext: Sendable {
  /// The catalogue's name, for messages and checkpoints.
  public var algorithm: String
  public var actionKind: ActionKind
  /// Numbers in one observation.
  public var inputs: Int
  /// Environments that it acts for.
  public var rows: Int
  public var seed: UInt64
  /// Its place among the agents; names its random streams.
  public var index: Int
  /// 1, or 2 when its batch is computed as two halves.
  public var parts: Int
  /// Steps of one episode, and of the whole run: schedules stretch over them.
  public var episodeSteps: Int
  public var plannedSteps: Int

  public init(
    algorithm: String, actionKind: ActionKind, inputs: Int, rows: Int = 1, seed: UInt64 = 0, index: Int = 0,
    parts: Int = 1, episodeSteps: Int = 60, plannedSteps: Int = 18_000
  ) {
    self.algorithm = algorithm
    self.actionKind = actionKind
    self.inputs = inputs
    self.rows = rows
    self.seed = seed
    self.index = index
    self.parts = parts
    self.episodeSteps = episodeSteps
    self.plannedSteps = plannedSteps
  }
}

/// Does an agent reproduce what upstream does where that is probably unintended?
public enum Compatibility: String, Codable, Sendable, CaseIterable {
  case correct
  case upstream
}

/// The settings of one family of algorithms: values that a configuration holds and a checkpoint stores.
public protocol AgentSettings: Codable, Sendable, Equatable {
  /// - Throws: `LearningError.setting`.
  func validate() throws
  func makeAgent(_ context: AgentContext) throws -> any Agent
}

/// Throws in words when a setting leaves its range.
func require(_ name: String, _ value: some CustomStringConvertible, _ expected: String, _ holds: Bool) throws {
  if !holds { throw LearningError.setting(name, found: value.description, expected: expected) }
}

func requireContext(_ context: AgentContext) throws {
  try Kernels.prepare()
  try require("inputs", context.inputs, "1 to 1,000,000", (1...1_000_000).contains(context.inputs))
  try require("clusters", context.rows, "1 to 1,000,000", (1...1_000_000).contains(context.rows))
  try require("actions", context.actionKind.outputs, "1 to 1000", (1...1000).contains(context.actionKind.outputs))
  try require("episode steps", context.episodeSteps, "1 to 1,000,000", (1...1_000_000).contains(context.episodeSteps))
  try require(
    "planned steps", context.plannedSteps, "at least 1", context.plannedSteps >= 1 && context.plannedSteps < 1 << 48)
}

func requireWidths(_ name: String, _ widths: [Int]) throws {
  for width in widths { try require(name, width, "widths of 1 to 100,000", (1...100_000).contains(width)) }
  try require(name, widths.count, "at most 32 layers", widths.count <= 32)
}

extension OptimiserSettings {
  func validate() throws {
    try require("learningRate", learningRate, "above 0 and at most 10", learningRate > 0 && learningRate <= 10)
    try require("beta1", beta1, "0 up to, not including, 1", beta1 >= 0 && beta1 < 1)
    try require("beta2", beta2, "0 up to, not including, 1", beta2 >= 0 && beta2 < 1)
    try require("epsilon", epsilon, "above 0 and at most 1", epsilon > 0 && epsilon <= 1)
    try require("weightDecay", weightDecay, "0 to 1", (0...1).contains(weightDecay))
    try require("momentum", momentum, "0 up to, not including, 1", momentum >= 0 && momentum < 1)
    for (name, limit) in [("clipValue", clipValue), ("clipNorm", clipNorm)] {
      if let limit { try require(name, limit, "above 0, or none", limit > 0) }
    }
  }
}

/// `count` things in one piece or two; the first is the larger, and a multiple of `multiple`.
func halvesOf(_ count: Int, parts: Int, multiple: Int = 1) -> [Range<Int>] {
  if parts == 1 { return [0..<count] }
  let first = min(count, (count / multiple + 1) / 2 * multiple)
  return [0..<first, first..<count]
}

/// Loads several networks, or, when one does not fit, none.
func loadTogether(_ own: [(name: String, network: MLP)], from given: [String: NetworkParameters]) throws {
  let names = given.keys.sorted()
  var before: [(MLP, NetworkParameters)] = []
  for (name, network) in own {
    do {
      guard let parameters = given[name] else { throw LearningError.missingNetwork(name, found: names) }
      let old = network.parameters
      try network.load(parameters)
      before.append((network, old))
    } catch {
      // What was replaced so far came out of these very networks, so putting it back cannot fail.
      for (network, old) in before { try network.load(old) }
      if let reason = error as? NetworkError { throw LearningError.network(name, reason: reason.description) }
      throw error
    }
  }
}
