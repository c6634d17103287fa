import CMarlise
import NeuralNetwork

/// The agents of one run, all of one shape, and the threads they learn on.
///
/// With an odd number of agents the last one's batch is always computed as two halves whose gradients are added in order;
/// two threads then share it. The bits do not depend on the number of threads.
///
/// Arrays are agent-major: observations `[agents, clusters, inputs]`, actions, rewards and ends `[agents, clusters]`.
public final class AgentGroup {
  public let agents: [any Agent]
  /// Environments per agent.
  public let rows: Int
  public let inputs: Int
  public let threads: Int

  private let slots: [Slot]
  private(set) var pair: TwoThreads?
  private var job = Job.learn
  /// What the last `learn` did, per agent; where it had nothing to do, `updates` is 0, `exploration` is as it is now, and the
  /// rest is of the one before.
  public private(set) var diagnostics: [LearningDiagnostics]

  private enum Job {
    case learn
    case act(UnsafePointer<Float>, UnsafeMutablePointer<Float>, exploring: Bool)
  }

  /// An agent and what came of its work; one thread at a time writes it.
  private final class Slot {
    let agent: any Agent
    var diagnostics = LearningDiagnostics()
    var failure: (any Error)?
    /// Of an agent that both threads work for: the updates of this `learn`.
    var updates = 0
    init(_ agent: any Agent) { self.agent = agent }
  }

  /// - Parameters:
  ///   - count: pods, and agents unless they share.
  ///   - clusters: environments side by side.
  ///   - shareParameters: one agent that takes the rows of all.
  ///   - threads: 1 or 2.
  /// - Throws: `LearningError` for settings that do not fit.
  public init(
    _ algorithm: AlgorithmDescription, settings: (any AgentSettings)? = nil, actionKind: ActionKind? = nil, count: Int,
    clusters: Int = 1, inputs: Int, seed: UInt64, episodeSteps: Int = 60, plannedSteps: Int = 18_000,
    shareParameters: Bool = false, threads: Int = 1
  ) throws {
    try require("agents", count, "1 to 100,000", (1...100_000).contains(count))
    try require("threads", threads, "1 or 2", threads == 1 || threads == 2)
    try require("clusters", clusters, "1 to 1,000,000", (1...1_000_000).contains(clusters))
    let agentCount = shareParameters ? 1 : count
    let rows = shareParameters ? clusters * count : clusters
    let settings = settings ?? algorithm.settings
    agents = try (0..<agentCount).map { index in
      try algorithm.makeAgent(
        settings: settings,
        AgentContext(
          algorithm: algorithm.name, actionKind: actionKind ?? algorithm.actionKind, inputs: inputs, rows: rows,
          seed: seed, index: index, parts: agentCount % 2 == 1 && index == agentCount - 1 ? 2 : 1,
          episodeSteps: episodeSteps, plannedSteps: plannedSteps))
    }
    self.rows = rows
    self.inputs = inputs
    self.threads = threads
    slots = agents.map(Slot.init)
    diagnostics = agents.map { _ in LearningDiagnostics() }
    if threads == 2 { pair = try TwoThreads(threads: 2) { [unowned self] in self.work(thread: $0) } }
  }

  // MARK: Acting

  /// Rows of evaluation below which waking the other thread costs more than it saves.
  private static let worthSharing = 16

  public func act(
    _ observations: UnsafePointer<Float>, exploring: Bool, into actions: UnsafeMutablePointer<Float>
  ) {
    if let pair, rows * agents.count >= Self.worthSharing {
      job = .act(observations, actions, exploring: exploring)
      pair.run()
      return
    }
    for (index, agent) in agents.enumerated() {
      agent.act(
        observations + index * rows * inputs, rows: rows, exploring: exploring, into: actions + index * rows)
    }
  }

  // MARK: Storing

