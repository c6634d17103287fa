/// Steady cells, replayed: the simulator gets every measured request's sending time and CPU time, and must answer as the
/// service did.
public struct SteadyFidelity: Codable, Sendable {
  public struct Cell: Codable, Sendable {
    public var name: String
    public var group: String
    public var limit: Int
    public var workers: Int
    public var cores: Int
    public var utilisation: Double
    public var measured: GroundTruth.Measures
    /// The average over the period phases.
    public var simulated: GroundTruth.Measures
  }

  /// Relative errors |simulated − measured| ÷ measured over some cells (of the throttled fraction: absolute differences).
  public struct ErrorRow: Codable, Sendable {
    public struct Error: Codable, Sendable {
      public var median: Double
      public var p90: Double
    }
    public var region: String
    public var cells: Int
    public var mean: Error
    public var p50: Error
    public var p95: Error
    public var p99: Error
    public var usage: Error
    public var throttledFraction: Error
  }

  public var cells: [Cell]
  /// The first row is about all cells, the second about utilisations up to 0.95.
  public var table: [ErrorRow]

  /// - `phases`: equally spaced offsets of the 100-ms period, over which the simulation is averaged, 1…1000.
  /// - `adjust`: changes the model, to learn what a part of it is worth.
  public static func measure(
    _ cells: [GroundTruth.SteadyCell], phases: Int, adjust: (inout PodParameters) -> Void = { _ in }
  ) throws -> SteadyFidelity {
    try validate("the number of phases", phases, in: 1...1000)
    // Replicas repeat cells that are there already.
    let compared = try cells.filter { $0.group != "repl" }.map { cell in
      Cell(
        name: cell.name, group: cell.group, limit: cell.limit, workers: cell.workers, cores: cell.cores,
        utilisation: cell.utilisation, measured: cell.measured, simulated: try replay(cell, phases: phases, adjust))
    }
    return SteadyFidelity(cells: compared, table: table(compared))
  }

  static func replay(
    _ cell: GroundTruth.SteadyCell, phases: Int, _ adjust: (inout PodParameters) -> Void
  ) throws -> GroundTruth.Measures {
    let pods = (0..<phases).map { phase in
      var parameters = PodParameters(cell)
      adjust(&parameters)
      parameters.phase = parameters.period * (Double(phase) + 0.5) / Double(phases)
      return parameters
    }
    let cluster = try PodCluster(PodClusterConfiguration(pods: pods))
    let trace = try cell.requests.trace()
    for pod in 0..<phases { cluster.setTrace(trace, ofPod: pod, cluster: 0) }
    let all = try CellRecording.play(cluster) { cluster.advance() }
    return .average(all.map(\.[0]))
  }

  static func table(_ cells: [Cell]) -> [ErrorRow] {
    let regions: [(String, (Cell) -> Bool)] = [
      ("all cells", { _ in true }),
      ("utilisation ≤ 0.95", { $0.utilisation <= 0.95 }),
      ("utilisation ≤ 0.6", { $0.utilisation <= 0.6 }),
      ("utilisation 0.7…0.95", { $0.utilisation > 0.6 && $0.utilisation <= 0.95 }),
      ("utilisation > 0.95", { $0.utilisation > 0.95 }),
      ("1 worker, 1 core", { $0.workers == 1 && $0.cores == 1 }),
      ("several workers, 1 core", { $0.workers > 1 && $0.cores == 1 }),
      ("several workers, 2 cores", { $0.workers > 1 && $0.cores > 1 }),
      ("limit ≤ 100 m", { $0.limit <= 100 }),
      ("limit 101…400 m", { (101...400).contains($0.limit) }),
      ("limit 401…999 m", { (401...999).contains($0.limit) }),
      ("limit ≥ 1000 m", { $0.limit >= 1000 }),
      ("other demands", { $0.group == "demand" }),
      ("other arrivals", { $0.group == "arrival" }),
    ]
    return regions.compactMap { name, contains in
      let some = cells.filter(contains)
      return some.isEmpty ? nil : ErrorRow(region: name, some)
    }
  }
}

