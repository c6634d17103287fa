import Autoscaling
import Control

/// One pod after a round, as it is told.
public struct PodView: Sendable, Equatable {
  public var name: String
  public var namespace: String?
  public var owner: String
  public var place: Int
  public var isPresent: Bool
  public var isApplied: Bool
  public var priority: Double
  public var minimum: Millicores
  public var maximum: Millicores
  public var limit: Millicores
  public var request: Millicores
  public var original: Millicores
  public var usage: Double
  public var throttled: Double
  public var responses: ResponseTimes?
  public var age: Double
  public var isUnsettled: Bool
  public var wish: Millicores?
  public var asked: Millicores
  public var grant: Millicores
  public var newLimit: Millicores
  public var from: Millicores
  public var reasons: ShieldReasons
  public var isSent: Bool
  public var note: String

  init(_ place: Int, _ round: ControlRound, _ group: PodGroup, isSent: Bool, note: String, bounds: SessionSettings) {
    let parts = group.pods[place].name.split(separator: "/", maxSplits: 1).map(String.init)
    name = parts.last ?? ""
    namespace = parts.count > 1 ? parts[0] : nil
    let sample = group.samples[place]
    let resize = group.resizes[place]
    let description = group.pods[place]
    owner = place < round.places.count ? round.places[place].owner : ""
    self.place = place
    isPresent = sample.isPresent && sample.time.isFinite
    isApplied = place < round.places.count ? round.places[place].isApplied : false
    priority = description.priority
    minimum = max(description.bounds.lowerBound, bounds.minimum)
    maximum = max(min(description.bounds.upperBound, bounds.maximum), minimum)
    limit = sample.limit
    request = sample.request
    original = group.originals[place]
    usage = sample.usage
    throttled = sample.throttledFraction
    responses = sample.responseTimes
    age = max(round.time - sample.time, 0)
    isUnsettled = group.isUnsettled(place)
    wish = resize.wish
    asked = resize.request
    grant = resize.grant
    newLimit = resize.limit
    from = resize.from
    reasons = resize.reasons
    self.isSent = isSent
    self.note = note
  }

  /// `namespace/name`, or the name alone where there is one namespace: tells all pods apart.
  var key: String { namespace.map { $0 + "/" + name } ?? name }

  /// One plain sentence about the last decision.
  var sentence: String {
    guard isPresent else { return "The pod is not there, or not measured yet." }
    guard let wish else {
      return reasons.contains(.stale) ? "Its metrics are too old to act on." : "The agent had no usable wish."
    }
    var text: String
    if newLimit == from {
      text = wish == from ? "The agent keeps \(from)m" : "The agent wished \(wish)m; it stays at \(from)m"
    } else {
      text = "\(from)m → \(newLimit)m, the agent wished \(wish)m"
      text += isSent ? "" : reasons.contains(.standby) ? "; not sent" : "; only advised"
    }
    var why: [String] = []
    if reasons.contains(.pool) { why.append("the pool has no more") }
    if reasons.contains(.minimum) { why.append("not below \(minimum)m") }
    if reasons.contains(.maximum) { why.append("not above \(maximum)m") }
    if reasons.contains(.step) { why.append("the step is bounded") }
    if reasons.contains(.deadband) { why.append("too small a change") }
    if reasons.contains(.stale) { why.append("its metrics are too old") }
    if reasons.contains(.unsettled) { why.append("the last resize has not shown yet") }
    if reasons.contains(.restore) { why.append("led back to its original limit") }
    if reasons.contains(.budget) { why.append("the budget of writes is used up") }
    if reasons.contains(.quiet) { why.append("the cluster asks for a pause") }
    if reasons.contains(.recommend) { why.append("the pod is only advised") }
    if reasons.contains(.standby) { why.append("it was not to act") }
    if !why.isEmpty { text += " (" + why.joined(separator: "; ") + ")" }
    return text + "."
  }

  func write(to json: inout JSONBytes, decisionAt time: Double?) {
    json.object { json in
      json.key("name")
      json.put(name)
      json.key("namespace")
      json.put(namespace)
      json.key("owner")
      json.put(owner)
      json.key("place")
      json.put(place)
      json.key("present")
      json.put(isPresent)
      json.key("mode")
      json.put(isApplied ? "apply" : "recommend")
      json.key("priority")
      json.put(priority)
      json.key("minimum")
      json.put(minimum)
      json.key("maximum")
      json.put(maximum)
      json.key("limit")
      json.put(limit)
      json.key("request")
      json.put(request)
      json.key("original")
      json.put(original)
      json.key("usage")
      json.put(usage, digits: 1)
      json.key("throttled")
      json.put(throttled, digits: 4)
      json.key("response_mean")
      json.put(responses?.mean, digits: 5)
      json.key("response_p95")
      json.put(responses?.p95, digits: 5)
      json.key("age")
      json.put(isPresent ? age : nil, digits: 2)
      json.key("unsettled")
      json.put(isUnsettled)
      json.key("decision")
      if let time, isPresent { writeDecision(to: &json, at: time) } else { json.null() }
      json.key("note")
      json.put(note)
    }
  }

  private func writeDecision(to json: inout JSONBytes, at time: Double) {
    json.object { json in
      json.key("time")
      json.put(time)
      json.key("wish")
      json.put(wish)
      json.key("asked")
      json.put(asked)
      json.key("grant")
      json.put(grant)
      json.key("from")
      json.put(from)
      json.key("limit")
      json.put(newLimit)
      json.key("reasons")
      json.array { json in for name in reasons.names { json.put(name) } }
      json.key("sent")
      json.put(isSent)
      json.key("text")
      json.put(sentence)
    }
  }
}

