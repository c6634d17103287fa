import PodSimulation
import RandomStreams

/// The counters of the simulated pods as the different readers have them: each reads at times of its own.
struct MetricStore {
  /// As the kernel has them now.
  var counters: [Counters]
  /// As standalone cAdvisors have them: the last five seconds, `[pods × 5]`, second t in slot t modulo 5.
  private var recent: [Counters]
  /// As the kubelets have them: each container is read at an interval of its own.
  private(set) var housekept: [Counters]
  private let intervals: [Int]
  private let phases: [Int]
  /// As metrics-server has them: two readings of the kubelets'.
  private(set) var scraped: [(newest: Counters, before: Counters?)?]
  private let scrapeInterval: Int
  private(set) var history: PrometheusHistory
  private(set) var time = 0
  static let recentCount = 5

  init(_ configuration: EmulatorConfiguration, pods: Int) {
    counters = Array(repeating: Counters(), count: pods)
    recent = Array(repeating: Counters(), count: pods * Self.recentCount)
    housekept = Array(repeating: Counters(), count: pods)
    let least = max(configuration.housekeeping, 1)
    var intervals: [Int] = []
    var phases: [Int] = []
    for pod in 0..<pods {
      var random = RandomStream(seed: configuration.simulation.seed, purpose: "housekeeping", pod)
      let interval = least == 1 ? 1 : least + random.below(least / 2 + 1)
      intervals.append(interval)
      phases.append(random.below(interval))
    }
    self.intervals = intervals
    self.phases = phases
    scraped = Array(repeating: nil, count: pods)
    scrapeInterval = configuration.metricsServerInterval
    history = PrometheusHistory(interval: configuration.prometheusInterval, pods: pods)
  }

  /// Takes the counters after second `time`. The first second is read by everybody.
  ///
  /// - Parameters:
  ///   - isStale: nobody reads.
  ///   - isLying: readers see half of the CPU time.
  mutating func take(_ exact: [Counters], at time: Int, isStale: Bool = false, isLying: Bool = false) {
    counters = exact
    if isStale { return }
    self.time = time
    var newest = exact
    if isLying { for pod in 0..<newest.count { newest[pod].cpuNanoseconds /= 2 } }
    for pod in 0..<newest.count {
      recent[pod * Self.recentCount + time % Self.recentCount] = newest[pod]
      if housekept[pod].time == 0 || time % intervals[pod] == phases[pod] { housekept[pod] = newest[pod] }
    }
    if scrapeInterval > 0, time % scrapeInterval == 1 % scrapeInterval {
      for pod in 0..<newest.count where housekept[pod].time > (scraped[pod]?.newest.time ?? 0) {
        scraped[pod] = (housekept[pod], scraped[pod]?.newest)
      }
    }
    history.take(newest, at: time)
  }

  /// The last seconds' counters of a pod, oldest first.
  func recent(_ pod: Int) -> [Counters] {
    let first = max(time - Self.recentCount + 1, 1)
    if first > time { return [] }
    return (first...time).map { recent[pod * Self.recentCount + $0 % Self.recentCount] }.filter { $0.time > 0 }
  }

  /// A new container has taken the place: its counters begin at 0, and nobody has read them.
  mutating func forget(_ pod: Int, limit: Int) {
    counters[pod] = Counters()
    counters[pod].limit = limit
    counters[pod].time = time
    housekept[pod] = Counters()
    scraped[pod] = nil
    for slot in 0..<Self.recentCount { recent[pod * Self.recentCount + slot] = Counters() }
    history.forget(pod)
  }
}
