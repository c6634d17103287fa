import Glibc

/// Runs in which limits or loads change, second by second: the measured limits are written when they were, the measured
/// requests arrive when they did.
public struct DynamicFidelity: Codable, Sendable {
  public var name: String
  /// Whether the limit was written every second, and so refilled the quota.
  public var isRewritten: Bool
  /// Whether the load exceeded the limit all the time: then a second's usage shows how many refills it held, 9 to 11, which
  /// the unknown phase decides.
  public var isSaturated: Bool
  /// Mean |simulated − measured| usage of a second, as a part of the limit.
  public var usageDifference: Double
  /// CPU over the run after its first 5 s: (simulated − measured) ÷ measured.
  public var capacityError: Double
  /// Of a second's mean response time and p95: the median relative error; nil without requests.
  public var meanError: Double?
  public var p95Error: Double?
  /// Correlation of the logarithms of the seconds' mean response times; nil where nothing varies.
  public var correlation: Double?
  /// How long an overload lasts: the longest stretch with a mean response time above half a second, seconds.
  public var measuredLate: Int
  public var simulatedLate: Int
  /// Second by second; not part of the JSON form.
  public var series = RunSeries()

  private enum CodingKeys: String, CodingKey {
    case name, isRewritten, isSaturated, usageDifference, capacityError, meanError, p95Error, correlation
    case measuredLate, simulatedLate
  }

  /// - `adjust`: changes the model, as in `SteadyFidelity`.
  public static func measure(
    _ run: GroundTruth.Run, phases: Int, adjust: (inout PodParameters) -> Void = { _ in }
  ) throws -> DynamicFidelity {
    try validate("the number of phases", phases, in: 1...1000)
    let repeatsWrites = run.limits.contains("rewritten every second")
    var writes = 0
    let pods = (0..<phases).map { phase in
      var parameters = PodParameters(run)
      adjust(&parameters)
      parameters.phase = parameters.period * (Double(phase) + 0.5) / Double(phases)
      return parameters
    }
    let cluster = try PodCluster(PodClusterConfiguration(pods: pods))
    let trace = try run.requests.trace()
    for pod in 0..<phases { cluster.setTrace(trace, ofPod: pod, cluster: 0) }
    cluster.reset(episode: 0)

    var usageDifference = 0.0
    var (simulatedCPU, measuredCPU) = (0.0, 0.0)
    var (meanErrors, p95Errors): ([Double], [Double]) = ([], [])
    var pairs: [(Double, Double)] = []
    var series = RunSeries()
    var limit = run.seconds.first?.limit ?? 0
    for (index, measured) in run.seconds.enumerated() {
      if measured.limit != limit || (repeatsWrites && index > 0) {
        for pod in 0..<phases { cluster.setLimit(measured.limit, ofPod: pod, cluster: 0) }
        limit = measured.limit
        writes += 1
      }
      cluster.advance()
      let seconds = (0..<phases).map { cluster.second(pod: $0, cluster: 0) }
      series.append(measured, limit: Double(limit), seconds)
      let usage = series.simulated[index].usage
      usageDifference += abs(usage - measured.usage) / Double(measured.limit) / Double(run.seconds.count)
      if index >= 5 {
        simulatedCPU += usage
        measuredCPU += measured.usage
      }
      let ended = seconds.filter { $0.ended > 0 }
      if let mean = measured.mean, let p95 = measured.p95, !ended.isEmpty {
        let simulatedMean = series.simulated[index].response
        meanErrors.append(relativeError(simulatedMean, mean))
        p95Errors.append(relativeError(ended.reduce(0) { $0 + $1.p95 } / Double(ended.count), p95))
        if simulatedMean > 0 && mean > 0 { pairs.append((log(simulatedMean), log(mean))) }
      }
    }
    return DynamicFidelity(
      name: run.name, isRewritten: writes > run.seconds.count / 2,
      isSaturated: run.seconds.allSatisfy { $0.usage > 0.9 * Double($0.limit) }, usageDifference: usageDifference,
      capacityError: measuredCPU > 0 ? (simulatedCPU - measuredCPU) / measuredCPU : 0,
      meanError: meanErrors.isEmpty ? nil : quantile(0.5, ofSorted: meanErrors.sorted()),
      p95Error: p95Errors.isEmpty ? nil : quantile(0.5, ofSorted: p95Errors.sorted()),
      correlation: PodSimulation.correlation(pairs), measuredLate: RunSeries.longestLate(series.measured),
      simulatedLate: RunSeries.longestLate(series.simulated), series: series)
  }
}

/// Pearson's correlation; nil for fewer than two pairs or where one side does not vary.
func correlation(_ pairs: [(Double, Double)]) -> Double? {
  guard pairs.count > 1 else { return nil }
  let count = Double(pairs.count)
  let a = pairs.reduce(0) { $0 + $1.0 } / count
  let b = pairs.reduce(0) { $0 + $1.1 } / count
  var (ab, aa, bb) = (0.0, 0.0, 0.0)
  for pair in pairs {
    ab += (pair.0 - a) * (pair.1 - b)
    aa += (pair.0 - a) * (pair.0 - a)
    bb += (pair.1 - b) * (pair.1 - b)
  }
  guard aa > 0, bb > 0 else { return nil }
  return ab / (aa * bb).squareRoot()
}
