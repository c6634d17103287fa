/// What decides in a group, apart from its pods.
public struct DecisionSettings: Sendable, Equatable {
  /// Whether the published system's quirks are reproduced. The pool and the shield stay in force either way.
  public enum Compatibility: String, Sendable, Codable, CaseIterable { case none, upstream }

  public var pool: ResourcePool
  public var observation: ObservationSpec
  public var action: ActionSpace
  public var shield: SafetyShield
  public var compatibility: Compatibility

  public init(
    pool: ResourcePool = ResourcePool(capacity: 1000), observation: ObservationSpec = .shared,
    action: ActionSpace = ActionSpace(kind: .increments), shield: SafetyShield = SafetyShield(),
    compatibility: Compatibility = .none
  ) {
    self.pool = pool
    self.observation = observation
    self.action = action
    self.shield = shield
    self.compatibility = compatibility
  }
}

/// One pod of a group, as the operator describes it.
public struct PodDescription: Sendable, Equatable {
  public var name: String
  /// In (0, 1]: the pod's weight where CPU is scarce.
  public var priority: Double
  /// Millicores; narrower than the shield's where wanted.
  public var bounds: ClosedRange<Millicores>

  public init(name: String, priority: Double = 1, bounds: ClosedRange<Millicores> = 0...1_000_000) {
    self.name = name
    self.priority = priority
    self.bounds = bounds
  }
}

/// What was decided for one pod in one round, from the wish to the limit that is sent.
public struct Resize: Sendable, Equatable {
  /// The pod's allocation before, millicores.
  public var allocation: Millicores
  /// What the policy asked for, millicores; nil when it gave nothing usable.
  public var wish: Millicores?
  /// The wish within the shield's envelope.
  public var request: Millicores
  /// What the pool gave.
  public var grant: Millicores
  /// The limit in force until now.
  public var from: Millicores
  /// The limit to send.
  public var limit: Millicores
  public var reasons: ShieldReasons

  /// Whether anything has to be sent at all. A limit that stays is never written again: a write refills the kernel's quota.
  public var isNeeded: Bool { limit != from }
}

/// The decision path of one group of pods that share a pool: samples in, resizes out.
///
///     PodSample ─> observation ─> policy ─> wish ─> shield's envelope ─> pool ─> limit
///
/// This is the only implementation: the simulator's training loop, the evaluation, the live loop and the backend all call
/// it. It does no I/O and reads no clock; nothing is allocated after `init`.
public final class PodGroup {
  public private(set) var pods: [PodDescription]
  public var settings: DecisionSettings

  /// The observations, one row per pod: row `firstRow + pod · rowStride`. May be shared with other groups.
  public let observations: ObservationMatrix
  public let firstRow: Int
  public let rowStride: Int

  /// The newest sample of each pod.
  public private(set) var samples: [PodSample]
  /// What pods of the pool hold that are there but were never measured, so that they have no sample yet: the others may
  /// not grow into it. Millicores.
  public var reserved: Millicores = 0
  /// Utilisation of the newest and of the previous sample, percent.
  public private(set) var utilisation: [Double]
  public private(set) var previousUtilisation: [Double]
  /// The allocation of each pod, millicores: what was granted last, at a resolution of 1m. The limit in force is the
  /// allocation on whole granules.
  public private(set) var allocations: [Millicores]
  /// What the last `decide` decided, one per pod.
  public private(set) var resizes: [Resize]

  /// The limit each pod is led back to when metrics stay away: the one it was taken over with, unless it was told.
  public private(set) var originals: [Millicores]
  private var toldOriginals: [Millicores?]
  private var limits: [Millicores]
  private var sentAt: [Double]
  private var isUnsettled: [Bool]
  private var hasSample: [Bool]
  private var isFresh: [Bool]
  private var wasReset: [Bool]
  private var ages: [Double]
  private var wishes: [Millicores?]
  private var requests: [ResourcePool.Request]
  private var grants: [Millicores]
  private var raises: [Millicores]
  /// Under upstream compatibility: the queue of readings, which a reset leaves as it was.
  private let upstreamQueue: ObservationMatrix?
  /// What is remembered of each pod's load; empty where neither observation nor actions ask for it.
  public private(set) var histories: [LoadHistory] = []