  /// Takes in one step of all environments; see `Transitions` for what each array holds.
  public func store(
    observations: UnsafePointer<Float>, actions: UnsafePointer<Float>, rewards: UnsafePointer<Float>,
    nextObservations: UnsafePointer<Float>, ends: UnsafePointer<Float>
  ) {
    for (index, agent) in agents.enumerated() {
      let source = (agent.learnsFromLastAgent ? agents.count - 1 : index) * rows
      agent.store(
        Transitions(
          rows: rows, observations: observations + source * inputs, actions: actions + source,
          rewards: rewards + source, nextObservations: nextObservations + source * inputs, ends: ends + source))
    }
  }

  // MARK: Learning

  /// Takes the gradient steps that are due, for all agents. Subnormal numbers count as 0 meanwhile.
  ///
  /// - Throws: `LearningError.nonFinite` of the first agent that failed.
  public func learn() throws {
    guard agents.contains(where: { $0.isUpdateDue }) else {
      for (index, agent) in agents.enumerated() {
        diagnostics[index].updates = 0
        diagnostics[index].exploration = agent.explorationNow
      }
      return
    }
    if let pair {
      job = .learn
      pair.run()
      if slots.count % 2 == 1, let last = slots.last {
        if last.updates > 0 { end(last) }
        last.diagnostics = last.agent.takeDiagnostics()
      }
      for slot in slots { if let failure = slot.failure { throw failure } }
      for (index, slot) in slots.enumerated() { diagnostics[index] = slot.diagnostics }
    } else {
      let before = marlise_flush_subnormals()
      defer { marlise_restore_subnormals(before) }
      for (index, agent) in agents.enumerated() { diagnostics[index] = try agent.learn() }
    }
  }

  // MARK: Two threads

  private func work(thread: Int) {
    switch job {
    case .learn:
      let before = marlise_flush_subnormals()
      learn(thread: thread)
      marlise_restore_subnormals(before)
    case .act(let observations, let actions, let exploring):
      act(thread: thread, observations, exploring: exploring, into: actions)
    }
  }

  /// Every second agent as a whole; then, when their number is odd, the last one's parts.
  ///
  /// The last agent's sample is drawn before anything else, so that the other thread does not wait for it, and what only
  /// one thread can do at the end of its last update is left to `learn`, which waits for both anyway.
  private func learn(thread: Int) {
    let whole = slots.count / 2 * 2
    let last = whole < slots.count ? slots[whole] : nil
    if thread == 0, let last {
      last.failure = nil
      last.updates = last.agent.updatesDue
      if last.updates > 0 { last.agent.beginUpdate() }
    }
    for index in stride(from: thread, to: whole, by: 2) {
      let slot = slots[index]
      slot.failure = nil
      do { slot.diagnostics = try slot.agent.learn() } catch { slot.failure = error }
    }
    guard let last else { return }
    let agent = last.agent
    pair?.meet(thread)
    for update in 0..<last.updates {
      if update > 0 {
        pair?.meet(thread)
        if thread == 0 {
          end(last)
          agent.beginUpdate()
        }
        pair?.meet(thread)
      }
      for phase in 0..<agent.phases {
        if phase > 0 { pair?.meet(thread) }
        if thread < agent.parts { agent.run(phase: phase, part: thread) }
      }
    }
  }

  /// Ends an update of the shared agent; its first failure is the one that is told.
  private func end(_ slot: Slot) {
    do { try slot.agent.endUpdate() } catch { slot.failure = slot.failure ?? error }
  }

  private func act(
    thread: Int, _ observations: UnsafePointer<Float>, exploring: Bool, into actions: UnsafeMutablePointer<Float>
  ) {
    let whole = slots.count / 2 * 2
    for index in stride(from: thread, to: whole, by: 2) {
      slots[index].agent.act(
        observations + index * rows * inputs, rows: rows, exploring: exploring, into: actions + index * rows)
    }
    if whole == slots.count { return }
    let agent = slots[whole].agent
    let middle = (rows + 1) / 2
    agent.evaluate(
      observations + whole * rows * inputs, rows: thread == 0 ? 0..<middle : middle..<rows, exploring: exploring,
      part: thread)
    pair?.meet(thread)
    if thread == 0 { agent.choose(rows: rows, exploring: exploring, into: actions + whole * rows) }
  }
}
