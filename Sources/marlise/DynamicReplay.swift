import PodSimulation

/// A dynamic run second by second, for pictures: the comparison in `DynamicFidelity` keeps only its figures.
struct DynamicReplay {
  let run: GroundTruth.Run
  /// Averages over the phases: usage in millicores, mean response time of the requests that ended in the second, in
  /// seconds, not a number where none did.
  private(set) var usage: [Double] = []
  private(set) var responses: [Double] = []

  /// The measured limits are written when they were, the measured requests arrive when they did.
  init(_ run: GroundTruth.Run, phases: Int) throws {
    self.run = run
    let pods = (0..<phases).map { phase in
      var pod = PodParameters()
      pod.limit = run.seconds.first?.limit ?? pod.limit
      pod.workers = run.workers
      pod.demand = run.demand
      pod.timeout = GroundTruth.timeout
      pod.phase = pod.period * (Double(phase) + 0.5) / Double(phases)
      return pod
    }
    let cluster = try PodCluster(PodClusterConfiguration(pods: pods))
    let trace = try RequestTrace(times: run.requests.times, demands: run.requests.demands)
    for pod in 0..<phases { cluster.setTrace(trace, ofPod: pod, cluster: 0) }
    cluster.reset(episode: 0)
    let isRewritten = run.limits.contains("rewritten every second")
    var limit = pods[0].limit
    for (index, measured) in run.seconds.enumerated() {
      if measured.limit != limit || (isRewritten && index > 0) {
        for pod in 0..<phases { cluster.setLimit(measured.limit, ofPod: pod, cluster: 0) }
        limit = measured.limit
      }
      cluster.advance()
      let seconds = (0..<phases).map { cluster.second(pod: $0, cluster: 0) }
      usage.append(seconds.reduce(0) { $0 + $1.usage } / Double(phases))
      let ended = seconds.filter { $0.ended > 0 }
      responses.append(ended.isEmpty ? .nan : ended.reduce(0) { $0 + $1.mean } / Double(ended.count))
    }
  }
}