  public init(
    pods: [PodDescription], settings: DecisionSettings, observations: ObservationMatrix? = nil, firstRow: Int = 0,
    rowStride: Int = 1
  ) {
    precondition(!pods.isEmpty, "a group has at least one pod")
    let count = pods.count
    self.pods = pods
    self.settings = settings
    self.observations = observations ?? ObservationMatrix(spec: settings.observation, rows: count)
    self.firstRow = firstRow
    self.rowStride = rowStride
    precondition(
      firstRow + (count - 1) * rowStride < self.observations.rows, "the observation matrix has too few rows")
    let nothing = PodSample(time: -.infinity, limit: 0, request: 0, usage: 0)
    samples = Array(repeating: nothing, count: count)
    utilisation = Array(repeating: 0, count: count)
    previousUtilisation = Array(repeating: 0, count: count)
    allocations = Array(repeating: 0, count: count)
    resizes = Array(
      repeating: Resize(allocation: 0, wish: nil, request: 0, grant: 0, from: 0, limit: 0, reasons: []), count: count)
    originals = Array(repeating: 0, count: count)
    toldOriginals = Array(repeating: nil, count: count)
    limits = Array(repeating: 0, count: count)
    sentAt = Array(repeating: -.infinity, count: count)
    isUnsettled = Array(repeating: false, count: count)
    hasSample = Array(repeating: false, count: count)
    isFresh = Array(repeating: false, count: count)
    wasReset = Array(repeating: true, count: count)
    ages = Array(repeating: .infinity, count: count)
    wishes = Array(repeating: nil, count: count)
    requests = Array(repeating: ResourcePool.Request(limit: 0, floor: 0, priority: 1), count: count)
    grants = Array(repeating: 0, count: count)
    raises = Array(repeating: 0, count: count)
    upstreamQueue =
      settings.compatibility == .upstream ? ObservationMatrix(spec: settings.observation, rows: count) : nil
    if settings.observation.needsHistory || settings.action.basis == .usage {
      histories = Array(repeating: LoadHistory(), count: count)
    }
  }

  public var count: Int { pods.count }

  /// The pool less all allocations, millicores; negative when the pool has shrunk below what is allocated.
  public var available: Millicores { settings.pool.capacity - reserved - allocations.reduce(0, +) }

  /// Changes a pod's priority from now on; readings already observed keep the old one.
  public func setPriority(_ priority: Double, ofPod pod: Int) { pods[pod].priority = priority }

  /// Puts another description on a place of the group: its pod has left, or is told about anew.
  ///
  /// - Parameter original: the limit to lead the pod back to, where it is known better than from its first sample; it
  ///   counts once the pod is observed.
  public func describe(_ pod: Int, as description: PodDescription, original: Millicores? = nil) {
    pods[pod] = description
    toldOriginals[pod] = original
    if let original, hasSample[pod] { originals[pod] = original }
  }

  /// When the pod's last resize was sent, on the samples' clock; −∞ before the first.
  public func lastSent(_ pod: Int) -> Double { sentAt[pod] }

  /// Seconds since the newest sample of the pod was taken.
  public func ageOfSample(_ pod: Int, at now: Double) -> Double { now - samples[pod].time }

  /// Whether a resize of the pod is on its way that no sample has shown yet.
  public func isUnsettled(_ pod: Int) -> Bool { isUnsettled[pod] }

  /// Forgets samples, allocations and resizes: a new episode begins. Under upstream compatibility the queue of readings
  /// survives, as published.
  public func reset() {
    for pod in 0..<count {
      hasSample[pod] = false
      wasReset[pod] = true
      isUnsettled[pod] = false
      utilisation[pod] = 0
      previousUtilisation[pod] = 0
    }
  }

  /// The readings that a reset leaves under upstream compatibility, `[pods, size]`; empty without. Decides the episodes to
  /// come, so a run that goes on needs it.
  public var queuedReadings: [Float] {
    get {
      upstreamQueue.map { Array(UnsafeBufferPointer(start: $0.values, count: count * $0.spec.size)) } ?? []
    }
    set {
      precondition(
        newValue.count == queuedReadings.count, "\(newValue.count) queued readings, not \(queuedReadings.count)")
      upstreamQueue?.values.update(from: newValue, count: newValue.count)
    }
  }

