import NeuralNetwork
import RandomStreams

/// Deep deterministic policy gradient.
///
///     critic: mean (Q(s, a) − (r + γ·Q′(s′, π′(s′))))²,    actor: −mean Q(s, π(s)) through the critic just stepped
///
/// - Source: Lillicrap et al. 2016.
final class DDPG: Agent {
  let algorithm: String
  let actionKind: ActionKind
  let rows: Int
  let parts: Int
  let settings: DDPGSettings
  private let inputs: Int
  private let index: Int

  let actor: MLP
  let critic: MLP
  let targetActor: MLP
  let targetCritic: MLP
  let actorOptimiser: Optimiser
  let criticOptimiser: Optimiser
  let memory: ReplayBuffer
  private var exploration: RandomStream
  private var sampling: RandomStream

  private var steps = 0
  private var pendingUpdates = 0
  private var diagnostics = LearningDiagnostics()
  private let decaySteps: Double
  private let bounds: (lower: Double, upper: Double)
  /// Noise, its σ, and the episode's age, per row.
  private let noise: UnsafeMutablePointer<Double>
  private let sigma: UnsafeMutablePointer<Double>
  private let age: UnsafeMutablePointer<Int>

  private let rooms: [RowEvaluation]
  private let answers: FloatBuffer
  let halves: [Half]

  /// One part of a batch: rows `first ..< first + rows` of the sample.
  final class Half {
    let first: Int
    let rows: Int
    /// Observations with an action after each, row stride `inputs + 1`.
    let now: FloatBuffer
    let next: FloatBuffer
    let actor: Workspace
    let critic: Workspace
    let targetActor: Workspace
    let targetCritic: Workspace
    let actorGradient: FloatBuffer
    let criticGradient: FloatBuffer
    let targets: FloatBuffer
    let actorRange: Range<Int>
    let criticRange: Range<Int>
    var criticLoss = 0.0
    var actorLoss = 0.0
    var finite = true

    init(_ actor: NetworkShape, _ critic: NetworkShape, rows span: Range<Int>, part: Int, parts: Int) {
      first = span.lowerBound
      rows = span.count
      now = FloatBuffer(rows * critic.inputs)
      next = FloatBuffer(rows * critic.inputs)
      self.actor = Workspace(actor, rows: rows)
      self.critic = Workspace(critic, rows: rows)
      targetActor = Workspace(actor, rows: rows, training: false)
      targetCritic = Workspace(critic, rows: rows, training: false)
      actorGradient = FloatBuffer(actor.parameterCount)
      criticGradient = FloatBuffer(critic.parameterCount)
      targets = FloatBuffer(rows)
      actorRange = halvesOf(actor.parameterCount, parts: parts, multiple: 16)[part]
      criticRange = halvesOf(critic.parameterCount, parts: parts, multiple: 16)[part]
    }
  }

