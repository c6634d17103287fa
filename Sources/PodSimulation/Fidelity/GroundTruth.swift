/// Measurements of a real service under real CFS bandwidth control, read from a folder of CSV files:
///
/// - `steady_cells.csv`, `steady_requests.csv`: steady load, one row per cell and per request;
/// - `runs.csv`, `dynamic_seconds.csv`, `dynamic_requests.csv`: steps of load or limit, quota rewriting;
/// - `controller_seconds.csv`, `controller_requests.csv`: runs under a threshold controller.
///
/// A group of files that is absent is nil or empty, never an error; a file that is there is read strictly, and a refusal
/// names file and row.
public struct GroundTruth: Sendable {
  /// Requests in the order of their sending.
  public struct Requests: Sendable {
    /// Seconds since the run's start.
    public var times: [Double] = []
    /// CPU time spent, core-seconds, without the service's overhead per request.
    public var demands: [Double] = []
    /// Response times, seconds; a request without an answer in time counts as the timeout.
    public var responses: [Double] = []
  }

  /// What one cell measured over its last 30 s.
  public struct Measures: Codable, Sendable, Equatable {
    /// Response times, seconds.
    public var mean: Double
    public var p50: Double
    public var p95: Double
    public var p99: Double
    /// Millicores.
    public var usage: Double
    public var throttledFraction: Double
  }

  public struct SteadyCell: Sendable {
    public var name: String
    public var group: String
    public var limit: Int
    public var workers: Int
    public var cores: Int
    /// Core-seconds.
    public var demand: ServiceDemand
    public var arrivals: Arrivals.Process
    /// 1 s at 1.7 times and 1 s at 0.3 times the mean rate in turn.
    public var isOnOff: Bool
    /// Offered load ÷ limit as asked for.
    public var utilisation: Double
    /// Requests/s as asked for.
    public var rate: Double
    public var measured: Measures
    public var requests: Requests
  }

  public struct Second: Sendable {
    public var limit: Int
    public var usage: Double
    /// Response times of the requests that ended in the second, seconds; nil when none did.
    public var mean: Double?
    public var p95: Double?
    /// Clients waiting at the second's end; nil where the file does not say.
    public var inFlight: Int?
  }

  public struct Run: Sendable {
    public var name: String
    public var workers: Int
    public var demand: ServiceDemand
    /// The text of the column `limits`.
    public var limits: String
    public var seconds: [Second]
    public var requests: Requests
  }

  /// Of the full length of a steady cell, seconds; the first 3 are warm-up.
  public static let cellSeconds = 33
  public static let warmUpSeconds = 3
  /// The clients' timeout, seconds.
  public static let timeout = 2.0
  /// No response time is longer, whatever the clock did: what is longer is in other units.
  static let longestResponse = 1.25 * timeout

  /// nil when the folder has no steady cells.
  public var cells: [SteadyCell]?
  public var dynamic: [Run] = []
  public var controller: [Run] = []

  /// - Throws: `SimulationError` for a malformed file; nothing for absent ones.
  public init(folder: String) throws {
    func path(_ name: String) -> String { folder + "/" + name }
    if fileExists(path("steady_cells.csv")) && fileExists(path("steady_requests.csv")) {
      cells = try Self.readCells(
        path("steady_cells.csv"), requests: Self.readRequests(path("steady_requests.csv"), by: "cell"))
    }
    guard fileExists(path("runs.csv")) else { return }
    for (prefix, place) in [("dynamic", \GroundTruth.dynamic), ("controller", \.controller)] {
      let (seconds, requests) = (path("\(prefix)_seconds.csv"), path("\(prefix)_requests.csv"))
      guard fileExists(seconds) && fileExists(requests) else { continue }
      self[keyPath: place] = try Self.readRuns(
        path("runs.csv"), kind: prefix, seconds: Self.readSeconds(seconds),
        requests: Self.readRequests(requests, by: "run"))
    }
  }

  // MARK: Files

  static func readRequests(_ path: String, by key: String) throws -> [String: Requests] {
    let file = try CSVFile(path: path)
    let (name, time) = (try file.column(key), try file.column("t_us"))
    let (cpu, latency) = (try file.column("cpu_us"), try file.column("latency_us"))
    let status = try file.column("status")
    var all: [String: Requests] = [:]
    var current = (name: "", requests: Requests())
    try file.forEachRow { row in
      let runName = row.text(name)
      if runName != current.name {
        if !current.name.isEmpty { all[current.name] = current.requests }
        current = (runName, all[runName] ?? Requests())
      }
      let sent = try row.number(time, atLeast: 0) / 1e6
      if let last = current.requests.times.last, sent < last {
        throw row.refusal(time, expected: "a time not before \(last * 1e6): requests ascend within a \(key)")
      }
      current.requests.times.append(sent)
      current.requests.demands.append(try row.number(cpu, in: 0...60e6) / 1e6)
      let isAnswered = try row.integer(status, in: 0...2) == 0
      let response = try row.number(latency, in: 0...1e6 * longestResponse) / 1e6
      current.requests.responses.append(isAnswered ? response : timeout)
    }
    if !current.name.isEmpty { all[current.name] = current.requests }
    return all
  }

