import Autoscaling

/// What happened lately: the last rounds of every pod, and the last decisions that changed something. Bounded.
struct SessionHistory: Sendable {
  struct Decision: Sendable {
    var time: Double
    var round: Int
    var view: PodView
  }

  /// Rounds that are kept.
  static let length = 900
  static let decisionsMaximum = 2000
  /// Above so many pods only the pool's history is kept.
  static let podsMaximum = 1000

  private struct Series {
    var name: String
    var namespace: String?
    var limit: [Int32]
    var usage: [Float]
    var throttled: [Float]
    /// Seconds; NaN where unknown.
    var response: [Float]

    init(_ pod: PodView) {
      name = pod.name
      namespace = pod.namespace
      limit = Array(repeating: -1, count: SessionHistory.length)
      usage = Array(repeating: .nan, count: SessionHistory.length)
      throttled = Array(repeating: .nan, count: SessionHistory.length)
      response = Array(repeating: .nan, count: SessionHistory.length)
    }
  }

  private var times = Array(repeating: 0.0, count: length)
  private var capacities = Array(repeating: 0, count: length)
  private var count = 0
  /// By the pods' keys.
  private var series: [String: Series] = [:]
  private(set) var decisions: [Decision] = []

  mutating func take(_ snapshot: SessionSnapshot) {
    let slot = count % Self.length
    count += 1
    times[slot] = snapshot.time
    capacities[slot] = snapshot.settings.capacity
    let isKept = snapshot.pods.count <= Self.podsMaximum
    if !isKept { series.removeAll() }
    // A place that nobody has any more is forgotten once its history has passed.
    if isKept, count % Self.length == 0 {
      let names = Set(snapshot.pods.map(\.key))
      series = series.filter { names.contains($0.key) }
    }
    for pod in snapshot.pods where isKept {
      let key = pod.key
      var own = series[key] ?? Series(pod)
      series[key] = nil
      own.limit[slot] = pod.isPresent ? Int32(clamping: pod.limit) : -1
      own.usage[slot] = pod.isPresent ? Float(pod.usage) : .nan
      own.throttled[slot] = pod.isPresent ? Float(pod.throttled) : .nan
      own.response[slot] = pod.isPresent ? Float(pod.responses?.p95 ?? .nan) : .nan
      series[key] = own
    }
    for pod in snapshot.pods where pod.isPresent && (pod.isSent || pod.newLimit != pod.from) {
      decisions.append(Decision(time: snapshot.time, round: snapshot.round, view: pod))
    }
    if decisions.count > 2 * Self.decisionsMaximum { decisions.removeFirst(decisions.count - Self.decisionsMaximum) }
  }

  /// The last `seconds` seconds.
  func json(seconds: Double) -> [UInt8] {
    let kept = min(count, Self.length)
    let newest = count > 0 ? times[(count - 1) % Self.length] : 0
    var slots = (0..<kept).map { (count - kept + $0) % Self.length }
    slots.removeAll { times[$0] < newest - seconds }
    var json = JSONBytes(capacity: 256 + series.count * slots.count * 24)
    json.object { json in
      json.key("times")
      json.array { json in for slot in slots { json.put(times[slot]) } }
      json.key("capacity")
      json.array { json in for slot in slots { json.put(capacities[slot]) } }
      json.key("pods")
      json.array { json in
        for own in series.sorted(by: { $0.key < $1.key }).map(\.value) {
          json.object { json in
            json.key("name")
            json.put(own.name)
            json.key("namespace")
            json.put(own.namespace)
            json.key("limit")
            json.array { json in for slot in slots { json.put(own.limit[slot] < 0 ? nil : Int(own.limit[slot])) } }
            json.key("usage")
            json.array { json in for slot in slots { json.put(Double(own.usage[slot]), digits: 1) } }
            json.key("throttled")
            json.array { json in for slot in slots { json.put(Double(own.throttled[slot]), digits: 3) } }
            json.key("response_p95")
            json.array { json in for slot in slots { json.put(Double(own.response[slot]), digits: 5) } }
          }
        }
      }
    }
    return json.bytes
  }

  /// The newest first.
  ///
  /// - Parameter pod: a name, or `namespace/name`.
  func decisions(of pod: String?, limit: Int) -> [UInt8] {
    var json = JSONBytes()
    json.array { json in
      var left = limit
      for decision in decisions.reversed() {
        let view = decision.view
        guard left > 0 else { break }
        if let pod, view.name != pod, view.key != pod { continue }
        left -= 1
        json.object { json in
          json.key("time")
          json.put(decision.time)
          json.key("round")
          json.put(decision.round)
          json.key("pod")
          json.put(view.name)
          json.key("namespace")
          json.put(view.namespace)
          json.key("limit_before")
          json.put(view.from)
          json.key("limit")
          json.put(view.newLimit)
          json.key("wish")
          json.put(view.wish)
          json.key("asked")
          json.put(view.asked)
          json.key("grant")
          json.put(view.grant)
          json.key("reasons")
          json.array { json in for name in view.reasons.names { json.put(name) } }
          json.key("sent")
          json.put(view.isSent)
          json.key("text")
          json.put(view.sentence)
        }
      }
    }
    return json.bytes
  }
}