  init(_ settings: DDPGSettings, _ context: AgentContext) throws {
    try settings.validate()
    try requireContext(context)
    if context.actionKind.isDiscrete {
      throw LearningError.setting("actions", found: "discrete", expected: "continuous for \(context.algorithm)")
    }
    try require("memory", settings.memory, "at least the \(context.rows) clusters", settings.memory >= context.rows)
    self.settings = settings
    algorithm = context.algorithm
    actionKind = context.actionKind
    rows = context.rows
    inputs = context.inputs
    index = context.index
    parts = settings.batchSize > 1 ? context.parts : 1

    let actorShape = settings.actorShape(inputs: inputs, context.actionKind)
    let criticShape = settings.criticShape(inputs: inputs)
    actor = MLP(actorShape)
    critic = MLP(criticShape)
    targetActor = MLP(actorShape)
    targetCritic = MLP(criticShape)
    var random = RandomStream(seed: context.seed, purpose: "initial weights", index)
    try actor.load(NetworkParameters(actorShape, settings.initialiser, using: &random))
    try critic.load(NetworkParameters(criticShape, settings.initialiser, using: &random))
    targetActor.buffer.copy(from: actor.buffer)
    targetCritic.buffer.copy(from: critic.buffer)
    actorOptimiser = Optimiser(settings.actorOptimiser, count: actorShape.parameterCount)
    criticOptimiser = Optimiser(settings.criticOptimiser, count: criticShape.parameterCount)
    memory = ReplayBuffer(capacity: settings.memory, inputs: inputs, batch: settings.batchSize)
    exploration = RandomStream(seed: context.seed, purpose: "exploration", index)
    sampling = RandomStream(seed: context.seed, purpose: "replay", index)

    decaySteps = max(1, Double(context.plannedSteps) * settings.noise.decayShare)
    bounds = settings.bounds(context.actionKind)
    noise = .allocate(capacity: rows)
    noise.initialize(repeating: 0, count: rows)
    sigma = .allocate(capacity: rows)
    sigma.initialize(repeating: settings.noise.sigmaMax, count: rows)
    age = .allocate(capacity: rows)
    age.initialize(repeating: 0, count: rows)
    rooms = (0..<2).map { _ in RowEvaluation(actorShape, rows: context.rows) }
    answers = FloatBuffer(rows)
    plan = Self.plan(settings)
    let parts = self.parts
    halves = halvesOf(settings.batchSize, parts: parts).enumerated().map {
      Half(actorShape, criticShape, rows: $1, part: $0, parts: parts)
    }
  }

  deinit {
    noise.deallocate()
    sigma.deallocate()
    age.deallocate()
  }

  // MARK: Acting

  func evaluate(_ observations: UnsafePointer<Float>, rows span: Range<Int>, exploring: Bool, part: Int) {
    rooms[part].run(
      actor, observations + span.lowerBound * inputs, stride: inputs, rows: span.count,
      into: answers.pointer + span.lowerBound)
  }

  func choose(rows: Int, exploring: Bool, into actions: UnsafeMutablePointer<Float>) {
    for row in 0..<rows {
      guard exploring else {
        actions[row] = answers.pointer[row]
        continue
      }
      noise[row] = settings.noise.next(noise[row], sigma: sigma[row], draw: exploration.normal())
      let passed = settings.compatibility == .upstream ? age[row] : steps
      sigma[row] = settings.noise.sigma(after: passed, decaySteps: decaySteps)
      age[row] += 1
      actions[row] = Float(min(max(Double(answers.pointer[row]) + noise[row], bounds.lower), bounds.upper))
    }
  }

  // MARK: Learning

  func store(_ step: Transitions) {
    memory.append(step, stopAtTimeLimit: false)
    for row in 0..<step.rows where step.ends[row] != StepEnd.goesOn.rawValue {
      noise[row] = 0
      age[row] = 0
    }
    steps += 1
    if steps % settings.updateEvery == 0, memory.count > settings.batchSize {
      pendingUpdates = settings.updatesPerRound
    }
  }

  private enum Phase { case critic, criticNorm, criticStep, actor, actorNorm, actorStep }
  private let plan: [Phase]

  private static func plan(_ settings: DDPGSettings) -> [Phase] {
    let order: [Phase] =
      settings.compatibility == .upstream
      ? [.critic, .actor, .criticNorm, .actorNorm, .criticStep, .actorStep]
      : [.critic, .criticNorm, .criticStep, .actor, .actorNorm, .actorStep]
    return order.filter {
      switch $0 {
      case .criticNorm: settings.criticOptimiser.clipNorm != nil
      case .actorNorm: settings.actorOptimiser.clipNorm != nil
      default: true
      }
    }
  }

  var updatesDue: Int { pendingUpdates }
  var phases: Int { plan.count }

  func beginUpdate() {
    pendingUpdates -= 1
    memory.draw(settings.batchSize, using: &sampling)
    actorOptimiser.begin(tau: Float(settings.tau))
    criticOptimiser.begin(tau: Float(settings.tau))
    for half in halves { half.finite = true }
  }

