import Glibc
import NeuralNetwork
import RandomStreams

/// Proximal policy optimisation with a separate critic.
///
///     L = mean( −min(r·Â, clip(r, 1 ± ε)·Â) + c₁·(V − R)² − c₂·H ),   r = π(a|s) / π_old(a|s)
///
/// The critic predicts returns normalised by their rollout's mean and deviation; where its value stands in for rewards that
/// were cut off, it is turned back with those of the rollout before.
///
/// - Source: Schulman et al. 2017.
final class PPO: Agent {
  let algorithm: String
  let actionKind: ActionKind
  let rows: Int
  let parts: Int
  let settings: PPOSettings
  let inputs: Int
  private let outputs: Int
  private let index: Int

  let actor: MLP
  let critic: MLP
  let actorOptimiser: Optimiser
  let criticOptimiser: Optimiser
  let rollout: RolloutBuffer
  var exploration: RandomStream
  var shuffling: RandomStream

  /// Steps stored so far, and the standard deviation with the drops it has had.
  var steps = 0
  var deviation: Double
  var drops = 0
  private let dropPeriod: Int
  /// Of the last rollout's returns.
  var returnMean = 0.0
  var returnDeviation = 1.0
  private var diagnostics = LearningDiagnostics()
  /// Of the running update, over all its steps.
  private var divergence = 0.0
  private var clipped = 0

  private let actorRooms: [RowEvaluation]
  private let criticRooms: [RowEvaluation]
  /// Of the last `evaluate` and `choose`: distributions, values, log-probabilities per row.
  private let distributions: FloatBuffer
  let pendingValues: FloatBuffer
  let pendingLogProbabilities: FloatBuffer
  private let nextValues: FloatBuffer
  /// Per epoch, the samples in the order in which they are used; nil for their own order.
  private let order: UnsafeMutablePointer<Int32>?
  let actorSide: PPOSide
  let criticSide: PPOSide

  /// Rows that go through the networks at once in an update; more would leave the second-level cache.
  static let piece = 96

  init(_ settings: PPOSettings, _ context: AgentContext) throws {
    try settings.validate()
    try requireContext(context)
    let steps = settings.updateEvery * context.episodeSteps
    let samples = steps * context.rows
    try require("rollout", samples, "at most 100,000,000 samples", samples <= 100_000_000)
    try require("minibatches", settings.minibatches, "at most \(samples) samples", settings.minibatches <= samples)
    self.settings = settings
    algorithm = context.algorithm
    actionKind = context.actionKind
    rows = context.rows
    inputs = context.inputs
    outputs = context.actionKind.outputs
    index = context.index
    parts = context.parts

    let actorShape = settings.actorShape(inputs: context.inputs, context.actionKind)
    let criticShape = settings.criticShape(inputs: context.inputs)
    actor = MLP(actorShape)
    critic = MLP(criticShape)
    var random = RandomStream(seed: context.seed, purpose: "initial weights", index)
    try actor.load(NetworkParameters(actorShape, settings.initialiser, using: &random))
    try critic.load(NetworkParameters(criticShape, settings.initialiser, using: &random))
    actorOptimiser = Optimiser(settings.actorOptimiser, count: actorShape.parameterCount)
    criticOptimiser = Optimiser(settings.criticOptimiser, count: criticShape.parameterCount)
    rollout = RolloutBuffer(steps: steps, rows: context.rows, inputs: context.inputs)
    exploration = RandomStream(seed: context.seed, purpose: "exploration", index)
    shuffling = RandomStream(seed: context.seed, purpose: "minibatches", index)
    deviation = settings.deviation.start
    dropPeriod = settings.deviation.period(plannedSteps: context.plannedSteps)

    actorRooms = (0..<2).map { _ in RowEvaluation(actorShape, rows: context.rows) }
    criticRooms = (0..<2).map { _ in RowEvaluation(criticShape, rows: context.rows) }
    distributions = FloatBuffer(context.rows * context.actionKind.outputs)
    pendingValues = FloatBuffer(context.rows)
    pendingLogProbabilities = FloatBuffer(context.rows)
    nextValues = FloatBuffer(context.rows)
    order = settings.minibatches > 1 ? .allocate(capacity: settings.epochs * samples) : nil
    order?.initialize(repeating: 0, count: settings.epochs * samples)
    let largest = min((samples + settings.minibatches - 1) / settings.minibatches, Self.piece)
    let updates = settings.epochs * settings.minibatches
    actorSide = PPOSide(
      actor, actorOptimiser, rows: largest, updates: updates, lossWeight: 1, figureWeight: -settings.entropyWeight)
    criticSide = PPOSide(
      critic, criticOptimiser, rows: largest, updates: updates, lossWeight: settings.valueWeight, figureWeight: 0)
  }

