/// Why a resize differs from what was asked, or did not happen.
public struct ShieldReasons: OptionSet, Sendable, Hashable {
  public let rawValue: UInt16

  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static let minimum = ShieldReasons(rawValue: 1 << 0)
  public static let maximum = ShieldReasons(rawValue: 1 << 1)
  public static let step = ShieldReasons(rawValue: 1 << 2)
  public static let deadband = ShieldReasons(rawValue: 1 << 3)
  /// The pool could not grant it.
  public static let pool = ShieldReasons(rawValue: 1 << 4)
  /// The newest sample is too old to act on.
  public static let stale = ShieldReasons(rawValue: 1 << 5)
  /// The last resize of this pod has not settled yet.
  public static let unsettled = ShieldReasons(rawValue: 1 << 6)
  /// The policy gave a number that is not finite.
  public static let notFinite = ShieldReasons(rawValue: 1 << 7)
  /// Metrics stayed away so long that the pod is led back to the limit it came with.
  public static let restore = ShieldReasons(rawValue: 1 << 8)

  /// More resizes were wanted than may be sent at once.
  public static let budget = ShieldReasons(rawValue: 1 << 9)
  /// The cluster has asked to be left alone with this pod for a while.
  public static let quiet = ShieldReasons(rawValue: 1 << 10)
  /// This pod is only advised.
  public static let recommend = ShieldReasons(rawValue: 1 << 11)
  /// Another instance acts at present.
  public static let standby = ShieldReasons(rawValue: 1 << 12)

  /// The names, in the order of the bits.
  public var names: [String] {
    let table: [(ShieldReasons, String)] = [
      (.minimum, "minimum"), (.maximum, "maximum"), (.step, "step"), (.deadband, "deadband"), (.pool, "pool"),
      (.stale, "stale"), (.unsettled, "unsettled"), (.notFinite, "not-finite"), (.restore, "restore"),
      (.budget, "budget"), (.quiet, "quiet"), (.recommend, "recommend"),
      (.standby, "standby"),
    ]
    return table.filter { contains($0.0) }.map(\.1)
  }
}

/// The last step before a resize. Pure and total: for any input, a NaN-spewing policy included, what leaves it is inside
/// the pod's bounds, no further from the present limit than allowed, and unchanged where acting would be blind.
///
/// It works in two halves around the pool: `envelope` says before the pool where a pod's allocation may lie this time,
/// `limit` turns the pool's grant into what is sent. A grant inside the envelope is never moved out of it.
public struct SafetyShield: Sendable, Equatable {
  /// The smallest and the largest limit of any pod, millicores; a pod's own bounds may be narrower.
  public var minimum: Millicores
  public var maximum: Millicores
  /// Limits sent are multiples of this. 10: the systemd cgroup driver rounds CPU quotas up to the next 10m, so 253m and
  /// 260m are one limit.
  public var granularity: Millicores
  /// The largest change of one resize, millicores; nil for any.
  public var stepMaximum: Millicores?
  /// Wishes that differ from the present allocation by less are not worth a resize; 0 for none.
  public var deadband: Millicores
  /// A sample older than this (seconds) is not acted on.
  public var sampleAgeMaximum: Double
  /// After this long without a fresh sample (seconds) the pod is led back to its original limit; nil for never.
  public var restoreAfter: Double?
  /// A resize that the cluster has not shown after this long (seconds) is given up: what the cluster shows holds.
  public var settlementTimeout: Double
  /// Whether CPU that a pod gives up is shared out only once a sample shows the cut. Where a resize takes time to act, a raise
  /// could otherwise act before the cut that pays for it, and the limits in force exceed the pool for a moment.
  public var waitsForCuts = false

  public init(
    minimum: Millicores = 50, maximum: Millicores = 1000, granularity: Millicores = 10, stepMaximum: Millicores? = nil,
    deadband: Millicores = 0, sampleAgeMaximum: Double = 5, restoreAfter: Double? = nil, settlementTimeout: Double = 30
  ) {
    self.minimum = minimum
    self.maximum = maximum
    self.granularity = granularity
    self.stepMaximum = stepMaximum
    self.deadband = deadband
    self.sampleAgeMaximum = sampleAgeMaximum
    self.restoreAfter = restoreAfter
    self.settlementTimeout = settlementTimeout
  }

