import Autoscaling
import Dispatch

/// What is simulated: the pods of one cluster, how many such clusters side by side, and the seed of everything random.
public struct PodClusterConfiguration: Codable, Equatable, Sendable {
  public var pods: [PodParameters]
  /// Independent copies of the cluster, 1…100,000, simulated together: one per episode that a training round collects.
  public var clusters = 1
  public var seed: UInt64 = 0
  /// Cores of the one node that the pods of a cluster share, 0.01…1024; nil gives every pod cores of its own.
  public var sharedCores: Double?
  /// Threads that `advance` uses, 1…256. Results do not depend on it.
  public var threads = 1
  /// When set, every pod of every episode draws its service from these ranges.
  public var randomization: Randomization?
  /// How late `PodCluster.sample` sees what happens.
  public var metrics = MetricLag.direct
  /// Seconds between a resize and the new limit being in force, 0…60, drawn for every `PodCluster.resize`: what API server,
  /// kubelet and runtime take.
  public var resizeLatency = Randomization.Range(0, 0)
  /// When each pod is there; empty for pods that stay from beginning to end, the same for every episode.
  public var schedules: [PodSchedule] = []
  /// Pods that come and go at random times, other ones in every episode, in place of `schedules`.
  public var churn: PodChurn?
  /// Whether samples tell the CPU used in each CFS period (`PodSample.periodUsage`).
  public var recordsPeriods = false
  /// How requests travel from pod to pod; nil where every pod is a service of its own.
  public var graph: ServiceGraph?

  public init(
    pods: [PodParameters], clusters: Int = 1, seed: UInt64 = 0, sharedCores: Double? = nil, threads: Int = 1,
    randomization: Randomization? = nil
  ) {
    self.pods = pods
    self.clusters = clusters
    self.seed = seed
    self.sharedCores = sharedCores
    self.threads = threads
    self.randomization = randomization
  }

  /// Missing keys have the defaults; the pods must be there.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    pods = try values.decode([PodParameters].self, forKey: .pods)
    clusters = try values.decodeIfPresent(Int.self, forKey: .clusters) ?? clusters
    seed = try values.decodeIfPresent(UInt64.self, forKey: .seed) ?? seed
    sharedCores = try values.decodeIfPresent(Double.self, forKey: .sharedCores)
    threads = try values.decodeIfPresent(Int.self, forKey: .threads) ?? threads
    randomization = try values.decodeIfPresent(Randomization.self, forKey: .randomization)
    metrics = try values.decodeIfPresent(MetricLag.self, forKey: .metrics) ?? metrics
    resizeLatency = try values.decodeIfPresent(Randomization.Range.self, forKey: .resizeLatency) ?? resizeLatency
    schedules = try values.decodeIfPresent([PodSchedule].self, forKey: .schedules) ?? schedules
    churn = try values.decodeIfPresent(PodChurn.self, forKey: .churn)
    recordsPeriods = try values.decodeIfPresent(Bool.self, forKey: .recordsPeriods) ?? recordsPeriods
    graph = try values.decodeIfPresent(ServiceGraph.self, forKey: .graph)
  }

  public func validate() throws {
    try PodSimulation.validate("the number of pods", pods.count, in: 1...10_000)
    try PodSimulation.validate("clusters", clusters, in: 1...100_000)
    try PodSimulation.validate("threads", threads, in: 1...256)
    if let sharedCores { try PodSimulation.validate("sharedCores", sharedCores, in: 0.01...1024, "cores") }
    for pod in pods { try pod.validate() }
    try randomization?.validate()
    try metrics.validate()
    try resizeLatency.validate("resizeLatency", within: 0...60, "seconds")
    guard schedules.isEmpty || schedules.count == pods.count else {
      throw SimulationError("there are \(schedules.count) schedules for \(pods.count) pods, expected none or one each")
    }
    for schedule in schedules { try schedule.validate() }
    if !schedules.isEmpty, churn != nil { throw SimulationError("there are both schedules and churn, expected one") }
    try churn?.validate()
    try graph?.validate(pods: pods.count)
  }
}