  private func takeOver(_ group: PodGroup) {
    func copy<Value>(_ field: ReferenceWritableKeyPath<PodGroup, [Value]>) {
      self[keyPath: field].replaceSubrange(0..<group.count, with: group[keyPath: field])
    }
    copy(\.samples)
    copy(\.utilisation)
    copy(\.previousUtilisation)
    copy(\.allocations)
    copy(\.resizes)
    copy(\.originals)
    copy(\.toldOriginals)
    copy(\.limits)
    copy(\.sentAt)
    copy(\.isUnsettled)
    copy(\.hasSample)
    copy(\.isFresh)
    copy(\.wasReset)
    copy(\.ages)
    reserved = group.reserved
    let size = group.count * settings.observation.size
    observations.values.update(from: group.observations.values, count: size)
    upstreamQueue?.values.update(from: group.upstreamQueue?.values ?? observations.values, count: size)
  }

  // MARK: Samples in

  /// Takes one sample per pod and makes the observations. A sample that is not newer than the last one is stale: the pod's
  /// row stays as it is and `decide` will hold the pod once its newest sample is too old.
  ///
  /// An absent pod holds nothing of the pool, is nobody's neighbour and gets no resize; its row stays as it is. When it is
  /// there (again), it is taken over with the limit it then has, like a pod never seen before.
  ///
  /// - Parameter now: seconds on the samples' own clock.
  public func observe(_ newest: UnsafeBufferPointer<PodSample>, at now: Double) {
    precondition(newest.count == count, "\(newest.count) samples for \(count) pods")
    for pod in 0..<count {
      let sample = newest[pod]
      guard sample.isPresent else {
        release(pod, with: sample)
        continue
      }
      isFresh[pod] = !hasSample[pod] || sample.time > samples[pod].time
      if !hasSample[pod] { takeOver(pod, with: sample) } else if isFresh[pod] { take(pod, sample) }
      if isFresh[pod], !histories.isEmpty { histories[pod].take(sample, spec: settings.observation) }
      ages[pod] = now - samples[pod].time
      if isUnsettled[pod], now - sentAt[pod] > settings.shield.settlementTimeout { resynchronise(pod) }
    }
    var utilisationSum = 0.0
    var prioritySum = 0.0
    var present = 0
    for pod in 0..<count where samples[pod].isPresent {
      utilisationSum += utilisation[pod]
      prioritySum += pods[pod].priority
      present += 1
    }
    var surroundings = LoadSurroundings()
    if settings.observation.needsHistory {
      surroundings.pods = max(present, 1)
      surroundings.meanPriority = prioritySum / Double(surroundings.pods)
      for pod in 0..<count where samples[pod].isPresent { surroundings.levels += histories[pod].level }
    }
    let others = Double(max(present - 1, 1))
    let available = Double(self.available)
    let budget = Double(settings.pool.capacity)
    for pod in 0..<count {
      guard isFresh[pod] else {
        observations.keep(row: firstRow + pod * rowStride)
        continue
      }
      let sample = samples[pod]
      let reading = Reading(
        limit: Double(sample.limit), usage: sample.usage, available: available, utilisation: utilisation[pod],
        otherUtilisation: (utilisationSum - utilisation[pod]) / others, priority: pods[pod].priority,
        otherPriorities: (prioritySum - pods[pod].priority) / others)
      if settings.observation.needsHistory {
        observations.stack(
          reading, history: histories[pod], surroundings: surroundings, row: firstRow + pod * rowStride, budget: budget,
          caution: settings.observation.caution, isFirst: wasReset[pod])
        wasReset[pod] = false
      } else {
        stack(reading, pod: pod, budget: budget)
      }
    }
  }

  private func takeOver(_ pod: Int, with sample: PodSample) {
    hasSample[pod] = true
    if !histories.isEmpty { histories[pod] = LoadHistory() }
    samples[pod] = sample
    utilisation[pod] = sample.utilisation
    allocations[pod] = sample.limit
    originals[pod] = toldOriginals[pod] ?? sample.limit
    limits[pod] = sample.limit
  }