  deinit { order?.deallocate() }

  // MARK: Acting

  func evaluate(_ observations: UnsafePointer<Float>, rows span: Range<Int>, exploring: Bool, part: Int) {
    let x = observations + span.lowerBound * inputs
    actorRooms[part].run(
      actor, x, stride: inputs, rows: span.count, into: distributions.pointer + span.lowerBound * outputs)
    if exploring {
      criticRooms[part].run(critic, x, stride: inputs, rows: span.count, into: pendingValues.pointer + span.lowerBound)
    }
  }

  func choose(rows: Int, exploring: Bool, into actions: UnsafeMutablePointer<Float>) {
    if exploring {
      // Due at the step's end, but after the update that may end there too.
      let due = steps / dropPeriod
      while drops < due {
        let next = settings.deviation.next(after: deviation)
        // Where it has stopped falling, all further drops are one: a file may say that any number of them is due.
        drops = next == deviation ? due : drops + 1
        deviation = next
      }
    }
    let gaussian = GaussianPolicy(deviation: Float(deviation))
    for row in 0..<rows {
      let distribution = distributions.pointer + row * outputs
      switch (actionKind, exploring) {
      case (.discrete, false): actions[row] = Float(firstMaximum(distribution, outputs))
      case (.discrete, true):
        let action = draw(distribution)
        actions[row] = Float(action)
        pendingLogProbabilities.pointer[row] = CategoricalPolicy.logProbability(distribution[action])
      case (_, false): actions[row] = distribution[0]
      case (_, true):
        actions[row] = Float(Double(distribution[0]) + deviation * exploration.normal())
        pendingLogProbabilities.pointer[row] = gaussian.logProbability(actions[row], mean: distribution[0])
      }
    }
  }

  private func draw(_ probabilities: UnsafePointer<Float>) -> Int {
    let point: Float = exploration.uniform()
    var sum: Float = 0
    for action in 0..<outputs {
      sum += probabilities[action]
      if point < sum { return action }
    }
    return outputs - 1
  }

  // MARK: Storing

  func store(_ step: Transitions) {
    let place = rollout.filled * rows
    rollout.append(step, logProbabilities: pendingLogProbabilities.pointer, values: pendingValues.pointer)
    steps += 1
    (rollout.bootstrap.pointer + place).update(repeating: 0, count: rows)
    defer { discardUnlessPresent() }
    if settings.compatibility == .upstream { return }
    var isCut = rollout.isFull
    for row in 0..<rows where step.ends[row] == StepEnd.truncated.rawValue { isCut = true }
    for row in 0..<rows where step.ends[row] == StepEnd.absent.rawValue {
      rollout.bootstrap.pointer[place + row] = Float(
        Double(pendingValues.pointer[row]) * returnDeviation + returnMean)
    }
    if !isCut { return }
    criticRooms[0].run(critic, step.nextObservations, stride: inputs, rows: rows, into: nextValues.pointer)
    for row in 0..<rows where step.ends[row] != StepEnd.absent.rawValue {
      rollout.bootstrap.pointer[place + row] = Float(Double(nextValues.pointer[row]) * returnDeviation + returnMean)
    }
  }

