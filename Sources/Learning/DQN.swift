import NeuralNetwork
import RandomStreams

/// Deep Q-learning with replay and a slowly following target network.
///
///     L = mean Huber( Q(s, a) − (r + γ·Q′(s′, a*)) ),   a* = argmax Q′(s′, ·), or argmax Q(s′, ·) when double
///
/// - Source: Mnih et al. 2015; van Hasselt et al. 2016; Wang et al. 2016.
final class DQN: Agent {
  let algorithm: String
  let actionKind: ActionKind
  let rows: Int
  let parts: Int
  let settings: DQNSettings
  private let inputs: Int
  private let actions: Int
  private let index: Int

  let policy: QNetwork
  let target: QNetwork
  let optimiser: Optimiser
  let memory: ReplayBuffer
  private var exploration: RandomStream
  private var sampling: RandomStream
  /// Exploring decisions and stored steps so far.
  private var decisions = 0
  private var steps = 0
  private var pendingUpdates = 0
  private var diagnostics = LearningDiagnostics()

  private let acting: [ActingRoom]
  private let answers: FloatBuffer
  let halves: [Half]

  /// Room to evaluate a piece of the observations; one per thread.
  private final class ActingRoom {
    static let rows = 128
    let workspace: QWorkspace
    init(_ network: QNetwork, rows: Int) {
      workspace = QWorkspace(network, rows: min(rows, Self.rows), training: false)
    }
  }

  /// One part of a batch: rows `first ..< first + rows` of the sample.
  final class Half {
    let first: Int
    let rows: Int
    let states: FloatBuffer
    let nextStates: FloatBuffer
    let online: QWorkspace
    let next: QWorkspace
    let chosen: QWorkspace?
    let gradient: FloatBuffer
    /// Per row: Q(s, a), the target, ∂L/∂Q(s, a).
    let predictions: FloatBuffer
    let targets: FloatBuffer
    let slopes: FloatBuffer
    /// The parameters that this part's optimiser step covers.
    let range: Range<Int>
    var loss = 0.0
    var value = 0.0
    var finite = true
    /// Sums over the part, for means over the whole batch.
    var advantageSum: Float = 0
    var nextAdvantageSum: Float = 0
    var nextRows = 0
    var slopeSum: Float = 0

    init(_ network: QNetwork, rows span: Range<Int>, range: Range<Int>, inputs: Int, double: Bool) {
      first = span.lowerBound
      rows = span.count
      self.range = range
      states = FloatBuffer(rows * inputs)
      nextStates = FloatBuffer(rows * inputs)
      online = QWorkspace(network, rows: rows, training: true)
      next = QWorkspace(network, rows: rows, training: false)
      chosen = double ? QWorkspace(network, rows: rows, training: false) : nil
      gradient = FloatBuffer(network.buffer.count)
      predictions = FloatBuffer(rows)
      targets = FloatBuffer(rows)
      slopes = FloatBuffer(rows)
    }
  }

  init(_ settings: DQNSettings, _ context: AgentContext) throws {
    try settings.validate()
    try requireContext(context)
    guard case .discrete(let actions) = context.actionKind else {
      throw LearningError.setting("actions", found: "continuous", expected: "discrete for \(context.algorithm)")
    }
    try require("memory", settings.memory, "at least the \(context.rows) clusters", settings.memory >= context.rows)
    self.settings = settings
    algorithm = context.algorithm
    actionKind = context.actionKind
    rows = context.rows
    inputs = context.inputs
    index = context.index
    self.actions = actions
    parts = settings.batchSize > 1 ? context.parts : 1

    policy = settings.network(inputs: inputs, actions: actions)
    var random = RandomStream(seed: context.seed, purpose: "initial weights", index)
    try policy.initialise(settings.initialiser, using: &random)
    target = policy.twin()
    target.buffer.copy(from: policy.buffer)
    optimiser = Optimiser(settings.optimiser, count: policy.buffer.count)
    memory = ReplayBuffer(capacity: settings.memory, inputs: inputs, batch: settings.batchSize)
    exploration = RandomStream(seed: context.seed, purpose: "exploration", index)
    sampling = RandomStream(seed: context.seed, purpose: "replay", index)

    let coupled = settings.dueling && settings.compatibility == .upstream
    let gradient: [Phase] = coupled ? [.forward, .loss, .backward] : [.gradient]
    plan = gradient + (settings.optimiser.clipNorm == nil ? [.step] : [.norm, .step])
    let network = policy
    acting = (0..<2).map { _ in ActingRoom(network, rows: context.rows) }
    answers = FloatBuffer(context.rows * actions)
    let spans = halvesOf(settings.batchSize, parts: parts)
    let ranges = halvesOf(policy.buffer.count, parts: parts, multiple: 16)
    halves = zip(spans, ranges).map {
      Half(network, rows: $0, range: $1, inputs: context.inputs, double: settings.double)
    }
  }

