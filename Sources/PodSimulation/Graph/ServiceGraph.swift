/// How requests travel through the pods of a cluster: a request enters at a pod and, when that has done its part, visits
/// further pods, one stage after the other, the pods of a stage in parallel (fork–join). It is answered when the last
/// stage has come together, so that one starved pod holds up every request that passes it.
///
///     ServiceGraph([ServiceGraph.Route(entry: 0, stages: [[1], [2, 3]])])     // 0, then 1, then 2 and 3 together
///
/// A visited pod draws the visit's demand from its own distribution. Callers wait without holding a worker. The client gives
/// up after the entry pod's timeout; the visits go on, as nobody tells the services. A pod's own counts and response times
/// are those of the visits to it, `RouteSecond` has those of whole requests. Visits' latencies outside the pods add to
/// the response time but do not delay the next stage.
public struct ServiceGraph: Codable, Equatable, Sendable {
  public struct Route: Codable, Equatable, Sendable {
    /// The pod where requests arrive, at that pod's rate.
    public var entry: Int
    /// The pods visited afterwards, stage by stage; each stage at least one. A pod may be visited in several stages.
    public var stages: [[Int]]

    public init(entry: Int, stages: [[Int]] = []) {
      self.entry = entry
      self.stages = stages
    }
  }

  /// At most one per entry pod. Pods that are no entry get no requests but visits; their own rates and traces are ignored.
  public var routes: [Route]

  public init(_ routes: [Route]) { self.routes = routes }

  /// - Throws: `SimulationError` unless every route leads through pods that there are.
  public func validate(pods: Int) throws {
    try PodSimulation.validate("the number of routes", routes.count, in: 1...pods)
    var entries: Set<Int> = []
    for (number, route) in routes.enumerated() {
      try PodSimulation.validate("routes[\(number)].entry", route.entry, in: 0...pods - 1)
      guard entries.insert(route.entry).inserted else {
        throw SimulationError("routes[\(number)].entry is pod \(route.entry) again, expected one route per entry pod")
      }
      try PodSimulation.validate("the number of routes[\(number)].stages", route.stages.count, in: 0...1000)
      for (place, stage) in route.stages.enumerated() {
        try PodSimulation.validate(
          "the number of pods in routes[\(number)].stages[\(place)]", stage.count, in: 1...pods)
        for pod in stage {
          try PodSimulation.validate("a pod in routes[\(number)].stages[\(place)]", pod, in: 0...pods - 1)
        }
        guard Set(stage).count == stage.count else {
          throw SimulationError("routes[\(number)].stages[\(place)] has a pod twice, expected different pods")
        }
      }
    }
  }
}

/// What one simulated second did to the requests of one route, from end to end.
public struct RouteSecond: Sendable, Equatable {
  /// The second's end, seconds since the episode began.
  public var time = 0.0
  public var sent = 0
  /// Answered within the client's timeout.
  public var completed = 0
  /// Given up by the client in this second.
  public var timeouts = 0
  /// Failed because a pod on the way was not there or stopped.
  public var refused = 0
  /// Waiting clients at the second's end.
  public var inFlight = 0
  /// Requests that still occupy a pod at the second's end, also those that nobody waits for any more.
  public var backlog = 0
  /// Response times, end to end, of the requests that ended in this second, seconds; a timed-out one counts as the timeout.
  public var mean = 0.0
  public var p95 = 0.0
  public var p99 = 0.0

  public init() {}

  public var ended: Int { completed + timeouts }
}
