import Autoscaling

/// The loop that drives pods: sample, decide, resize, once a round. The decision itself is `PodGroup`'s, as in training.
///
/// It promises that what it did in a round can be computed again from the round's record: every call that changes the group is
/// in there, in the order in which it was made.
public final class ControlLoop<Cluster: ControlledCluster, Policy: ScalingPolicy> {
  public let cluster: Cluster
  public private(set) var group: PodGroup
  public private(set) var policy: Policy
  /// Whether resizes are sent; otherwise the loop only recommends. May change between rounds, as may the next three.
  public var applies: Bool
  /// Seconds between rounds.
  public var interval: Double
  /// Lets an operator have the last word on who has a place: bounds, priority, whether it is only advised.
  public var adjust: ((inout Place, Int) -> Void)?
  private var makePolicy: (Int) throws -> Policy
  private var samples: [PodSample] = []
  private var order: [Int] = []
  private var number = 0
  private let absent = PodSample.absent(at: 0)

  /// - Parameter makePolicy: a policy for so many places; asked again when the cluster has grown.
  public init(
    cluster: Cluster, settings: DecisionSettings, interval: Double, applies: Bool,
    makePolicy: @escaping (Int) throws -> Policy
  ) throws {
    let places = cluster.places
    precondition(!places.isEmpty, "a loop drives at least one pod")
    self.cluster = cluster
    self.interval = interval
    self.applies = applies
    self.makePolicy = makePolicy
    group = PodGroup(pods: places.map(\.description), settings: settings)
    policy = try makePolicy(places.count)
    samples = Array(repeating: absent, count: places.count)
    policy.reset()
  }

  /// Goes on with other settings, and with another policy if one is given.
  ///
  /// - Returns: whether the group goes on with what it remembers. It does while observations and actions mean the same; else it
  ///   begins afresh with the limits in force.
  /// - Throws: what `makePolicy` throws; then nothing has changed.
  @discardableResult
  public func change(
    to settings: DecisionSettings, makePolicy new: ((Int) throws -> Policy)? = nil
  ) throws -> Bool {
    var next = try new?(group.count)
    let old = group.settings
    let continues =
      settings.observation == old.observation && settings.action == old.action
      && settings.compatibility == old.compatibility
    if let new { makePolicy = new }
    if continues {
      group.settings = settings
    } else {
      group = PodGroup(pods: group.pods, settings: settings)
      cluster.noteFreshGroup()
      if next == nil { next = try makePolicy(group.count) }
    }
    if var next {
      next.reset()
      policy = next
    }
    return continues
  }

  /// Runs rounds until the cluster ends, `rounds` are done or `shouldStop` says so.
  ///
  /// - Parameter report: called after each round.
  public func run(rounds: Int?, shouldStop: () -> Bool, report: (ControlRound, ControlLoop) throws -> Void) throws {
    while !shouldStop(), rounds.map({ number < $0 }) ?? true, try cluster.awaitRound(interval: interval) {
      try report(try perform(), self)
    }
  }

  /// One round: what has come to be known of earlier resizes, samples, decision, resizes.
  public func perform() throws -> ControlRound {
    var round = ControlRound(number: number)
    number += 1
    round.rejectedBefore = try cluster.takeRejections(isRoundOver: false)
    for place in round.rejectedBefore { group.noteRejected(place) }
    try takePlaces(into: &round)
    try samples.withUnsafeMutableBufferPointer { try cluster.sample(into: $0) }
    // Known only now: a pod that has just been measured for the first time is in the group, and no longer held beside it.
    round.reserved = cluster.reserved
    group.reserved = round.reserved
    round.time = cluster.now
    samples.withUnsafeBufferPointer { group.observe($0, at: round.time) }
    group.decide(asking: &policy)
    try send(&round)
    round.rejected = try cluster.takeRejections(isRoundOver: true)
    for place in round.rejected { group.noteRejected(place) }
    round.missedRounds = cluster.missedRounds
    return round
  }

  private func takePlaces(into round: inout ControlRound) throws {
    var places = cluster.places
    if let adjust { for place in places.indices { adjust(&places[place], place) } }
    if places.count > group.count {
      let descriptions = group.pods + places[group.count...].map(\.description)
      group = PodGroup(growing: group, to: descriptions)
      policy = try makePolicy(places.count)
      samples += Array(repeating: absent, count: places.count - samples.count)
    }
    round.places = places
    for place in 0..<group.count {
      group.describe(place, as: places[place].description, original: places[place].original)
    }
  }

  private func send(_ round: inout ControlRound) throws {
    guard applies else {
      // A recommendation starts from what is in force, not from the recommendation before it.
      for pod in 0..<group.count where group.resizes[pod].isNeeded { group.noteRefused(pod) }
      return
    }
    let places = round.places
    guard cluster.mayAct else {
      for pod in 0..<group.count where group.resizes[pod].isNeeded {
        group.noteRefused(pod, because: .standby)
        round.heldBack.append(pod)
      }
      return
    }
    group.dispatch(atMost: cluster.resizesAvailable, into: &order) { places[$0].isApplied && !cluster.isQuiet($0) }
    order.removeLast(order.count - min(max(cluster.affordable(order), 0), order.count))
    round.sent = order
    var isSent = Array(repeating: false, count: group.count)
    for pod in order { isSent[pod] = true }
    for pod in 0..<group.count where group.resizes[pod].isNeeded && !isSent[pod] {
      let reason: ShieldReasons = !places[pod].isApplied ? .recommend : cluster.isQuiet(pod) ? .quiet : .budget
      group.noteRefused(pod, because: reason)
      round.heldBack.append(pod)
    }
    guard !order.isEmpty else { return }
    try cluster.resize(order) { group.resizes[$0].limit }
    for pod in order { group.noteSent(pod, at: round.time) }
  }
}

/// What one round did, beside what stands in the group.
public struct ControlRound: Sendable, Equatable {
  public var number: Int
  /// Seconds on the cluster's clock.
  public var time = 0.0
  public var places: [Place] = []
  public var reserved: Millicores = 0
  /// Places whose earlier resize turned out before this round's samples not to come to pass.
  public var rejectedBefore: [Int] = []
  /// Places whose resize was sent, in that order.
  public var sent: [Int] = []
  /// Places whose resize was needed and not sent: no budget, a quiet time, advised only.
  public var heldBack: [Int] = []
  /// Places whose resize turned out at the end of this round not to come to pass.
  public var rejected: [Int] = []
  /// Since the start.
  public var missedRounds = 0

  public init(number: Int) {
    self.number = number
  }
}
