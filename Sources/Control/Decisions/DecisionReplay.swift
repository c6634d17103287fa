import Autoscaling
import Foundation

/// Computes the decisions of a run again, through the same `PodGroup`, and compares every number: what was seen, what the
/// networks said, what was asked, granted and sent.
public struct DecisionReplay<Policy: ScalingPolicy> {
  /// The first thing that differs.
  public struct Difference: Sendable, Equatable, CustomStringConvertible {
    public var round: Int
    public var pod: String
    public var quantity: String
    public var logged: String
    public var computed: String

    public var description: String {
      "round \(round), \(pod): \(quantity) was \(logged), is computed as \(computed)"
    }
  }

  public private(set) var header: DecisionLogHeader
  private var settings: DecisionSettings
  private let makePolicy: (Int) throws -> Policy
  private let actions: (Policy) -> [Float]
  private var group: PodGroup?
  private var policy: Policy?
  private var samples: [PodSample] = []
  public private(set) var rounds = 0
  public private(set) var decisions = 0
  public private(set) var differences: [Difference] = []

  /// - Parameters:
  ///   - makePolicy: the policy for so many places.
  ///   - actions: what its networks answered last.
  /// - Throws: `DecisionLogError` for a header that cannot be used.
  public init(
    _ header: DecisionLogHeader, makePolicy: @escaping (Int) throws -> Policy, actions: @escaping (Policy) -> [Float]
  ) throws {
    self.header = header
    settings = try header.settings()
    self.makePolicy = makePolicy
    self.actions = actions
  }

  /// Goes on with the settings of a header that continues this run.
  ///
  /// - Throws: `DecisionLogError` for a header that cannot be used.
  public mutating func proceed(with next: DecisionLogHeader) throws {
    settings = try next.settings()
    header = next
    group?.settings = settings
  }

  /// Computes one round again.
  ///
  /// - Throws: `DecisionLogError` for a record that contradicts itself.
  public mutating func take(_ record: DecisionRecord) throws {
    try check(record)
    for place in record.rejectedBefore { group?.noteRejected(place) }
    let group = try prepare(record)
    samples = record.pods.map { $0.sample?.sample ?? .absent(at: record.time) }
    samples.withUnsafeBufferPointer { group.observe($0, at: record.time) }
    guard var policy else { return }
    group.decide(asking: &policy)
    self.policy = policy
    let isSent = Set(record.sent)
    for place in 0..<group.count where group.resizes[place].isNeeded {
      if !header.applies {
        group.noteRefused(place)
      } else if isSent.contains(place) {
        group.noteSent(place, at: record.time)
      } else {
        let reasons = record.pods[place].reasons
        let reason: ShieldReasons =
          reasons.contains("standby")
          ? .standby : reasons.contains("recommend") ? .recommend : reasons.contains("quiet") ? .quiet : .budget
        group.noteRefused(place, because: reason)
      }
    }
    compare(record, group, actions(policy))
    for place in record.rejected { group.noteRejected(place) }
    rounds += 1
  }

  private func check(_ record: DecisionRecord) throws {
    let places = 0..<record.pods.count
    let lists = [record.rejectedBefore, record.sent, record.heldBack, record.rejected]
    let sane = 0...(1 << 40)
    func isSane(_ pod: DecisionRecord.Pod) -> Bool {
      sane.contains(pod.minimum) && sane.contains(pod.maximum) && pod.minimum <= pod.maximum
        && sane.contains(pod.original ?? 0) && sane.contains(pod.sample?.limit ?? 0)
    }
    guard !record.pods.isEmpty, record.pods.count >= (group?.count ?? 0), sane.contains(record.reserved),
      lists.allSatisfy({ $0.allSatisfy(places.contains) }),
      record.rejectedBefore.allSatisfy({ $0 < group?.count ?? 0 }), record.pods.allSatisfy(isSane)
    else { throw DecisionLogError("round \(record.round) names places or bounds that cannot be") }
  }

  private mutating func prepare(_ record: DecisionRecord) throws -> PodGroup {
    let descriptions = record.pods.map {
      PodDescription(name: $0.name, priority: $0.priority, bounds: $0.minimum...$0.maximum)
    }
    let prepared: PodGroup
    if let group, group.count == descriptions.count {
      prepared = group
    } else {
      prepared =
        group.map { PodGroup(growing: $0, to: descriptions) } ?? PodGroup(pods: descriptions, settings: settings)
      var fresh = try makePolicy(descriptions.count)
      if group == nil { fresh.reset() }
      policy = fresh
      group = prepared
    }
    for (place, pod) in record.pods.enumerated() {
      prepared.describe(place, as: descriptions[place], original: pod.original)
    }
    prepared.reserved = record.reserved
    return prepared
  }

  private mutating func compare(_ record: DecisionRecord, _ group: PodGroup, _ actions: [Float]) {
    for (place, pod) in record.pods.enumerated() where pod.sample != nil {
      decisions += 1
      let resize = group.resizes[place]
      var found: [Difference] = []
      func differ(_ quantity: String, _ logged: String, _ computed: String) {
        if logged == computed { return }
        found.append(
          Difference(round: record.round, pod: pod.name, quantity: quantity, logged: logged, computed: computed))
      }
      func text(_ value: Int?) -> String { value.map { "\($0)m" } ?? "none" }
      if let observation = pod.observation {
        differ("the observation", observation, group.observationBase64(place))
      }
      if let action = pod.action, place < actions.count {
        differ("the action", "\(action)", "\(Double(actions[place]))")
      }
      differ("the allocation before", text(pod.allocation), text(resize.allocation))
      differ("the wish", text(pod.wish), text(resize.wish))
      differ("the request", text(pod.request), text(resize.request))
      differ("the grant", text(pod.grant), text(resize.grant))
      differ("the limit before", text(pod.from), text(resize.from))
      differ("the limit", text(pod.limit), text(resize.limit))
      differ("the reasons", pod.reasons.joined(separator: " "), resize.reasons.names.joined(separator: " "))
      if differences.count < 100 { differences += found }
    }
  }
}
