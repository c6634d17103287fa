/// How far the simulator can be believed: every comparison with the ground truth, and the acceptance table.
public struct FidelityReport: Codable, Sendable {
  /// One requirement.
  public struct Line: Codable, Sendable {
    public var quantity: String
    /// What is required and reached, in the same order (median and 90th percentile, or one value).
    public var required: [Double]
    public var reached: [Double]
    /// Whether `reached` must be at least `required`; at most, if not.
    public var isLowerBound: Bool

    public var isMet: Bool {
      zip(required, reached).allSatisfy { isLowerBound ? $1 >= $0 : $1 <= $0 }
    }

    private enum CodingKeys: String, CodingKey { case quantity, required, reached, isLowerBound, isMet }

    public init(_ quantity: String, required: [Double], reached: [Double], isLowerBound: Bool = false) {
      self.quantity = quantity
      self.required = required
      self.reached = reached
      self.isLowerBound = isLowerBound
    }

    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      quantity = try values.decode(String.self, forKey: .quantity)
      required = try values.decode([Double].self, forKey: .required)
      reached = try values.decode([Double].self, forKey: .reached)
      isLowerBound = try values.decode(Bool.self, forKey: .isLowerBound)
    }

    public func encode(to encoder: any Encoder) throws {
      var values = encoder.container(keyedBy: CodingKeys.self)
      try values.encode(quantity, forKey: .quantity)
      try values.encode(required, forKey: .required)
      try values.encode(reached, forKey: .reached)
      try values.encode(isLowerBound, forKey: .isLowerBound)
      try values.encode(isMet, forKey: .isMet)
    }
  }

  public var phases: Int
  /// nil where the ground truth has no steady cells.
  public var steady: SteadyFidelity?
  public var generative: GenerativeFidelity?
  public var dynamics: [DynamicFidelity]
  public var closedLoop: [ClosedLoopFidelity]
  public var acceptance: [Line]
  /// What could not be compared, because its files are absent.
  public var missing: [String]

  public var isAccepted: Bool { acceptance.allSatisfy(\.isMet) }

  /// Runs every comparison for which there are measurements.
  ///
  /// - `phases`: period phases that replays are averaged over, at least 8 for the acceptance table.
  /// - `replicas`: random runs per cell, at least 20; 0 leaves the generative comparison out.
  /// - `adjust`: changes the model, to learn what a part of it is worth.
  public static func measure(
    _ truth: GroundTruth, phases: Int = 16, replicas: Int = 100, seed: UInt64 = 1,
    adjust: (inout PodParameters) -> Void = { _ in }
  ) throws -> FidelityReport {
    var report = FidelityReport(phases: phases, dynamics: [], closedLoop: [], acceptance: [], missing: [])
    if let cells = truth.cells, !cells.isEmpty {
      let steady = try SteadyFidelity.measure(cells, phases: phases, adjust: adjust)
      report.steady = steady
      report.acceptance += steady.acceptance
      if replicas > 0 {
        let generative = try GenerativeFidelity.measure(cells, replicas: replicas, seed: seed, adjust: adjust)
        report.generative = generative
        report.acceptance += generative.acceptance
      }
    } else {
      report.missing.append("steady cells")
    }
    report.dynamics = try truth.dynamic.map { try DynamicFidelity.measure($0, phases: phases, adjust: adjust) }
    report.acceptance += DynamicFidelity.acceptance(report.dynamics)
    if truth.dynamic.isEmpty { report.missing.append("dynamic runs") }
    report.closedLoop = try ClosedLoopFidelity.measure(truth.controller, phases: phases, adjust: adjust)
    report.acceptance += ClosedLoopFidelity.acceptance(report.closedLoop)
    if truth.controller.isEmpty { report.missing.append("controller runs") }
    return report
  }
}

// The requirements are what a prototype of the model reached on a real kernel, with some room. The noise floor of the
// measurement itself (the same cell measured twice) is about 2 % in the median and 8 % for one cell in ten.

extension SteadyFidelity {
  /// Medians and 90th percentiles that are required of some cells.
  static func requirements(of row: ErrorRow) -> [(name: String, error: ErrorRow.Error, required: [Double])] {
    [
      ("p95 response time", row.p95, [0.03, 0.10]), ("mean response time", row.mean, [0.04, 0.10]),
      ("p99 response time", row.p99, [0.03, 0.12]), ("usage", row.usage, [0.004, 0.008]),
      ("throttled fraction (absolute)", row.throttledFraction, [0.015, 0.045]),
    ]
  }

  var acceptance: [FidelityReport.Line] {
    table.prefix(2).flatMap { row in
      Self.requirements(of: row).map { name, error, required in
        FidelityReport.Line("\(name), \(row.region)", required: required, reached: [error.median, error.p90])
      }
    }
  }
}

extension GenerativeFidelity {
  var acceptance: [FidelityReport.Line] {
    [
      ("mean response time", mean), ("p95 response time", p95), ("p99 response time", p99), ("usage", usage),
      ("throttled fraction", throttledFraction),
    ].map { name, share in
      FidelityReport.Line(
        "\(name), cells within the generative band", required: [0.8], reached: [share], isLowerBound: true)
    }
  }
}

extension DynamicFidelity {
  static func acceptance(_ runs: [DynamicFidelity]) -> [FidelityReport.Line] {
    func worst(_ quantity: String, _ required: Double, _ values: [Double]) -> [FidelityReport.Line] {
      values.max().map { [FidelityReport.Line(quantity, required: [required], reached: [$0])] } ?? []
    }
    let rewritten = runs.filter(\.isRewritten)
    return worst("capacity with the limit rewritten every second", 0.03, rewritten.map { abs($0.capacityError) })
      + worst("usage per second, part of the limit", 0.02, runs.filter { !$0.isSaturated }.map(\.usageDifference))
      + worst(
        "usage per second of overloaded pods, part of the limit", 0.03,
        runs.filter(\.isSaturated).map(\.usageDifference))
  }
}

extension ClosedLoopFidelity {
  static func acceptance(_ runs: [ClosedLoopFidelity]) -> [FidelityReport.Line] {
    guard let correlation = runs.map(\.correlation).min(), let limit = runs.map(\.limitError).max() else { return [] }
    var lines = [
      FidelityReport.Line(
        "closed loop: correlation of the limits", required: [0.96], reached: [correlation], isLowerBound: true),
      FidelityReport.Line("closed loop: mean limit", required: [0.02], reached: [limit]),
    ]
    if let p95 = runs.filter({ $0.pods > 1 }).map(\.p95Error).max() {
      lines.append(
        FidelityReport.Line("pods sharing a core: whole-run p95 response time", required: [0.15], reached: [p95]))
    }
    return lines
  }
}