  func run(phase: Int, part: Int) {
    let half = halves[part]
    let other = parts == 2 ? halves[1] : nil
    switch plan[phase] {
    case .critic: criticGradient(half)
    case .actor: actorGradient(half)
    case .criticNorm:
      if part > 0 { return }
      criticOptimiser.clipNorm(
        gradient: half.criticGradient.pointer, other: other.map { .init($0.criticGradient.pointer) })
    case .actorNorm:
      if part > 0 { return }
      actorOptimiser.clipNorm(
        gradient: half.actorGradient.pointer, other: other.map { .init($0.actorGradient.pointer) })
    case .criticStep:
      let isFinite = criticOptimiser.apply(
        to: critic.buffer.pointer, gradient: halves[0].criticGradient.pointer,
        other: other.map { .init($0.criticGradient.pointer) }, target: targetCritic.buffer.pointer,
        range: half.criticRange)
      half.finite = half.finite && isFinite
    case .actorStep:
      let isFinite = actorOptimiser.apply(
        to: actor.buffer.pointer, gradient: halves[0].actorGradient.pointer,
        other: other.map { .init($0.actorGradient.pointer) }, target: targetActor.buffer.pointer,
        range: half.actorRange)
      half.finite = half.finite && isFinite
    }
  }

  private func criticGradient(_ half: Half) {
    let width = inputs + 1
    let (x, y) = (half.now.pointer, half.next.pointer)
    for row in 0..<half.rows {
      let place = Int(memory.sample[half.first + row])
      (x + row * width).update(from: memory.states.pointer + place * inputs, count: inputs)
      (y + row * width).update(from: memory.nextStates.pointer + place * inputs, count: inputs)
      x[row * width + inputs] = memory.actions.pointer[place]
    }
    targetActor.forward(y, stride: width, rows: half.rows, in: half.targetActor)
    for row in 0..<half.rows { y[row * width + inputs] = half.targetActor.output[row] }
    targetCritic.forward(y, stride: width, rows: half.rows, in: half.targetCritic)
    let discount = Float(settings.discount)
    let endless = settings.compatibility == .upstream
    for row in 0..<half.rows {
      let place = Int(memory.sample[half.first + row])
      let goesOn = endless || memory.continues.pointer[place] != 0
      half.targets.pointer[row] =
        memory.rewards.pointer[place] + (goesOn ? discount * half.targetCritic.output[row] : 0)
    }
    critic.forward(x, stride: width, rows: half.rows, in: half.critic)
    half.criticLoss = Losses.squaredError(
      half.critic.output, half.targets.pointer, count: half.rows, scale: 1 / Float(settings.batchSize),
      gradient: half.critic.outputGradient)
    critic.backward(x, stride: width, rows: half.rows, in: half.critic, gradient: half.criticGradient.pointer)
  }

  /// Up the critic's slope with respect to its last input, the action.
  private func actorGradient(_ half: Half) {
    let width = inputs + 1
    let x = half.now.pointer
    actor.forward(x, stride: width, rows: half.rows, in: half.actor)
    for row in 0..<half.rows { x[row * width + inputs] = half.actor.output[row] }
    critic.forward(x, stride: width, rows: half.rows, in: half.critic)
    half.actorLoss = 0
    for row in 0..<half.rows {
      half.actorLoss -= Double(half.critic.output[row])
      half.critic.outputGradient[row] = -1 / Float(settings.batchSize)
    }
    critic.backward(
      x, stride: width, rows: half.rows, in: half.critic, gradient: nil,
      inputGradient: InputGradient(half.actor.outputGradient, stride: 1, first: inputs, columns: 1))
    actor.backward(x, stride: width, rows: half.rows, in: half.actor, gradient: half.actorGradient.pointer)
  }