  private static func readDemand(_ row: CSVFile.Row, mean: Int, distribution: Int) throws -> ServiceDemand {
    switch row.text(distribution) {
    case "exp": return ServiceDemand(.exponential, mean: try row.number(mean, atLeast: 0.01) / 1000)
    case "det": return ServiceDemand(.deterministic, mean: try row.number(mean, atLeast: 0.01) / 1000)
    default: throw row.refusal(distribution, expected: "exp or det")
    }
  }

  private static func readCells(_ path: String, requests: [String: Requests]) throws -> [SteadyCell] {
    let file = try CSVFile(path: path)
    func column(_ name: String) throws -> Int { try file.column(name) }
    let (name, group, limit) = (try column("cell"), try column("group"), try column("limit_m"))
    let (workers, cores) = (try column("workers"), try column("cores"))
    let (demand, distribution) = (try column("demand_ms"), try column("demand_dist"))
    let (arrivals, shape) = (try column("arrivals"), try column("load_shape"))
    let (utilisation, rate) = (try column("util_nominal"), try column("offered_rps_nominal"))
    let times = try ["mean_ms", "p50_ms", "p95_ms", "p99_ms"].map(column)
    let (usage, throttled) = (try column("usage_m"), try column("throttled_fraction"))
    var cells: [SteadyCell] = []
    try file.forEachRow { row in
      let cell = row.text(name)
      guard let requests = requests[cell] else { throw row.refusal(name, expected: "a cell with requests") }
      let process: Arrivals.Process
      switch row.text(arrivals) {
      case "poisson": process = .poisson
      case "const": process = .deterministic
      default: throw row.refusal(arrivals, expected: "poisson or const")
      }
      guard ["steady", "onoff"].contains(row.text(shape)) else { throw row.refusal(shape, expected: "steady or onoff") }
      let seconds = try times.map { try row.number($0, in: 0...1000 * longestResponse) / 1000 }
      let coreCount = try row.integer(cores, in: 1...256)
      let service = try readDemand(row, mean: demand, distribution: distribution)
      let spent = requests.demands.reduce(0, +) / Double(max(requests.demands.count, 1))
      guard requests.demands.isEmpty || (service.mean / 5...service.mean * 5).contains(spent) else {
        throw row.refusal(
          demand, expected: "about \(Float(spent * 1000)), the mean of the cell's cpu_us, which are microseconds")
      }
      cells.append(
        SteadyCell(
          name: cell, group: row.text(group), limit: try row.integer(limit, in: 10...1_000_000),
          workers: try row.integer(workers, in: 1...64), cores: coreCount, demand: service, arrivals: process,
          isOnOff: row.text(shape) == "onoff", utilisation: try row.number(utilisation, in: 0...20),
          rate: try row.number(rate, in: 0...100_000),
          measured: Measures(
            mean: seconds[0], p50: seconds[1], p95: seconds[2], p99: seconds[3],
            usage: try row.number(usage, in: 0...1100 * Double(coreCount)),
            throttledFraction: try row.number(throttled, in: 0...1)),
          requests: requests))
    }
    return cells
  }

  private static func readSeconds(_ path: String) throws -> [String: [Second]] {
    let file = try CSVFile(path: path)
    let (name, second, limit) = (try file.column("run"), try file.column("second"), try file.column("limit_m"))
    let (usage, mean, p95) = (try file.column("usage_m"), try file.column("mean_ms"), try file.column("p95_ms"))
    let waiting = file.columns.firstIndex(of: "in_flight")
    let longest = 1000 * longestResponse
    var runs: [String: [Second]] = [:]
    try file.forEachRow { row in
      let run = row.text(name)
      let expected = runs[run]?.count ?? 0
      guard try row.integer(second, in: 0...1_000_000) == expected else {
        throw row.refusal(second, expected: "\(expected): seconds ascend one by one within a run")
      }
      let inForce = try row.integer(limit, in: 10...1_000_000)
      runs[run, default: []].append(
        Second(
          limit: inForce,
          // A second holds at most eleven refills, and one more for every write.
          usage: try row.number(usage, in: 0...3 * Double(inForce) + 100),
          mean: row.isEmpty(mean) ? nil : try row.number(mean, in: 0...longest) / 1000,
          p95: row.isEmpty(p95) ? nil : try row.number(p95, in: 0...longest) / 1000,
          inFlight: try waiting.flatMap { row.isEmpty($0) ? nil : try row.integer($0, in: 0...10_000_000) }))
    }
    return runs
  }

  private static func readRuns(
    _ path: String, kind: String, seconds: [String: [Second]], requests: [String: Requests]
  ) throws -> [Run] {
    let file = try CSVFile(path: path)
    let (name, kindColumn, workers) = (try file.column("run"), try file.column("kind"), try file.column("workers"))
    let (demand, distribution) = (try file.column("demand_ms"), try file.column("demand_dist"))
    let limits = try file.column("limits")
    var runs: [Run] = []
    try file.forEachRow { row in
      // A subset of the seconds may come with the full list of runs.
      guard row.text(kindColumn) == kind, let seconds = seconds[row.text(name)] else { return }
      runs.append(
        Run(
          name: row.text(name), workers: try row.integer(workers, in: 1...64),
          demand: try readDemand(row, mean: demand, distribution: distribution), limits: row.text(limits),
          seconds: seconds, requests: requests[row.text(name)] ?? Requests()))
    }
    return runs
  }
}

extension GroundTruth.Requests {
  func trace() throws -> RequestTrace { try RequestTrace(times: times, demands: demands) }
}