extension SteadyFidelity.ErrorRow {
  init(region: String, _ cells: [SteadyFidelity.Cell]) {
    func relative(_ value: KeyPath<GroundTruth.Measures, Double>) -> Error {
      Error(cells.map { relativeError($0.simulated[keyPath: value], $0.measured[keyPath: value]) })
    }
    self.region = region
    self.cells = cells.count
    mean = relative(\.mean)
    p50 = relative(\.p50)
    p95 = relative(\.p95)
    p99 = relative(\.p99)
    usage = relative(\.usage)
    throttledFraction = Error(cells.map { abs($0.simulated.throttledFraction - $0.measured.throttledFraction) })
  }
}

extension SteadyFidelity.ErrorRow.Error {
  init(_ errors: [Double]) {
    let sorted = errors.sorted()
    median = quantile(0.5, ofSorted: sorted)
    p90 = quantile(0.9, ofSorted: sorted)
  }
}

func relativeError(_ value: Double, _ reference: Double) -> Double {
  value == reference ? 0 : abs(value - reference) / max(abs(reference), 1e-12)
}

extension PodParameters {
  /// The service of a steady cell.
  init(_ cell: GroundTruth.SteadyCell) {
    self.init()
    limit = cell.limit
    workers = cell.workers
    cores = Double(cell.cores)
    demand = cell.demand
    arrivals = Arrivals(cell.arrivals)
    timeout = GroundTruth.timeout
  }

  /// The service of a run on one core.
  init(_ run: GroundTruth.Run) {
    self.init()
    limit = run.seconds.first?.limit ?? limit
    workers = run.workers
    demand = run.demand
    timeout = GroundTruth.timeout
  }
}

/// Plays the length of a steady cell and sums it up as the ground truth does: requests *sent* after the warm-up, counters
/// of the seconds after it.
enum CellRecording {
  /// - Returns: the measures, `[pod][cluster]`.
  static func play(_ cluster: PodCluster, advance: () throws -> Void) throws -> [[GroundTruth.Measures]] {
    let recorder = ResponseRecorder()
    cluster.recorder = recorder
    cluster.reset(episode: 0)
    var sums = [GroundTruth.Measures](
      repeating: GroundTruth.Measures(mean: 0, p50: 0, p95: 0, p99: 0, usage: 0, throttledFraction: 0),
      count: cluster.pods * cluster.clusters)
    var periods = [Int](repeating: 0, count: sums.count)
    var throttled = periods
    let window = GroundTruth.warmUpSeconds..<GroundTruth.cellSeconds
    // Beyond the end, so that the last requests are answered or given up.
    for second in 0..<GroundTruth.cellSeconds + Int(GroundTruth.timeout) + 1 {
      try advance()
      guard window.contains(second) else { continue }
      for place in sums.indices {
        let result = cluster.second(pod: place / cluster.clusters, cluster: place % cluster.clusters)
        sums[place].usage += result.usage / Double(window.count)
        periods[place] += result.periods
        throttled[place] += result.throttledPeriods
      }
    }
    for place in sums.indices {
      let all = recorder.responses(pod: place / cluster.clusters, cluster: place % cluster.clusters)
      let times = all.filter { $0.sent >= Double(window.lowerBound) && $0.sent < Double(window.upperBound) }
        .map(\.time).sorted()
      sums[place].mean = times.reduce(0, +) / Double(max(times.count, 1))
      sums[place].p50 = quantile(0.5, ofSorted: times)
      sums[place].p95 = quantile(0.95, ofSorted: times)
      sums[place].p99 = quantile(0.99, ofSorted: times)
      sums[place].throttledFraction = Double(throttled[place]) / Double(max(periods[place], 1))
    }
    return (0..<cluster.pods).map { Array(sums[$0 * cluster.clusters..<($0 + 1) * cluster.clusters]) }
  }
}

extension GroundTruth.Measures {
  static let all: [WritableKeyPath<GroundTruth.Measures, Double> & Sendable] = [
    \.mean, \.p50, \.p95, \.p99, \.usage, \.throttledFraction,
  ]

  /// - Precondition: not empty.
  static func average(_ several: [GroundTruth.Measures]) -> GroundTruth.Measures {
    var result = several[0]
    for value in all {
      result[keyPath: value] = several.reduce(0) { $0 + $1[keyPath: value] } / Double(several.count)
    }
    return result
  }
}
