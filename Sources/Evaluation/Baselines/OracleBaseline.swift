import Autoscaling

/// Knows the coming requests, and so how little CPU would have done: the lower bound that other policies are measured against.
///
/// Each second it takes the pod as it is, with queue and quota, and plays the next two seconds of its very requests under a
/// grid of limits. It asks for the limit whose best continuation has the smallest cost
///
///     Σ over both seconds (limit − usage) + price · requests later than goal · SLO
///
/// Used CPU is what the requests need, sooner or later, so the sum counts what is allocated for nothing. `price` is what one
/// late request is worth in core-seconds; sweeping it, and `goal`, gives the front of CPU against tail response time. The planning
/// looks at each pod by itself; the pool then shares out what is short as it does for everybody.
///
/// What it knows and no policy of a real cluster can: the instant and the CPU demand of every request of the coming two
/// seconds, and the pod's queue and quota to the last bit. It looks no further than two seconds and tries a finite grid, so
/// the true optimum may be a little lower.
public struct OracleBaseline: ScalingPolicy {
  static let entry = Baseline(
    "oracle", "knows every request of the next two seconds; the lower bound",
    parameters: [
      .init("price", 0.1, in: 0...1000, sweep: [0.02, 0.05, 0.1, 0.3]),
      .init("goal", 1, in: 0.01...10, sweep: [0.5, 0.75, 1]),
    ]
  ) { try OracleBaseline(price: $0[0], goal: $0[1], knowing: $1) }

  private let planner: LimitPlanner

  /// - Parameters:
  ///   - price: core-seconds that one late request is worth.
  ///   - goal: what counts as late, as a multiple of the SLO.
  /// - Throws: `BaselineError` where pods depend on one another or are not seen and resized at once: then playing each of
  ///   them beforehand says nothing. `SimulationError` for an impossible cluster.
  public init(price: Double, goal: Double = 1, knowing knowledge: EpisodeKnowledge) throws {
    planner = try LimitPlanner(.requests, price: price, goal: goal * knowledge.slo, knowledge)
  }

  public mutating func reset() { planner.restart() }

  public mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    planner.plan(group, wishes)
  }
}

/// Knows the rates of the coming two seconds, but not the requests: what a perfect forecast of the load would be worth.
///
/// Like `oracle`, but the seconds that it plays beforehand hold requests that it imagines, drawn at the coming rates with the
/// pod's own distribution of demands; costs are means over twelve such futures. Between it and the oracle lies what no
/// forecast can give, because requests come at random.
///
/// What it knows and no policy of a real cluster can: the rate of the coming two seconds, the distribution of the demands, and
/// the pod's queue and quota to the last bit.
public struct ForecastBaseline: ScalingPolicy {
  static let entry = Baseline(
    "forecast", "knows the request rates of the next two seconds, but not the requests",
    parameters: [
      .init("price", 0.5, in: 0...1000, sweep: [0.1, 0.3, 1, 3]),
      .init("goal", 1, in: 0.01...10, sweep: [0.5, 0.75, 1]),
    ]
  ) { try ForecastBaseline(price: $0[0], goal: $0[1], knowing: $1) }

  private let planner: LimitPlanner

  /// As `OracleBaseline`.
  public init(price: Double, goal: Double = 1, knowing knowledge: EpisodeKnowledge) throws {
    planner = try LimitPlanner(.rates, price: price, goal: goal * knowledge.slo, knowledge)
  }

  public mutating func reset() { planner.restart() }

  public mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    planner.plan(group, wishes)
  }
}