  private func release(_ pod: Int, with sample: PodSample) {
    samples[pod] = sample
    hasSample[pod] = false
    isFresh[pod] = false
    isUnsettled[pod] = false
    wasReset[pod] = true
    ages[pod] = .infinity
    utilisation[pod] = 0
    previousUtilisation[pod] = 0
    allocations[pod] = 0
    originals[pod] = 0
    limits[pod] = 0
  }

  private func take(_ pod: Int, _ sample: PodSample) {
    samples[pod] = sample
    previousUtilisation[pod] = utilisation[pod]
    utilisation[pod] = sample.utilisation
    if sample.limit == limits[pod] {
      isUnsettled[pod] = false
    } else if !isUnsettled[pod] {
      // Nothing of ours is on its way, so somebody else resized the pod: what is there holds.
      resynchronise(pod)
    }
  }

  private func resynchronise(_ pod: Int) {
    allocations[pod] = samples[pod].limit
    limits[pod] = samples[pod].limit
    isUnsettled[pod] = false
  }

  private func stack(_ reading: Reading, pod: Int, budget: Double) {
    let row = firstRow + pod * rowStride
    if let upstreamQueue {
      upstreamQueue.append(reading, toRow: pod, budget: budget)
      if wasReset[pod] {
        observations.fill(reading, row: row, budget: budget)
      } else {
        observations.row(row).update(from: upstreamQueue.row(pod), count: settings.observation.size)
      }
    } else if wasReset[pod] {
      observations.fill(reading, row: row, budget: budget)
    } else {
      observations.append(reading, toRow: row, budget: budget)
    }
    wasReset[pod] = false
  }

  // MARK: Resizes out

  /// Decides from network outputs: `actions[pod · stride]`.
  public func decide(actions: UnsafePointer<Float>, stride: Int) {
    wishes.withUnsafeMutableBufferPointer { self.wishes(for: actions, stride: stride, into: $0) }
    decide()
  }

  /// Decides from a policy's wishes.
  public func decide(asking policy: inout some ScalingPolicy) {
    for pod in 0..<count { wishes[pod] = nil }
    wishes.withUnsafeMutableBufferPointer { policy.ask(self, wishes: $0) }
    decide()
  }

  /// What network outputs ask for: `actions[pod · stride]` through the action space.
  public func wishes(
    for actions: UnsafePointer<Float>, stride: Int, into wishes: UnsafeMutableBufferPointer<Millicores?>
  ) {
    let budget = settings.pool.capacity
    var available = self.available
    for pod in 0..<count {
      let action = actions[pod * stride]
      guard action.isFinite, samples[pod].isPresent else {
        wishes[pod] = nil
        continue
      }
      guard settings.action.basis == .limit else {
        wishes[pod] = settings.action.headroom(action, allocated: allocations[pod], level: histories[pod].level)
        continue
      }
      guard settings.compatibility == .upstream else {
        wishes[pod] = settings.action.request(action, allocated: allocations[pod], budget: budget)
        continue
      }
      // As published, one agent after the other sees what those before it left.
      let step = settings.action.upstreamStep(
        action, allocated: allocations[pod], available: available, minimum: settings.shield.minimum, maximum: budget)
      available -= step.limit - allocations[pod]
      wishes[pod] = step.limit
    }
  }