  /// A rollout in which hardly anybody was there has nothing to teach: every minibatch must have a few samples.
  private func discardUnlessPresent() {
    if rollout.isFull, rollout.presentCount < min(4 * settings.minibatches, rollout.samples) { rollout.removeAll() }
  }

  // MARK: Learning

  var updatesDue: Int { rollout.isFull ? 1 : 0 }
  /// Actor and critic know nothing of each other once the advantages are there: each runs through all its epochs alone.
  var phases: Int { 1 }

  func beginUpdate() {
    estimateAdvantages()
    actorSide.begin()
    criticSide.begin()
    (divergence, clipped) = (0, 0)
    guard let order else { return }
    let samples = rollout.samples
    for epoch in 0..<settings.epochs {
      let places = UnsafeMutableBufferPointer(start: order + epoch * samples, count: samples)
      for index in 0..<samples { places[index] = Int32(truncatingIfNeeded: index) }
      shuffling.shufflePrefix(samples, of: places)
    }
  }

  func run(phase: Int, part: Int) {
    if part == 0 { run(actorSide) { policySlopes($0, $1, of: $2) } }
    if part == parts - 1 { run(criticSide) { valueSlopes($0, $1, of: $2) } }
  }

  /// All epochs of one network. `slopes(span, places, batch)` writes the loss's gradient with respect to the outputs of
  /// the samples in `span` (by way of `places` where those are shuffled) and returns the sum of their losses and of a
  /// second figure.
  private func run(
    _ side: PPOSide, slopes: (Range<Int>, UnsafePointer<Int32>?, Int) -> (loss: Double, figure: Double)
  ) {
    let samples = rollout.samples
    for step in 0..<settings.epochs * settings.minibatches {
      let minibatch = step % settings.minibatches
      let start = samples * minibatch / settings.minibatches
      let batch = samples * (minibatch + 1) / settings.minibatches - start
      let places = order.map { UnsafePointer($0 + step / settings.minibatches * samples) }
      let pieces = (batch + Self.piece - 1) / Self.piece
      var (loss, figure) = (0.0, 0.0)
      for piece in 0..<pieces {
        let span = start + batch * piece / pieces..<start + batch * (piece + 1) / pieces
        let x = input(span, places, side)
        side.network.forward(x, stride: inputs, rows: span.count, in: side.workspace)
        let sums = slopes(span, places, batch)
        (loss, figure) = (loss + sums.loss, figure + sums.figure)
        side.network.backward(
          x, stride: inputs, rows: span.count, in: side.workspace, gradient: side.gradient.pointer,
          accumulate: piece > 0, beforeActivation: side === actorSide && actionKind.isDiscrete)
      }
      side.finish(step, loss: loss / Double(batch), figure: figure / Double(batch))
    }
  }

  /// The observations of `span`: where they lie, or gathered.
  private func input(
    _ span: Range<Int>, _ places: UnsafePointer<Int32>?, _ side: PPOSide
  ) -> UnsafePointer<Float> {
    guard let places else { return UnsafePointer(rollout.observations.pointer + span.lowerBound * inputs) }
    for (row, sample) in span.enumerated() {
      (side.gathered.pointer + row * inputs).update(
        from: rollout.observations.pointer + Int(places[sample]) * inputs, count: inputs)
    }
    return UnsafePointer(side.gathered.pointer)
  }

  /// c₁·(V − R)².
  private func valueSlopes(
    _ span: Range<Int>, _ places: UnsafePointer<Int32>?, of batch: Int
  ) -> (loss: Double, figure: Double) {
    let (output, slope) = (criticSide.workspace.output, criticSide.workspace.outputGradient)
    let weight = 2 * Float(settings.valueWeight) * (1 / Float(batch))
    var (loss, value) = (0.0, 0.0)
    for row in 0..<span.count {
      let sample = places.map { Int($0[span.lowerBound + row]) } ?? span.lowerBound + row
      let error = output[row] - rollout.returns.pointer[sample]
      loss += Double(error) * Double(error)
      value += Double(output[row])
      slope[row] = weight * error
    }
    return (loss, value)
  }