/// What is known after a round, or a change of settings: whole, and never changed again.
public struct SessionSnapshot: Sendable {
  public var time: Double
  public var settings: SessionSettings
  public var facts: ClusterFacts
  public var election: ElectionFacts?
  public var round: Int
  public var missedRounds: Int
  public var counts: ResizeCounts
  public var allocated: Millicores
  public var reserved: Millicores
  public var used: Double
  /// Seconds that a round took.
  public var tick: Double
  public var tickMedian: Double
  public var tickHigh: Double
  public var notice: String?
  public var pods: [PodView]
  /// The round's own clock; nil before the first.
  public var roundTime: Double?

  /// The whole of `/api/v1/state`.
  func state(_ service: ServiceFacts) -> [UInt8] {
    var json = JSONBytes(capacity: 1024 + pods.count * 640)
    json.object { json in
      json.key("version")
      json.put(service.version)
      json.key("running")
      json.put(settings.isRunning)
      json.key("mode")
      json.put(settings.mode.rawValue)
      json.key("authorization")
      json.put(service.demandsToken ? "required" : "open")
      json.key("algorithm")
      json.put(service.shownAlgorithm(settings))
      json.key("algorithms")
      json.array { json in for algorithm in service.algorithms { json.put(algorithm.name) } }
      json.key("checkpoint")
      json.put(settings.checkpoint ?? "shipped")
      json.key("hack")
      json.put(settings.hack)
      json.key("cluster")
      json.object { json in
        json.key("kind")
        json.put(facts.kind)
        json.key("server")
        json.put(facts.server)
        json.key("version")
        json.put(facts.version)
        json.key("metrics")
        json.put(facts.metrics)
      }
      json.key("interval")
      json.put(settings.interval)
      json.key("bounds")
      json.object { json in
        json.key("minimum")
        json.put(settings.minimum)
        json.key("maximum")
        json.put(settings.maximum)
      }
      writeRound(to: &json, pods: pods, isComplete: true)
    }
    return json.bytes
  }

  /// What changes with every round. Of very many pods only those about which something was decided.
  func roundUpdate() -> [UInt8] {
    var json = JSONBytes(capacity: 512 + pods.count * 640)
    let isComplete = pods.count <= 1000
    let told = isComplete ? pods : pods.filter { $0.isSent || $0.newLimit != $0.from }
    json.object { writeRound(to: &$0, pods: told, isComplete: isComplete) }
    return json.bytes
  }

  private func writeRound(to json: inout JSONBytes, pods told: [PodView], isComplete: Bool) {
    json.key("election")
    if let election {
      json.object { json in
        json.key("identity")
        json.put(election.identity)
        json.key("leader")
        json.put(election.leader)
        json.key("is_leader")
        json.put(election.isLeader)
        json.key("lease")
        json.put(election.lease)
      }
    } else {
      json.null()
    }
    json.key("notice")
    json.put(notice)
    json.key("time")
    json.put(time)
    json.key("round")
    json.put(round)
    json.key("missed_rounds")
    json.put(missedRounds)
    json.key("tick")
    json.object { json in
      json.key("last")
      json.put(tick, digits: 5)
      json.key("p50")
      json.put(tickMedian, digits: 5)
      json.key("p99")
      json.put(tickHigh, digits: 5)
    }
    json.key("pool")
    json.object { json in
      json.key("capacity")
      json.put(settings.capacity)
      json.key("allocated")
      json.put(allocated)
      json.key("reserved")
      json.put(reserved)
      json.key("used")
      json.put(used, digits: 1)
    }
    json.key("resizes")
    json.object { json in
      json.key("sent")
      json.put(counts.sent)
      json.key("refused")
      json.put(counts.refused)
      json.key("unanswered")
      json.put(counts.unanswered)
    }
    json.key("complete")
    json.put(isComplete)
    json.key("pods")
    json.array { json in for pod in told { pod.write(to: &json, decisionAt: roundTime) } }
  }

  func pod(_ namespace: String?, _ name: String) -> PodView? {
    pods.first { $0.name == name && (namespace == nil || $0.namespace ?? namespace == namespace) }
  }
}

/// What does not change while the service runs.
public struct ServiceFacts: Sendable {
  public struct AlgorithmEntry: Sendable, Equatable {
    public var name: String
    public var summary: String
    public var family: String

    public init(name: String, summary: String, family: String) {
      self.name = name
      self.summary = summary
      self.family = family
    }
  }

  public var version: String
  public var algorithms: [AlgorithmEntry]
  /// What the agents in use are called where no algorithm was asked for.
  public var defaultAlgorithm: String
  public var demandsToken: Bool

  public init(version: String, algorithms: [AlgorithmEntry], defaultAlgorithm: String, demandsToken: Bool) {
    self.version = version
    self.algorithms = algorithms
    self.defaultAlgorithm = defaultAlgorithm
    self.demandsToken = demandsToken
  }

  func shownAlgorithm(_ settings: SessionSettings) -> String { settings.algorithm ?? defaultAlgorithm }

  /// The published names: one for each family.
  func family(_ settings: SessionSettings) -> String {
    let name = shownAlgorithm(settings)
    return algorithms.first { $0.name == name }?.family ?? name
  }

  /// The algorithm that a published family name stands for: the family's first.
  func algorithm(ofFamily family: String) -> String? { algorithms.first { $0.family == family }?.name }

  var families: [String] {
    var names: [String] = []
    for algorithm in algorithms where !names.contains(algorithm.family) { names.append(algorithm.family) }
    return names
  }
}