  // MARK: Acting

  func evaluate(_ observations: UnsafePointer<Float>, rows span: Range<Int>, exploring: Bool, part: Int) {
    var first = span.lowerBound
    while first < span.upperBound {
      let count = min(ActingRoom.rows, span.upperBound - first)
      let output = policy.forwardGreedy(
        observations + first * inputs, stride: inputs, rows: count, in: acting[part].workspace)
      (answers.pointer + first * actions).update(from: output, count: count * actions)
      first += count
    }
  }

  func choose(rows: Int, exploring: Bool, into chosen: UnsafeMutablePointer<Float>) {
    for row in 0..<rows {
      var action = firstMaximum(answers.pointer + row * actions, actions)
      if exploring {
        if (exploration.uniform() as Double) <= settings.epsilon.value(at: decisions) {
          action = exploration.below(actions)
        }
        decisions += 1
      }
      chosen[row] = Float(action)
    }
  }

  // MARK: Learning

  var learnsFromLastAgent: Bool { settings.compatibility == .upstream }

  func store(_ step: Transitions) {
    memory.append(step, stopAtTimeLimit: settings.compatibility == .upstream)
    steps += 1
    if steps % settings.updateEvery == 0, memory.count >= settings.batchSize {
      pendingUpdates = settings.updatesPerRound
    }
  }

  /// The dueling mean over the whole batch ties its rows together: all must be evaluated before one loss is known.
  private var isCoupled: Bool { settings.dueling && settings.compatibility == .upstream }

  private enum Phase { case forward, loss, backward, gradient, norm, step }
  private let plan: [Phase]

  var updatesDue: Int { pendingUpdates }
  var phases: Int { plan.count }

  func beginUpdate() {
    pendingUpdates -= 1
    memory.draw(settings.batchSize, using: &sampling)
    optimiser.begin(tau: Float(settings.tau))
  }

  func run(phase: Int, part: Int) {
    let half = halves[part]
    switch plan[phase] {
    case .forward: forward(half)
    case .loss: loss(half)
    case .backward: backward(half)
    case .gradient:
      forward(half)
      loss(half)
      backward(half)
    case .norm: if part == 0 { optimiser.clipNorm(gradient: half.gradient.pointer, other: secondGradient) }
    case .step:
      half.finite = optimiser.apply(
        to: policy.buffer.pointer, gradient: halves[0].gradient.pointer, other: secondGradient,
        target: target.buffer.pointer, range: half.range)
    }
  }

  private var secondGradient: UnsafePointer<Float>? { parts == 2 ? UnsafePointer(halves[1].gradient.pointer) : nil }

  private func forward(_ half: Half) {
    let (x, y) = (half.states.pointer, half.nextStates.pointer)
    for row in 0..<half.rows {
      let place = Int(memory.sample[half.first + row]) * inputs
      (x + row * inputs).update(from: memory.states.pointer + place, count: inputs)
      (y + row * inputs).update(from: memory.nextStates.pointer + place, count: inputs)
    }
    target.forward(y, stride: inputs, rows: half.rows, in: half.next, combining: !isCoupled)
    if let chosen = half.chosen { _ = policy.forwardGreedy(y, stride: inputs, rows: half.rows, in: chosen) }
    policy.forward(x, stride: inputs, rows: half.rows, in: half.online, combining: !isCoupled)
    guard isCoupled, let online = half.online.heads, let next = half.next.heads else { return }
    half.advantageSum = DuelingHead.sum(online.advantage.output, half.rows * actions)
    (half.nextAdvantageSum, half.nextRows) = (0, 0)
    for row in 0..<half.rows where memory.continues.pointer[Int(memory.sample[half.first + row])] != 0 {
      half.nextAdvantageSum += DuelingHead.sum(next.advantage.output + row * actions, actions)
      half.nextRows += 1
    }
  }