  private func decide() {
    let shield = settings.shield
    for pod in 0..<count {
      guard samples[pod].isPresent else {
        requests[pod] = ResourcePool.Request(limit: 0, floor: 0, priority: pods[pod].priority)
        resizes[pod] = Resize(allocation: 0, wish: nil, request: 0, grant: 0, from: 0, limit: 0, reasons: [])
        continue
      }
      let envelope = shield.envelope(
        wish: wishes[pod],
        pod: SafetyShield.PodStatus(
          allocation: allocations[pod], original: originals[pod], bounds: pods[pod].bounds,
          sampleAge: hasSample[pod] ? ages[pod] : .infinity, isUnsettled: isUnsettled[pod],
          held: max(limits[pod], samples[pod].limit)))
      requests[pod] = ResourcePool.Request(
        limit: envelope.request, floor: envelope.floor, priority: pods[pod].priority)
      resizes[pod] = Resize(
        allocation: allocations[pod], wish: wishes[pod], request: envelope.request, grant: 0, from: limits[pod],
        limit: limits[pod],
        reasons: envelope.reasons)
    }
    let pool = ResourcePool(capacity: settings.pool.capacity - reserved)
    requests.withUnsafeBufferPointer { requests in
      grants.withUnsafeMutableBufferPointer { grants in
        pool.grant(requests, into: grants)
      }
    }
    if shield.waitsForCuts { limitRaises(within: pool) }
    for pod in 0..<count {
      resizes[pod].grant = grants[pod]
      if grants[pod] < resizes[pod].request { resizes[pod].reasons.insert(.pool) }
      guard hasSample[pod], !isUnsettled[pod] else { continue }
      allocations[pod] = grants[pod]
      resizes[pod].limit = shield.limit(for: grants[pod])
    }
  }

  /// Grants the raises anew, from what is left while every pod that is cut still holds its limit.
  private func limitRaises(within pool: ResourcePool) {
    for pod in 0..<count {
      if grants[pod] < limits[pod] {
        requests[pod].limit = limits[pod]
        requests[pod].floor = limits[pod]
      } else {
        requests[pod].limit = grants[pod]
        requests[pod].floor = min(grants[pod], max(limits[pod], requests[pod].floor))
      }
    }
    requests.withUnsafeBufferPointer { requests in
      raises.withUnsafeMutableBufferPointer { raises in pool.grant(requests, into: raises) }
    }
    for pod in 0..<count where grants[pod] >= limits[pod] { grants[pod] = raises[pod] }
  }

  /// Which of the needed resizes go out when no more than `budget` may: cuts before raises, because they make room; among
  /// these the pods that have waited longest since their last resize; then by place. Deterministic.
  ///
  /// - Parameters:
  ///   - budget: resizes that may be sent at once; nil for any number.
  ///   - mayBeSent: whether a pod's resize may go out at all.
  ///   - order: overwritten with the places, in the order in which they are to be sent.
  public func dispatch(atMost budget: Int?, into order: inout [Int], where mayBeSent: (Int) -> Bool) {
    order.removeAll(keepingCapacity: true)
    for pod in 0..<count where resizes[pod].isNeeded && mayBeSent(pod) { order.append(pod) }
    guard let budget, order.count > budget else { return }
    order.sort { a, b in
      let (isCutA, isCutB) = (resizes[a].limit < resizes[a].from, resizes[b].limit < resizes[b].from)
      if isCutA != isCutB { return isCutA }
      return sentAt[a] != sentAt[b] ? sentAt[a] < sentAt[b] : a < b
    }
    order.removeLast(order.count - max(budget, 0))
  }

  /// Notes that the pod's resize has been sent, at `now` on the samples' clock: until a sample shows it the pod is unsettled.
  public func noteSent(_ pod: Int, at now: Double) {
    limits[pod] = resizes[pod].limit
    sentAt[pod] = now
    isUnsettled[pod] = true
  }

  /// Notes that the pod's resize was not sent: the allocation goes back to what is in force.
  public func noteRefused(_ pod: Int) {
    allocations[pod] = limits[pod]
  }

  /// Notes why a resize that was needed is not sent.
  public func noteRefused(_ pod: Int, because reason: ShieldReasons) {
    resizes[pod].reasons.insert(reason)
    noteRefused(pod)
  }

  /// Notes that a resize which had been sent will not come to pass: what the newest sample shows holds.
  public func noteRejected(_ pod: Int) {
    if isUnsettled[pod] { resynchronise(pod) }
  }
}

extension PodGroup {
  /// A group with more places that goes on where `group` is: what was observed, allocated and sent stays as it was.
  ///
  /// - Parameter descriptions: at least as many as `group` has; the new places follow the old ones.
  public convenience init(growing group: PodGroup, to descriptions: [PodDescription]) {
    precondition(
      descriptions.count >= group.count && group.firstRow == 0 && group.rowStride == 1,
      "a group of \(group.count) with rows of its own grows to at least as many, not \(descriptions.count)")
    self.init(pods: descriptions, settings: group.settings)
    takeOver(group)
  }
}
