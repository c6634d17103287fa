/// A controller run, repeated in closed loop: measured requests, but the simulated pods' usage decides the limits.
public struct ClosedLoopFidelity: Codable, Sendable {
  public var name: String
  /// Pods on the same core, this one included.
  public var pods: Int
  /// Average limits, millicores.
  public var measuredLimit: Double
  public var simulatedLimit: Double
  /// Simulated and measured limits, second by second: correlation, mean absolute difference (millicores), share of seconds
  /// with the same limit. Averages over the phases.
  public var correlation: Double
  public var difference: Double
  public var equalShare: Double
  /// Response times over the whole run, seconds.
  public var measuredP95: Double
  public var simulatedP95: Double
  public var measuredP99: Double
  public var simulatedP99: Double
  /// Second by second; not part of the JSON form.
  public var series = RunSeries()

  private enum CodingKeys: String, CodingKey {
    case name, pods, measuredLimit, simulatedLimit, correlation, difference, equalShare, measuredP95, simulatedP95
    case measuredP99, simulatedP99
  }

  public var limitError: Double { relativeError(simulatedLimit, measuredLimit) }
  public var p95Error: Double { relativeError(simulatedP95, measuredP95) }

  /// Groups the runs by node (`…_pod0`, `…_pod1` are pods on one core) and repeats each group.
  ///
  /// - `adjust`: changes the model, as in `SteadyFidelity`.
  public static func measure(
    _ runs: [GroundTruth.Run], phases: Int, adjust: (inout PodParameters) -> Void = { _ in }
  ) throws -> [ClosedLoopFidelity] {
    try validate("the number of phases", phases, in: 1...1000)
    var groups: [(node: String, runs: [GroundTruth.Run])] = []
    for run in runs {
      let node = node(of: run.name)
      if let index = groups.firstIndex(where: { $0.node == node }) {
        groups[index].runs.append(run)
      } else {
        groups.append((node, [run]))
      }
    }
    return try groups.flatMap { try repeatRuns($0.runs, phases: phases, adjust) }
  }

  private static func node(of name: String) -> String {
    let parts = name.split(separator: "_")
    guard let last = parts.last, last.hasPrefix("pod"), Int(last.dropFirst(3)) != nil else { return name }
    return parts.dropLast().joined(separator: "_")
  }

  /// The pods of one node; every cluster has drawn period phases of its own.
  private static func repeatRuns(
    _ runs: [GroundTruth.Run], phases: Int, _ adjust: (inout PodParameters) -> Void
  ) throws -> [ClosedLoopFidelity] {
    let controller = try ThresholdController(runs[0].limits)
    guard let seconds = runs.map(\.seconds.count).min(), seconds > 0 else { return [] }
    let pods = runs.map { run in
      var parameters = PodParameters(run)
      adjust(&parameters)
      return parameters
    }
    let cluster = try PodCluster(
      PodClusterConfiguration(pods: pods, clusters: phases, seed: 1, sharedCores: runs.count > 1 ? 1 : nil))
    let recorder = ResponseRecorder()
    cluster.recorder = recorder
    for (pod, run) in runs.enumerated() {
      let trace = try run.requests.trace()
      for index in 0..<phases { cluster.setTrace(trace, ofPod: pod, cluster: index) }
    }
    cluster.reset(episode: 0)
    var limits = [[Int]](repeating: pods.map(\.limit), count: phases)
    var trajectories = [[[Int]]](repeating: [[Int]](repeating: [], count: phases), count: runs.count)
    var series = runs.map { _ in RunSeries() }
    for second in 0..<seconds {
      cluster.advance()
      for (pod, run) in runs.enumerated() {
        let limit = Double(limits.reduce(0) { $0 + $1[pod] }) / Double(phases)
        series[pod].append(
          run.seconds[second], limit: limit, (0..<phases).map { cluster.second(pod: pod, cluster: $0) })
      }
      for index in 0..<phases {
        for pod in runs.indices { trajectories[pod][index].append(limits[index][pod]) }
        let usages = runs.indices.map { cluster.second(pod: $0, cluster: index).usage }
        let next = controller.next(limits: limits[index], usages: usages)
        for pod in runs.indices where next[pod] != limits[index][pod] {
          cluster.setLimit(next[pod], ofPod: pod, cluster: index)
        }
        limits[index] = next
      }
    }
    for _ in 0...Int(GroundTruth.timeout) { cluster.advance() }
    return runs.indices.map { pod in
      let simulated = (0..<phases).map { index in
        recorder.responses(pod: pod, cluster: index).filter { $0.sent < Double(seconds) }.map(\.time).sorted()
      }
      var comparison = compare(runs[pod], seconds: seconds, pods: runs.count, trajectories[pod], simulated)
      comparison.series = series[pod]
      return comparison
    }
  }

  private static func compare(
    _ run: GroundTruth.Run, seconds: Int, pods: Int, _ trajectories: [[Int]], _ simulated: [[Double]]
  ) -> ClosedLoopFidelity {
    let measured = run.seconds.prefix(seconds).map { Double($0.limit) }
    func average(_ value: (Int) -> Double) -> Double {
      trajectories.indices.reduce(0) { $0 + value($1) } / Double(trajectories.count)
    }
    func overSeconds(_ index: Int, _ value: (Double, Double) -> Double) -> Double {
      zip(measured, trajectories[index]).reduce(0) { $0 + value($1.0, Double($1.1)) } / Double(seconds)
    }
    let responses = zip(run.requests.times, run.requests.responses).filter { $0.0 < Double(seconds) }.map(\.1).sorted()
    return ClosedLoopFidelity(
      name: run.name, pods: pods, measuredLimit: measured.reduce(0, +) / Double(seconds),
      simulatedLimit: average { index in overSeconds(index) { $1 } },
      correlation: average { index in
        // Two constant trajectories agree as far as they are equal.
        PodSimulation.correlation(zip(measured, trajectories[index]).map { ($0, Double($1)) })
          ?? overSeconds(index) { $0 == $1 ? 1 : 0 }
      },
      difference: average { index in overSeconds(index) { abs($0 - $1) } },
      equalShare: average { index in overSeconds(index) { $0 == $1 ? 1 : 0 } },
      measuredP95: quantile(0.95, ofSorted: responses),
      simulatedP95: average { quantile(0.95, ofSorted: simulated[$0]) },
      measuredP99: quantile(0.99, ofSorted: responses),
      simulatedP99: average { quantile(0.99, ofSorted: simulated[$0]) })
  }
}