  private func loss(_ half: Half) {
    if isCoupled { combineOverBatch(half) }
    let discount = Float(settings.discount)
    let preferences = half.chosen.map { $0.heads?.advantage.output ?? $0.q } ?? half.next.q
    var value = 0.0
    for row in 0..<half.rows {
      let place = Int(memory.sample[half.first + row])
      let action = Int(memory.actions.pointer[place])
      let best = firstMaximum(preferences + row * actions, actions)
      half.predictions.pointer[row] = half.online.q[row * actions + action]
      half.targets.pointer[row] =
        memory.rewards.pointer[place]
        + (memory.continues.pointer[place] != 0 ? discount * half.next.q[row * actions + best] : 0)
      value += Double(half.predictions.pointer[row])
    }
    half.value = value
    half.loss = Losses.huber(
      half.predictions.pointer, half.targets.pointer, count: half.rows, delta: Float(settings.huberDelta),
      scale: 1 / Float(settings.batchSize), gradient: half.slopes.pointer)
    half.online.qGradient.update(repeating: 0, count: half.rows * actions)
    half.slopeSum = 0
    for row in 0..<half.rows {
      let action = Int(memory.actions.pointer[Int(memory.sample[half.first + row])])
      half.online.qGradient[row * actions + action] = half.slopes.pointer[row]
      half.slopeSum += half.slopes.pointer[row]
    }
  }

  /// Upstream's form: one mean for all rows and actions (of the target network: for the rows that go on).
  private func combineOverBatch(_ half: Half) {
    var (sum, nextSum, nextRows): (Float, Float, Int) = (0, 0, 0)
    for other in halves {
      sum += other.advantageSum
      nextSum += other.nextAdvantageSum
      nextRows += other.nextRows
    }
    if let online = half.online.heads, let next = half.next.heads {
      DuelingHead.combine(
        values: online.value.output, advantages: online.advantage.output,
        mean: sum / Float(settings.batchSize * actions), rows: half.rows, actions: actions, into: half.online.q)
      DuelingHead.combine(
        values: next.value.output, advantages: next.advantage.output, mean: nextSum / Float(max(1, nextRows) * actions),
        rows: half.rows, actions: actions, into: half.next.q)
    }
  }

  private func backward(_ half: Half) {
    var mean: Float?
    if isCoupled { mean = halves.reduce(0) { $0 + $1.slopeSum } / Float(settings.batchSize * actions) }
    policy.backward(
      half.states.pointer, stride: inputs, rows: half.rows, in: half.online, gradient: half.gradient.pointer,
      mean: mean)
  }

  func endUpdate() throws {
    var (loss, value, finite) = (0.0, 0.0, true)
    for half in halves {
      loss += half.loss
      value += half.value
      finite = finite && half.finite
    }
    diagnostics.updates += 1
    diagnostics.loss += loss / Double(settings.batchSize)
    diagnostics.meanValue += value / Double(settings.batchSize)
    guard finite, loss.isFinite else {
      throw LearningError.nonFinite(
        agent: index, step: optimiser.steps, quantity: loss.isFinite ? "a parameter" : "the loss")
    }
  }

  var explorationNow: Double { settings.epsilon.value(at: decisions) }

  func takeDiagnostics() -> LearningDiagnostics {
    var result = diagnostics
    result.loss /= Double(max(1, result.updates))
    result.meanValue /= Double(max(1, result.updates))
    result.exploration = explorationNow
    diagnostics = LearningDiagnostics()
    return result
  }

  // MARK: Keeping

  var networks: [(name: String, parameters: NetworkParameters)] {
    policy.streams.map { ($0.name, $0.network.parameters) }
  }

  func load(networks: [String: NetworkParameters]) throws {
    try loadTogether(policy.streams, from: networks)
    target.buffer.copy(from: policy.buffer)
  }

  var trainingState: AgentTrainingState {
    var state = AgentTrainingState()
    state.set("target", target.buffer)
    state.set("optimiser", optimiser)
    memory.save(into: &state)
    state.set("decisions", decisions)
    state.set("steps", steps)
    state.set("pendingUpdates", pendingUpdates)
    state.set("random/exploration", exploration)
    state.set("random/replay", sampling)
    return state
  }

  func restore(_ state: AgentTrainingState) throws {
    try state.validate(inputs: inputs, actionKind: actionKind)
    let target = try state.floats("target", count: target.buffer.count)
    let moments = try state.optimiser("optimiser", like: optimiser)
    let saved = try memory.reading(state)
    let decisions = try state.integer("decisions", in: counts)
    let steps = try state.integer("steps", in: counts)
    let pending = try state.integer(
      "pendingUpdates", in: 0...(saved.count >= settings.batchSize ? settings.updatesPerRound : 0))
    let exploration = try state.stream("random/exploration", like: exploration)
    let sampling = try state.stream("random/replay", like: sampling)
    self.target.buffer.values = target
    moments.apply(to: optimiser)
    saved.apply()
    (self.decisions, self.steps, pendingUpdates) = (decisions, steps, pending)
    (self.exploration, self.sampling) = (exploration, sampling)
  }
}