  /// Where one pod's allocation may lie, and what it asks for within that.
  public struct Envelope: Sendable, Equatable {
    /// What the pod keeps whatever the pool says.
    public var floor: Millicores
    /// The wish, clamped.
    public var request: Millicores
    public var reasons: ShieldReasons
  }

  /// What the shield must know about a pod.
  public struct PodStatus: Sendable, Equatable {
    /// The allocation decided last, millicores (at a resolution of 1).
    public var allocation: Millicores
    /// The limit the pod had when it was taken over, millicores.
    public var original: Millicores
    /// The pod's own bounds, millicores.
    public var bounds: ClosedRange<Millicores>
    /// Seconds since the newest sample was taken.
    public var sampleAge: Double
    /// The last resize has not been seen in a sample.
    public var isUnsettled: Bool
    /// What the pod may still hold while unsettled: the larger of its old and its new limit.
    public var held: Millicores

    public init(
      allocation: Millicores, original: Millicores, bounds: ClosedRange<Millicores>, sampleAge: Double,
      isUnsettled: Bool,
      held: Millicores
    ) {
      self.allocation = allocation
      self.original = original
      self.bounds = bounds
      self.sampleAge = sampleAge
      self.isUnsettled = isUnsettled
      self.held = held
    }
  }

  /// Beyond any machine; keeps sums of wishes far from overflow.
  private static let largest: Millicores = 1 << 40

  /// The pod's bounds within the shield's own, on whole granules: the lower end rounded up, the upper end down. An
  /// impossible pair gives the upper end.
  public func bounds(of pod: ClosedRange<Millicores>) -> ClosedRange<Millicores> {
    let high = max(min(pod.upperBound, maximum), 0) / granularity * granularity
    let low = (max(pod.lowerBound, minimum, 0) + granularity - 1) / granularity * granularity
    return min(low, high)...high
  }

  /// Before the pool: clamps a wish and says what the pod keeps in any case.
  ///
  /// - Parameter wish: the limit asked for; nil when the policy gave nothing usable.
  public func envelope(wish: Millicores?, pod: PodStatus) -> Envelope {
    if pod.isUnsettled {
      return Envelope(floor: pod.held, request: pod.held, reasons: .unsettled)
    }
    let bounds = bounds(of: pod.bounds)
    var reasons: ShieldReasons = []
    var request = pod.allocation
    if !(pod.sampleAge <= sampleAgeMaximum) {
      reasons.insert(.stale)
      guard let restoreAfter, pod.sampleAge > restoreAfter else {
        return Envelope(floor: pod.allocation, request: pod.allocation, reasons: reasons)
      }
      reasons.insert(.restore)
      request = pod.original
    } else if let wish {
      request = min(max(wish, 0), Self.largest)
      if abs(request - pod.allocation) < deadband {
        if request != pod.allocation { reasons.insert(.deadband) }
        request = pod.allocation
      }
    } else {
      reasons.insert(.notFinite)
    }
    if request < bounds.lowerBound {
      request = bounds.lowerBound
      reasons.insert(.minimum)
    } else if request > bounds.upperBound {
      request = bounds.upperBound
      reasons.insert(.maximum)
    }
    var floor = bounds.lowerBound
    if let stepMaximum {
      // A pod that lies outside its bounds is brought back in steps too.
      let reachable = (pod.allocation - stepMaximum)...(pod.allocation + stepMaximum)
      let clamped = min(max(request, reachable.lowerBound), reachable.upperBound)
      if clamped != request { reasons.insert(.step) }
      request = clamped
      floor = min(max(floor, reachable.lowerBound), reachable.upperBound)
    }
    return Envelope(floor: min(floor, request), request: request, reasons: reasons)
  }

  /// After the pool: the limit to send for an allocation: the next lower multiple of the granularity, at least one granule.
  /// It never exceeds the allocation, so that limits fit the pool wherever allocations do; and as `envelope`'s bounds lie on
  /// whole granules, it stays inside them.
  public func limit(for allocation: Millicores) -> Millicores {
    max(allocation / granularity * granularity, granularity)
  }
}