/// Simulated pods, `clusters × pods` of them, advanced one second at a time.
///
/// A pod's place in every buffer is `pod · clusters + cluster` (agent-major). Its state is one flat record, because an
/// event touches all of it; what callers read in bulk, the seconds, lies in a buffer of its own. Nothing is allocated
/// after `init` except where a queue or a second's responses outgrow their buffers.
///
/// Randomness is named, not consumed: what a pod meets in an episode depends on (seed, pod, episode) alone, not on what ran
/// before, the number of clusters or threads.
public final class PodCluster {
  public let configuration: PodClusterConfiguration
  public var pods: Int { configuration.pods.count }
  public var clusters: Int { configuration.clusters }
  /// Seconds since the episode began.
  public internal(set) var time = 0
  /// When set, keeps every response of the episode. Off during training.
  public var recorder: ResponseRecorder?
  /// How many of each cluster's pods are there, `[clusters]`, from the next `reset` on; the others are absent for the whole
  /// episode, whatever the configuration's schedules or churn say. nil for all.
  public var presentPods: [Int]? {
    didSet {
      guard let presentPods else { return }
      precondition(
        presentPods.count == clusters && presentPods.allSatisfy { (0...pods).contains($0) },
        "\(presentPods.count) numbers of pods for \(clusters) clusters of \(pods)")
    }
  }

  private let places: Int
  let pod: UnsafeMutablePointer<SimulatedPod>
  private let seconds: UnsafeMutablePointer<PodSecond>
  private let lastResponses: UnsafeMutablePointer<ResponseTimes?>
  private let episodes: UnsafeMutablePointer<Int>
  private let serving: UnsafeMutablePointer<SimulatedPod.Serving>
  private let servingStride: Int
  private let draws: UnsafeMutablePointer<Double>
  /// `[places]`; nil unless the configuration records periods.
  private let periodUsage: UnsafeMutablePointer<PeriodUsage>?
  private let samples: [UnsafeMutableBufferPointer<Double>]
  private let node: SharedNode?
  /// One per cluster; empty without a service graph.
  let flows: [RequestFlow]
  /// nil where what happens is seen at once.
  private let metrics: LaggingMetrics?
  /// How long each resize takes; nil where none takes any time.
  private let latencies: ResizeLatencies?
  /// nil where all pods stay.
  private let calendar: PodCalendar?

  /// - Throws: `SimulationError` for the first value of the configuration that is out of range.
  public init(_ configuration: PodClusterConfiguration) throws {
    try configuration.validate()
    self.configuration = configuration
    places = configuration.pods.count * configuration.clusters
    servingStride = (configuration.pods.map(\.workers) + (configuration.randomization?.workers ?? [])).max() ?? 1
    pod = .allocate(capacity: places)
    seconds = .allocate(capacity: places)
    seconds.initialize(repeating: PodSecond(), count: places)
    lastResponses = .allocate(capacity: places)
    lastResponses.initialize(repeating: nil, count: places)
    episodes = .allocate(capacity: configuration.clusters)
    episodes.initialize(repeating: 0, count: configuration.clusters)
    serving = .allocate(capacity: places * servingStride)
    serving.initialize(repeating: SimulatedPod.Serving(finish: 0, sent: 0), count: places * servingStride)
    draws = .allocate(capacity: places * 2 * SimulatedPod.drawCount)
    draws.initialize(repeating: 0, count: places * 2 * SimulatedPod.drawCount)
    periodUsage = configuration.recordsPeriods ? .allocate(capacity: places) : nil
    periodUsage?.initialize(repeating: PeriodUsage(), count: places)
    samples = configuration.pods.map { parameters in
      let buffer = UnsafeMutableBufferPointer<Double>.allocate(capacity: parameters.demand.samples.count)
      _ = buffer.initialize(from: parameters.demand.samples)
      return buffer
    }
    node = configuration.sharedCores.map { SharedNode(cores: $0) }
    flows =
      configuration.graph.map { graph in
        (0..<configuration.clusters).map { _ in
          RequestFlow(
            graph, pods: configuration.pods.count, node: SharedNode(cores: configuration.sharedCores ?? .infinity))
        }
      } ?? []
    let lag = configuration.randomization?.metrics ?? configuration.metrics
    metrics = lag.isDirect ? nil : LaggingMetrics(lag, places: places, seed: configuration.seed)
    latencies = ResizeLatencies(configuration, places: places)
    calendar = PodCalendar(configuration, places: places)
    for index in 0..<configuration.pods.count {
      for cluster in 0..<configuration.clusters {
        let place = index * configuration.clusters + cluster
        (pod + place).initialize(
          to: freshPod(index, cluster, episode: cluster, queue: RequestQueue(), window: ResponseWindow()))
      }
    }
    for cluster in 0..<configuration.clusters {
      episodes[cluster] = cluster
      for index in 0..<configuration.pods.count { prepare(index, cluster, episode: cluster) }
    }
  }

