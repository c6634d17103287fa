/// Steady cells with the simulator's own random arrivals and demands: does the measurement look like one of its runs?
///
/// For every cell and quantity: whether the measured value lies between the 5th and the 95th percentile of many replicas.
public struct GenerativeFidelity: Codable, Sendable {
  public var cells: Int
  public var replicas: Int
  /// Shares of the cells whose measured value lies in the band.
  public var mean: Double
  public var p95: Double
  public var p99: Double
  public var usage: Double
  public var throttledFraction: Double

  public static func measure(
    _ cells: [GroundTruth.SteadyCell], replicas: Int, seed: UInt64, adjust: (inout PodParameters) -> Void = { _ in }
  ) throws -> GenerativeFidelity {
    try validate("the number of replicas", replicas, in: 20...100_000)
    let cells = cells.filter { $0.group != "repl" }
    var inside = GroundTruth.Measures(mean: 0, p50: 0, p95: 0, p99: 0, usage: 0, throttledFraction: 0)
    for (index, cell) in cells.enumerated() {
      let runs = try replay(cell, replicas: replicas, seed: seed &+ UInt64(index), adjust)
      for value in GroundTruth.Measures.all {
        let sorted = runs.map { $0[keyPath: value] }.sorted()
        let measured = cell.measured[keyPath: value]
        if measured >= quantile(0.05, ofSorted: sorted) && measured <= quantile(0.95, ofSorted: sorted) {
          inside[keyPath: value] += 1 / Double(cells.count)
        }
      }
    }
    return GenerativeFidelity(
      cells: cells.count, replicas: replicas, mean: inside.mean, p95: inside.p95, p99: inside.p99, usage: inside.usage,
      throttledFraction: inside.throttledFraction)
  }

  static func replay(
    _ cell: GroundTruth.SteadyCell, replicas: Int, seed: UInt64, _ adjust: (inout PodParameters) -> Void
  ) throws -> [GroundTruth.Measures] {
    var parameters = PodParameters(cell)
    adjust(&parameters)
    if cell.demand.distribution == .deterministic && !cell.requests.demands.isEmpty {
      // The service's burn differed by up to 1 % from cell to cell, which is all the spread that these demands have.
      parameters.demand = ServiceDemand(.empirical, mean: cell.demand.mean, samples: cell.requests.demands)
    }
    let cluster = try PodCluster(PodClusterConfiguration(pods: [parameters], clusters: replicas, seed: seed))
    var rates = [Float](repeating: 0, count: replicas)
    var second = 0
    let runs = try CellRecording.play(cluster) {
      let isOver = second >= GroundTruth.cellSeconds
      let factor = isOver ? 0 : !cell.isOnOff ? 1 : second % 2 == 0 ? 1.7 : 0.3
      for index in rates.indices { rates[index] = Float(cell.rate * factor) }
      cluster.advance(rates: rates)
      second += 1
    }
    return runs[0]
  }
}