  func endUpdate() throws {
    var (criticLoss, actorLoss, finite) = (0.0, 0.0, true)
    for half in halves {
      criticLoss += half.criticLoss / Double(settings.batchSize)
      actorLoss += half.actorLoss / Double(settings.batchSize)
      finite = finite && half.finite
    }
    diagnostics.updates += 1
    diagnostics.loss += criticLoss
    diagnostics.valueLoss += criticLoss
    diagnostics.policyLoss += actorLoss
    diagnostics.meanValue -= actorLoss
    guard finite, criticLoss.isFinite, actorLoss.isFinite else {
      let quantity =
        !criticLoss.isFinite ? "the critic's loss" : !actorLoss.isFinite ? "the actor's loss" : "a parameter"
      throw LearningError.nonFinite(agent: index, step: criticOptimiser.steps, quantity: quantity)
    }
  }

  var explorationNow: Double { sigma[0] }

  func takeDiagnostics() -> LearningDiagnostics {
    var result = diagnostics
    let updates = Double(max(1, result.updates))
    result.loss /= updates
    result.policyLoss /= updates
    result.valueLoss /= updates
    result.meanValue /= updates
    result.exploration = explorationNow
    diagnostics = LearningDiagnostics()
    return result
  }

  // MARK: Keeping

  var networks: [(name: String, parameters: NetworkParameters)] {
    [("actor", actor.parameters), ("critic", critic.parameters)]
  }

  func load(networks: [String: NetworkParameters]) throws {
    try loadTogether([("actor", actor), ("critic", critic)], from: networks)
    targetActor.buffer.copy(from: actor.buffer)
    targetCritic.buffer.copy(from: critic.buffer)
  }

  var trainingState: AgentTrainingState {
    var state = AgentTrainingState()
    state.set("target/actor", targetActor.buffer)
    state.set("target/critic", targetCritic.buffer)
    state.set("optimiser/actor", actorOptimiser)
    state.set("optimiser/critic", criticOptimiser)
    memory.save(into: &state)
    state.set("steps", steps)
    state.set("pendingUpdates", pendingUpdates)
    state.set("random/exploration", exploration)
    state.set("random/replay", sampling)
    state.words["noise"] = (0..<rows).map { noise[$0].bitPattern }
    state.words["sigma"] = (0..<rows).map { sigma[$0].bitPattern }
    state.integers["age"] = (0..<rows).map { Int64(age[$0]) }
    return state
  }

  func restore(_ state: AgentTrainingState) throws {
    try state.validate(inputs: inputs, actionKind: actionKind)
    let actorTarget = try state.floats("target/actor", count: targetActor.buffer.count)
    let criticTarget = try state.floats("target/critic", count: targetCritic.buffer.count)
    let actorMoments = try state.optimiser("optimiser/actor", like: actorOptimiser)
    let criticMoments = try state.optimiser("optimiser/critic", like: criticOptimiser)
    let saved = try memory.reading(state)
    let steps = try state.integer("steps", in: counts)
    let pending = try state.integer(
      "pendingUpdates", in: 0...(saved.count > settings.batchSize ? settings.updatesPerRound : 0))
    let exploration = try state.stream("random/exploration", like: exploration)
    let sampling = try state.stream("random/replay", like: sampling)
    let noise = try state.doubles("noise", count: rows)
    let sigma = try state.doubles("sigma", count: rows)
    // The schedule's end is a difference, which rounding may leave a little below its bound.
    let slack = settings.noise.sigmaMax * 1e-12
    let sigmas = settings.noise.sigmaMin - slack...settings.noise.sigmaMax + slack
    if let stray = sigma.first(where: { !sigmas.contains($0) }) {
      throw LearningError.state(
        "sigma", found: "\(stray)", expected: "\(settings.noise.sigmaMin)…\(settings.noise.sigmaMax)")
    }
    let age = try state.integers("age", count: rows, in: counts)
    targetActor.buffer.values = actorTarget
    targetCritic.buffer.values = criticTarget
    actorMoments.apply(to: actorOptimiser)
    criticMoments.apply(to: criticOptimiser)
    saved.apply()
    (self.steps, pendingUpdates) = (steps, pending)
    (self.exploration, self.sampling) = (exploration, sampling)
    for row in 0..<rows {
      self.noise[row] = noise[row]
      self.sigma[row] = sigma[row]
      self.age[row] = age[row]
    }
  }
}
