import Autoscaling

/// What a namespace's LimitRanges, and the pod's own resources where it has any, allow one container's CPU to be. Pure.
public struct LimitRangeBounds: Sendable, Equatable {
  /// A bound on limit ÷ request: of the container, or of its whole pod.
  public struct Ratio: Sendable, Equatable {
    var maximum: Double
    var limits = PodShare()
    var requests = PodShare()

    func allows(limit: Millicores, request: Millicores) -> Bool {
      Double(limits.sum(with: limit)) <= Double(requests.sum(with: request)) * maximum
    }

    /// The largest limit beside a request.
    func limitMaximum(request: Millicores) -> Millicores {
      limits.most(
        ofSum: Int(min(Double(requests.sum(with: request)) * maximum, 1e15).rounded(.down)))
    }

    /// The least request beside a limit.
    func requestMinimum(limit: Millicores) -> Millicores {
      requests.least(ofSum: Int((Double(limits.sum(with: limit)) / maximum).rounded(.up)))
    }
  }

  /// The least request and the largest limit, millicores.
  public var minimum: Millicores = 0
  public var maximum: Millicores = .max
  /// The largest request.
  public var requestMaximum: Millicores = .max
  var ratios: [Ratio] = []

  public init() {}

  /// - Parameter pod: for what bounds whole pods: what its other containers have is theirs.
  public init(_ ranges: [LimitRange], pod: Pod, container name: String) {
    // Resources of the pod's own take the place of the containers' sum.
    let own = pod.spec.resources
    let ownLimit = own?.limits["cpu"]?.cpu
    let ownRequest = own?.requests["cpu"]?.cpu
    let requestShare = PodShare(pod.spec, of: name) { $0.requests["cpu"] }
    let limits =
      ownLimit.map(PodShare.init(fixed:)) ?? PodShare(pod.spec, of: name) { $0.limits["cpu"] }
    let requests = ownRequest.map(PodShare.init(fixed:)) ?? requestShare
    for item in ranges.flatMap(\.spec.limits) {
      switch item.type {
      case "Container": bound(item, limits: PodShare(), requests: PodShare())
      case "Pod": bound(item, limits: limits, requests: requests)
      default: continue
      }
    }
    // No container's limit above the pod's, and no more requests than the pod's.
    if let ownLimit { maximum = min(maximum, ownLimit) }
    if let ownRequest { requestMaximum = min(requestMaximum, requestShare.most(ofSum: ownRequest)) }
  }

  private mutating func bound(_ item: LimitRange.Item, limits: PodShare, requests: PodShare) {
    if let least = item.min["cpu"] {
      minimum = max(minimum, requests.least(ofSum: least.cpu))
    }
    if let most = item.max["cpu"] {
      maximum = min(maximum, limits.most(ofSum: most.cpu))
    }
    if let ratio = item.maxLimitRequestRatio["cpu"]?.double, ratio >= 1 {
      ratios.append(Ratio(maximum: ratio, limits: limits, requests: requests))
    }
  }

  /// The largest value that a resize of these values may give.
  public func largest(_ values: ControlledValues, of pod: Pod) -> Millicores {
    values.moveRequest(of: pod) ? min(maximum, requestMaximum) : maximum
  }
}
