/// Every response of an episode, per pod and cluster, for exact whole-run percentiles. Grows as it records.
public final class ResponseRecorder {
  /// One ended request: when it was sent (seconds since the episode began), and after how long it was answered or, then as
  /// long as the client's timeout, given up.
  public struct Response: Sendable, Equatable {
    public var sent: Double
    public var time: Double
  }

  private struct Place: Hashable { let pod: Int, cluster: Int }
  private struct RoutePlace: Hashable { let route: Int, cluster: Int }
  private var responses: [Place: [Response]] = [:]
  private var endToEnd: [RoutePlace: [Response]] = [:]

  public init() {}

  /// What a pod's clients have met so far, in the order in which requests ended.
  public func responses(pod: Int, cluster: Int) -> [Response] { responses[Place(pod: pod, cluster: cluster)] ?? [] }

  /// What the clients of a route have met so far, from end to end, in the order in which requests ended.
  public func responses(route: Int, cluster: Int) -> [Response] {
    endToEnd[RoutePlace(route: route, cluster: cluster)] ?? []
  }

  public func removeAll() {
    responses.removeAll(keepingCapacity: true)
    endToEnd.removeAll(keepingCapacity: true)
  }

  func append(_ window: ResponseWindow, pod: Int, cluster: Int) {
    guard window.count > 0 else { return }
    responses[Place(pod: pod, cluster: cluster), default: []].append(contentsOf: Self.ended(window))
  }

  func append(_ window: ResponseWindow, route: Int, cluster: Int) {
    guard window.count > 0 else { return }
    endToEnd[RoutePlace(route: route, cluster: cluster), default: []].append(contentsOf: Self.ended(window))
  }

  private static func ended(_ window: ResponseWindow) -> [Response] {
    (0..<window.count).map { Response(sent: window.sent[$0], time: window.responses[$0]) }
  }
}

/// The q-quantile of ascending values, interpolating linearly at rank q·(n − 1); 0 for none.
public func quantile(_ q: Double, ofSorted values: [Double]) -> Double {
  guard let last = values.last else { return 0 }
  let rank = min(max(q, 0), 1) * Double(values.count - 1)
  let below = Int(rank)
  guard below + 1 < values.count else { return last }
  return values[below] + (rank - Double(below)) * (values[below + 1] - values[below])
}