  deinit {
    for place in 0..<places {
      pod[place].queue.deallocate()
      pod[place].window.deallocate()
      pod[place].trace?.release()
    }
    pod.deallocate()
    seconds.deallocate()
    lastResponses.deallocate()
    episodes.deallocate()
    serving.deallocate()
    draws.deallocate()
    periodUsage?.deallocate()
    for buffer in samples { buffer.deallocate() }
  }

  private func freshPod(
    _ index: Int, _ cluster: Int, episode: Int, queue: RequestQueue, window: ResponseWindow
  ) -> SimulatedPod {
    SimulatedPod(
      parameters(ofPod: index, episode: episode), seed: configuration.seed, pod: index, episode: episode,
      samples: UnsafeBufferPointer(samples[index]), queue: queue, window: window,
      serving: serving + (index * clusters + cluster) * servingStride,
      draws: draws + (index * clusters + cluster) * 2 * SimulatedPod.drawCount,
      periodUsage: periodUsage.map { $0 + (index * clusters + cluster) })
  }

  /// The service that a pod has in an episode, with what `randomization` draws.
  public func parameters(ofPod index: Int, episode: Int) -> PodParameters {
    let parameters = configuration.pods[index]
    return configuration.randomization?.draw(
      around: parameters, seed: configuration.seed, pod: index, episode: episode) ?? parameters
  }

  func place(_ index: Int, _ cluster: Int) -> Int {
    precondition(
      (0..<pods).contains(index) && (0..<clusters).contains(cluster),
      "pod \(index), cluster \(cluster): there are \(pods) pods in \(clusters) clusters")
    return index * clusters + cluster
  }

  // MARK: Episodes

  /// Starts a round of episodes at time 0 with empty queues and the limits of the configuration.
  ///
  /// Cluster k plays episode `episode · clusters + k`, so that counting `episode` up from 0 plays every episode once, and the
  /// same ones for any number of clusters. `episodeNumber(ofCluster:)` tells which; `reset(cluster:toEpisode:)` chooses one.
  public func reset(episode: Int) {
    for cluster in 0..<clusters { restart(cluster, episode: episode &* clusters &+ cluster) }
    time = 0
    recorder?.removeAll()
  }

  /// Starts given episodes, one per cluster, e.g. the same ones for every policy that is compared.
  public func reset(episodes numbers: [Int]) {
    precondition(numbers.count == clusters, "\(numbers.count) episodes for \(clusters) clusters")
    for cluster in 0..<clusters { restart(cluster, episode: numbers[cluster]) }
    time = 0
    recorder?.removeAll()
  }

  private func restart(_ cluster: Int, episode: Int) {
    episodes[cluster] = episode
    if !flows.isEmpty { flows[cluster].removeAll() }
    for index in 0..<pods {
      let place = place(index, cluster)
      let old = pod[place]
      pod[place] = freshPod(index, cluster, episode: episode, queue: old.queue, window: old.window)
      pod[place].trace = old.trace
      seconds[place] = PodSecond()
      lastResponses[place] = nil
      periodUsage?[place] = PeriodUsage()
      prepare(index, cluster, episode: episode)
    }
  }