  /// The clipped objective's gradient: with respect to the mean (continuous) or the logits (discrete).
  ///
  /// - Returns: sums of policy loss and entropy.
  private func policySlopes(
    _ span: Range<Int>, _ places: UnsafePointer<Int32>?, of batch: Int
  ) -> (loss: Double, figure: Double) {
    let scale = 1 / Float(batch)
    let gaussian = GaussianPolicy(deviation: Float(deviation))
    let clip = Float(settings.clip)
    let (output, slope) = (actorSide.workspace.output, actorSide.workspace.outputGradient)
    let isDiscrete = actionKind.isDiscrete
    var (loss, entropy, divergence) = (0.0, 0.0, 0.0)
    for row in 0..<span.count {
      let sample = places.map { Int($0[span.lowerBound + row]) } ?? span.lowerBound + row
      let action = rollout.actions.pointer[sample]
      let p = output + row * outputs
      let log =
        isDiscrete
        ? CategoricalPolicy.logProbability(p[Int(action)]) : gaussian.logProbability(action, mean: p[0])
      let old = rollout.logProbabilities.pointer[sample]
      let objective = Losses.clippedObjective(
        logProbability: log, old: old, advantage: rollout.advantages.pointer[sample], clip: clip)
      loss += Double(objective.loss)
      divergence += Double(objective.ratio - 1 - (log - old))
      if objective.clipped { clipped += 1 }
      if isDiscrete {
        entropy += Double(CategoricalPolicy.entropy(p, count: outputs))
        CategoricalPolicy.gradient(
          p, count: outputs, action: Int(action), logProbabilityWeight: objective.gradient * scale,
          entropyWeight: -Float(settings.entropyWeight) * scale, into: slope + row * outputs)
      } else {
        slope[row] = objective.gradient * gaussian.gradient(action, mean: p[0]) * scale
      }
    }
    if !isDiscrete { entropy = Double(gaussian.entropy) * Double(span.count) }
    self.divergence += divergence * Double(scale)
    return (loss, entropy)
  }

  func endUpdate() throws {
    defer { rollout.removeAll() }
    let updates = settings.epochs * settings.minibatches
    let policyLoss = actorSide.loss
    let valueLoss = criticSide.loss
    let loss = (0..<updates).reduce(0.0) {
      $0 + Double(actorSide.objectives.pointer[$1]) + Double(criticSide.objectives.pointer[$1])
    }
    diagnostics.policyLoss += policyLoss
    diagnostics.valueLoss += valueLoss
    diagnostics.entropy += actorSide.figure
    diagnostics.meanValue += criticSide.figure
    diagnostics.clippedFraction += Double(clipped) * Double(settings.minibatches) / Double(rollout.samples)
    diagnostics.approximateKL += divergence
    diagnostics.loss += loss
    diagnostics.updates += updates
    guard actorSide.isFinite, criticSide.isFinite, loss.isFinite else {
      throw LearningError.nonFinite(
        agent: index, step: actorOptimiser.steps, quantity: loss.isFinite ? "a parameter" : "the loss")
    }
  }

  var explorationNow: Double { actionKind.isDiscrete ? 0 : deviation }

  func takeDiagnostics() -> LearningDiagnostics {
    var result = diagnostics
    let updates = Double(max(1, result.updates))
    result.loss /= updates
    result.policyLoss /= updates
    result.valueLoss /= updates
    result.entropy /= updates
    result.meanValue /= updates
    result.clippedFraction /= updates
    result.approximateKL /= updates
    result.exploration = explorationNow
    diagnostics = LearningDiagnostics()
    return result
  }
}
