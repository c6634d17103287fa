import Autoscaling
import Kubernetes

/// Why the pods cannot be driven, in one sentence that a person can act on.
public struct LiveError: Error, CustomStringConvertible, Sendable, Equatable {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

/// How the pods of one pool are to be driven.
public struct LiveConfiguration: Sendable {
  public var selection: PodSelection
  /// The pool's name in the pods' annotations; nil for pods that name none.
  public var poolName: String?
  /// The pool's size, millicores.
  public var capacity: Millicores
  public var shield: SafetyShield
  public var values: ControlledValues
  /// Places, whether taken or not; nil for as many as there are pods.
  public var places: Int?
  /// With `places` nil: places that there may be at most.
  public var placesMaximum = 10_000
  /// Weights by place; the last (or 1) for all further ones. A pod's annotation has the say.
  public var priorities: [Double] = []
  /// Requests to the API server that may be open at once.
  public var connections = 8
  /// Seconds that a round waits for metrics and answers that are late.
  public var patience = 0.25
  /// Seconds for which the answer to a resize is waited for.
  public var resizeTimeout = 5.0
  /// Seconds that a patch may wait for its turn within the budget of writes: what was written in one round is free again a
  /// little after the next begins.
  public var writePatience = 0.01
  /// Asks for response times, seconds by `namespace/pod`; nil where nobody measures them.
  public var responseTimes: (@Sendable () throws(ClusterError) -> [String: Double])?
  /// How old an answer to that may be, seconds.
  public var responseTimeAge = 30.0
  /// A resize that is not in force after so many seconds is taken back.
  public var withdrawAfter = 30.0
  /// Seconds to run; nil for ever.
  public var duration: Double?
  /// Whether resizes will be sent, so that originals must be kept.
  public var applies = true
  /// Whether events about resizes are put on the pods.
  public var sendsEvents = true
  /// Writes that may follow each other at once.
  public var burst = 100
  /// Whether this instance acts now; of several that elect one, one does.
  public var mayAct: @Sendable () -> Bool = { true }
  /// What of the pool is at present not for these pods, millicores.
  public var withheld: @Sendable () -> Millicores = { 0 }
  /// Where warnings for people go.
  public var say: @Sendable (String) -> Void = { _ in }

  public init(
    selection: PodSelection, capacity: Millicores, shield: SafetyShield, values: ControlledValues = .limitsOnly
  ) {
    self.selection = selection
    self.capacity = capacity
    self.shield = shield
    self.values = values
  }

  /// Resizes of one round at most. A write is free again a second after its answer: with the whole budget in every round each
  /// write would wait for the answer to its predecessor of the round before, a little longer from round to round. Those that
  /// stay free, three for each request that is on its way at once, make up for that; and with fewer in a round each is sooner on its way.
  var roundMaximum: Int { max(burst - min(connections * 3, burst / 4), 1) }

  func priority(ofPlace place: Int) -> Double {
    place < priorities.count ? priorities[place] : priorities.last ?? 1
  }

  /// Where a pod's limit may lie: what its annotations, the LimitRanges, its own resources and the shield allow together.
  static func bounds(
    of pod: SelectedPod, limitRanges: [String: [LimitRange]], shield: SafetyShield, values: ControlledValues
  ) -> ClosedRange<Millicores> {
    let range = LimitRangeBounds(limitRanges[pod.namespace] ?? [], pod: pod.pod, container: pod.container)
    var low = max(pod.settings.minimum ?? shield.minimum, range.minimum, PodResize.effectiveMinimum)
    let high = max(min(pod.settings.maximum ?? shield.maximum, range.largest(values, of: pod.pod)), 0)
    // A limit may be a little above the request only, where a LimitRange bounds their ratio; PodResize sees to that.
    low = min(low, high)
    return shield.bounds(of: low...high)
  }
}

/// What became of a run, for the last line and for metrics.
public struct LiveStatistics: Sendable, Equatable {
  public internal(set) var resizesSent = 0
  public internal(set) var resizesRefused = 0
  public internal(set) var resizesUnanswered = 0
  public internal(set) var unreadableReadings = 0
  /// From the moment at which a round's samples were there to the moment at which a patch was handed to the wire, seconds.
  public internal(set) var latencies = LatencyHistogram()
}

/// Counts of latencies in buckets a hundredth of a decade wide, from a microsecond to a hundred seconds.
public struct LatencyHistogram: Sendable, Equatable {
  private var counts = Array(repeating: 0, count: 801)

  public init() {}

  public private(set) var count = 0
  public private(set) var maximum = 0.0

  /// Upper ends of the buckets, seconds: 10^(k/100 − 6).
  private static let ends: [Double] = {
    let ratio = 1.023292992280754  // 10^(1/100)
    var ends = [1e-6]
    for _ in 1...800 { ends.append((ends.last ?? 1) * ratio) }
    return ends
  }()

  public mutating func add(_ seconds: Double) {
    guard seconds.isFinite else { return }
    var low = 0
    var high = Self.ends.count - 1
    while low < high {
      let middle = (low + high) / 2
      if seconds <= Self.ends[middle] { high = middle } else { low = middle + 1 }
    }
    counts[low] += 1
    count += 1
    maximum = max(maximum, seconds)
  }

  /// The upper end of the bucket in which the quantile lies, at most 2.4 % too large; nil without any latency.
  public func quantile(_ share: Double) -> Double? {
    guard count > 0 else { return nil }
    let rank = max(1, Int((Double(count) * min(max(share, 0), 1)).rounded(.up)))
    var seen = 0
    for (bucket, count) in counts.enumerated() {
      seen += count
      if seen >= rank { return min(Self.ends[bucket], maximum) }
    }
    return maximum
  }
}
