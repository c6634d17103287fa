import Autoscaling
import Backend
import Checkpoints
import Control
import Foundation
import Synchronization
import Terminal
import Training

/// A control loop of trained agents as a session drives it.
final class LoopDriver<Cluster: ControlledCluster>: SessionDriver {
  typealias Loop = ControlLoop<Cluster, AgentPolicy<TrainedActions>>

  /// What depends on the kind of cluster.
  struct Hooks {
    var facts: ClusterFacts
    var counts: () -> ResizeCounts = { ResizeCounts() }
    var election: () -> ElectionFacts? = { nil }
    var release: () -> (restored: Int, failed: [String: String])
    var owesLimits: () -> Bool = { false }
    var note: (Int) -> String = { _ in "" }
    /// After each round.
    var follow: (ControlRound, PodGroup) -> Void = { _, _ in }
    /// Before agents act for the first time: throws when the cluster would not let them.
    var prove: () throws -> Void = {}
    /// The shield for other bounds.
    var shield: (SessionSettings) -> SafetyShield
  }

  let loop: Loop
  private let hooks: Hooks
  private var chosen: ChosenAgents
  private var settings: SessionSettings
  private let switches: ActingSwitch
  private var log: DecisionLogWriter?
  private let logsObservations: Bool
  private let logPath: String?
  /// Who is lowered to its minimum in the next round; an empty name for all.
  private var lowered: Set<String> = []

  init(
    _ loop: Loop, _ chosen: ChosenAgents, _ settings: SessionSettings, _ switches: ActingSwitch, hooks: Hooks,
    log path: String?, logsObservations: Bool
  ) throws {
    self.loop = loop
    self.chosen = chosen
    self.settings = settings
    self.switches = switches
    self.hooks = hooks
    self.logsObservations = logsObservations
    logPath = path
    loop.adjust = { [unowned self] place, _ in adjust(&place) }
    take(settings)
    if let path {
      log = try DecisionLogWriter(path: path, header: try header(continues: nil), logsObservations: logsObservations)
    }
  }

  var facts: ClusterFacts { hooks.facts }
  var election: ElectionFacts? { hooks.election() }
  var group: PodGroup { loop.group }
  var counts: ResizeCounts { hooks.counts() }
  func note(_ place: Int) -> String { hooks.note(place) }
  func lowerOnce(_ pod: String?) { lowered.insert(pod ?? "") }
  var owesLimits: Bool { hooks.owesLimits() }
  func release() -> (restored: Int, failed: [String: String]) { hooks.release() }

  func perform() throws -> (round: ControlRound, seconds: Double)? {
    guard try loop.cluster.awaitRound(interval: loop.interval) else { return nil }
    let began = Clock.monotonic()
    let lowering = !lowered.isEmpty
    if lowering { act(true) }
    defer {
      if lowering {
        lowered = []
        act(settings.acts)
      }
    }
    if lowering != wasLowering { try writeHeader(applies: lowering || settings.acts) }
    wasLowering = lowering
    let round = try loop.perform()
    hooks.follow(round, loop.group)
    try log?.write(round, loop.group, actions: loop.policy.actions)
    return (round, Clock.monotonic() - began)
  }

  private var wasLowering = false

  private func act(_ acts: Bool) {
    loop.applies = acts
    switches.acts.store(acts, ordering: .relaxed)
  }

  /// An operator's word on a pod comes after its annotations'; lowering all comes after everything.
  private func adjust(_ place: inout Place) {
    let name = place.description.name
    let mayMove = place.isApplied
    settings.pods[name]?.adjust(&place)
    guard !lowered.isEmpty else { return }
    if lowered.contains("") || lowered.contains(name) {
      let low = max(place.description.bounds.lowerBound, settings.minimum)
      place.description.bounds = low...low
      if lowered.contains(name) { place.isApplied = mayMove }
    } else if !settings.acts {
      place.isApplied = false
    }
  }

  func change(to new: SessionSettings) throws {
    var next = chosen
    let hasNewAgents =
      new.algorithm != settings.algorithm || new.checkpoint != settings.checkpoint || new.hack != settings.hack
    if hasNewAgents {
      next = try ChosenAgents(algorithm: new.algorithm, checkpoint: new.checkpoint, hack: new.hack, like: chosen)
    }
    if new.acts, !settings.acts { try hooks.prove() }
    let decisions = next.settings(pool: new.capacity, shield: hooks.shield(new))
    let continues = try loop.change(
      to: decisions, makePolicy: hasNewAgents ? { try next.policy($0) } : nil)
    let isSameRun = continues && !hasNewAgents
    let old = settings
    chosen = next
    take(new)
    if new.acts != old.acts || new.interval != old.interval || hasNewAgents || decisions.pool.capacity != old.capacity
      || new.minimum != old.minimum || new.maximum != old.maximum
    {
      try log?.write(try header(continues: isSameRun ? true : nil))
    }
  }

  private func take(_ new: SessionSettings) {
    settings = new
    loop.interval = new.interval
    act(new.acts)
  }

  private func writeHeader(applies: Bool) throws {
    var header = try header(continues: true)
    header.applies = applies
    try log?.write(header)
  }

  private func header(continues: Bool?) throws -> DecisionLogHeader {
    var header = DecisionLogHeader(
      version: softwareVersion, started: Clock.iso8601(Clock.wall()), applies: settings.acts,
      interval: settings.interval,
      agents: .init(
        checkpoint: chosen.agents.path, sha256: try CheckpointSummary(ofFile: chosen.agents.path).digest ?? "",
        algorithm: chosen.agents.algorithm.name, hack: chosen.hack), settings: loop.group.settings)
    header.continues = continues
    return header
  }
}

/// Whether resizes may be sent, asked from any thread.
final class ActingSwitch: Sendable {
  let acts: Atomic<Bool>

  init(_ acts: Bool) { self.acts = Atomic(acts) }
}