  /// What surrounds a fresh pod: its metrics, its resizes, whether it is there yet.
  private func prepare(_ index: Int, _ cluster: Int, episode: Int) {
    let place = place(index, cluster)
    metrics?.reset(place, pod: index, episode: episode)
    latencies?.reset(place, pod: index, episode: episode)
    let isLeftOut = presentPods.map { index >= $0[cluster] } ?? false
    let isThere = calendar?.reset(place, pod: index, episode: episode) ?? true
    if isLeftOut { calendar?.silence(place) }
    if isLeftOut || !isThere {
      pod[place].leave()
      pod[place].refused = 0
    }
  }

  /// The episode that a cluster plays: the number that a workload for it must be drawn with.
  public func episodeNumber(ofCluster cluster: Int) -> Int {
    precondition((0..<clusters).contains(cluster), "cluster \(cluster) of \(clusters)")
    return episodes[cluster]
  }

  /// Feeds a pod the requests of a trace, in place of drawn ones, from the next `reset` on; nil ends that.
  public func setTrace(_ trace: RequestTrace?, ofPod index: Int, cluster: Int) {
    let place = place(index, cluster)
    pod[place].trace?.release()
    pod[place].trace = trace.map { Unmanaged.passRetained($0) }
  }

  // MARK: Limits

  /// Writes a CPU limit, now. Like the kernel, a write refills the quota also when the value is the old one: not writing an
  /// unchanged limit is the caller's choice.
  public func setLimit(_ limit: Millicores, ofPod index: Int, cluster: Int) {
    precondition(limit > 0, "a limit of \(limit)m; limits are positive")
    pod[place(index, cluster)].write(limit)
  }

  /// Writes a CPU limit `delay` seconds from now (0…1,000,000): what API server, kubelet and runtime need between a decision
  /// and the quota. A write that is still on its way is replaced.
  public func setLimit(_ limit: Millicores, ofPod index: Int, cluster: Int, after delay: Double) {
    precondition(limit > 0, "a limit of \(limit)m; limits are positive")
    precondition((0...1_000_000).contains(delay), "a delay of \(delay) s")
    pod[place(index, cluster)].scheduleWrite(limit, after: delay)
  }

  /// Writes a CPU limit after a latency drawn from the configuration: at once where that has none.
  public func resize(_ limit: Millicores, ofPod index: Int, cluster: Int) {
    if let latencies {
      let delay = latencies.draw(place(index, cluster))
      setLimit(limit, ofPod: index, cluster: cluster, after: delay)
    } else {
      setLimit(limit, ofPod: index, cluster: cluster)
    }
  }

  /// The limit in force, millicores; of an absent pod, the one it arrives with.
  public func limit(ofPod index: Int, cluster: Int) -> Millicores { pod[place(index, cluster)].limit }

  // MARK: Time

  /// Simulates one second.
  ///
  /// - `rates`: requests/s, `[pods × clusters]`; pods that replay a trace ignore theirs. Not above 0 means no requests.
  public func advance(rates: UnsafePointer<Float>) {
    let end = Double(time + 1)
    let chunks = min(configuration.threads, clusters)
    if chunks == 1 {
      advance(0..<clusters, to: end, rates)
    } else {
      // Every chunk has clusters, and so memory, of its own.
      nonisolated(unsafe) let (cluster, rates) = (self, rates)
      let count = clusters
      DispatchQueue.concurrentPerform(iterations: chunks) { chunk in
        cluster.advance(count * chunk / chunks..<count * (chunk + 1) / chunks, to: end, rates)
      }
    }
    time += 1
    if let recorder {
      for place in 0..<places { recorder.append(pod[place].window, pod: place / clusters, cluster: place % clusters) }
      for (cluster, flow) in flows.enumerated() {
        for route in 0..<flow.routes { recorder.append(flow.window(route: route), route: route, cluster: cluster) }
      }
    }
  }

