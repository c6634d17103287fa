import Autoscaling

/// What a namespace's LimitRanges allow one container's CPU to be. Pure.
public struct LimitRangeBounds: Sendable, Equatable {
  /// The least request and the largest limit, millicores.
  public var minimum: Millicores = 0
  public var maximum: Millicores = .max
  /// The largest limit ÷ request; nil for any.
  public var ratioMaximum: Double?

  public init() {}

  /// - Parameter pod: for ranges on whole pods: what its other containers have is theirs.
  public init(_ ranges: [LimitRange], pod: Pod, container name: String) {
    for item in ranges.flatMap(\.spec.limits) {
      var others = (limit: 0, request: 0)
      switch item.type {
      case "Container": break
      case "Pod":
        for other in pod.spec.containers where other.name != name {
          others.limit = Self.sum(others.limit, other.resources?.limits["cpu"])
          others.request = Self.sum(others.request, other.resources?.requests["cpu"])
        }
      default: continue
      }
      if let min = item.min["cpu"] { minimum = Swift.max(minimum, Self.difference(min, others.request)) }
      if let max = item.max["cpu"] { maximum = Swift.min(maximum, Self.difference(max, others.limit)) }
      if item.type == "Container", let ratio = item.maxLimitRequestRatio["cpu"]?.double {
        ratioMaximum = Swift.min(ratioMaximum ?? ratio, ratio)
      }
    }
  }

  private static func difference(_ a: Quantity, _ b: Int) -> Int {
    let (difference, overflow) = a.millicores.subtractingReportingOverflow(b)
    return overflow ? (b < 0 ? .max : .min) : difference
  }

  private static func sum(_ a: Int, _ b: Quantity?) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b?.millicores ?? 0)
    return overflow ? .max : sum
  }
}