  /// Simulates one second of the load that the traces hold (a rate of 0 for pods without one).
  public func advance() {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: places) { rates in
      rates.initialize(repeating: 0)
      if let base = rates.baseAddress { advance(rates: base) }
    }
  }

  private func advance(_ range: Range<Int>, to end: Double, _ rates: UnsafePointer<Float>) {
    if !flows.isEmpty { for cluster in range { flows[cluster].startSecond() } }
    if let calendar { beginSecond(range, calendar) }
    if !flows.isEmpty {
      for cluster in range { flows[cluster].advance(pod + cluster, stride: clusters, to: end, rates + cluster) }
    } else if let node {
      for cluster in range { node.advance(pod + cluster, stride: clusters, count: pods, to: end, rates + cluster) }
    }
    for index in 0..<pods {
      for cluster in range {
        let place = index &* clusters &+ cluster
        if node == nil && flows.isEmpty {
          pod[place].startSecond(rate: rates[place])
          pod[place].run(to: end)
        }
        pod[place].endSecond(into: &seconds[place])
        if seconds[place].ended > 0 {
          lastResponses[place] = ResponseTimes(mean: seconds[place].mean, p95: seconds[place].p95)
        }
        if let metrics, pod[place].isPresent {
          metrics.note(seconds[place], newestSample(place), at: Int(end), place: place)
        }
      }
    }
  }

  /// Pods arrive, restart and leave.
  private func beginSecond(_ range: Range<Int>, _ calendar: PodCalendar) {
    for index in 0..<pods {
      for cluster in range {
        let place = index &* clusters &+ cluster
        let event = calendar.event(place, pod: index, at: time)
        if event == .none { continue }
        if !flows.isEmpty, event != .arrival { flows[cluster].lose(pod: index) }
        switch event {
        case .arrival, .restart:
          if event == .restart { pod[place].stop() } else { metrics?.forget(place) }
          pod[place].launch(startupWork: configuration.pods[index].startupWork)
        case .departure:
          pod[place].leave()
          lastResponses[place] = nil
        case .none: break
        }
      }
    }
  }

  /// Whether the pod was there during the last second.
  public func isPresent(pod index: Int, cluster: Int) -> Bool { pod[place(index, cluster)].isPresent }

  // MARK: Reading

  /// What happened in the last second.
  public func second(pod index: Int, cluster: Int) -> PodSecond { seconds[place(index, cluster)] }

  /// What happened in the last second to the requests of a route of the configuration's graph, from end to end.
  public func second(route: Int, cluster: Int) -> RouteSecond {
    precondition(
      flows.indices.contains(cluster) && (0..<flows[cluster].routes).contains(route),
      "route \(route), cluster \(cluster): there are \(configuration.graph?.routes.count ?? 0) routes")
    return flows[cluster].second(route: route)
  }

  /// What the decision path sees of the last second.
  ///
  /// A second in which no request ended has no response times of its own; then the last known ones are carried on, or the
  /// age of the longest waiting request if that is more. nil before the first request.
  ///
  /// With lagging metrics it is the newest reading at hand instead, with that reading's own time and limit. Whether a pod is
  /// there at all is known at once: an absent one's sample says so.
  public func sample(pod index: Int, cluster: Int) -> PodSample {
    let place = place(index, cluster)
    guard pod[place].isPresent else { return .absent(at: seconds[place].time) }
    if let reading = metrics?.reading(at: time, place: place) { return reading }
    return newestSample(place)
  }

  private func newestSample(_ place: Int) -> PodSample {
    let second = seconds[place]
    var responses = lastResponses[place]
    if second.ended == 0 && second.oldestAge > 0 {
      responses = ResponseTimes(
        mean: max(responses?.mean ?? 0, second.oldestAge), p95: max(responses?.p95 ?? 0, second.oldestAge))
    }
    let parameters = configuration.pods[place / clusters]
    var sample = PodSample(
      time: second.time, limit: pod[place].limit, request: parameters.request, usage: second.usage,
      throttledFraction: second.throttledFraction, memory: parameters.memory, responseTimes: responses)
    if let periodUsage { sample.periodUsage = periodUsage[place] }
    return sample
  }
}
