/// What a Prometheus that scrapes every cAdvisor and every service has stored of the last minutes.
struct PrometheusHistory {
  /// Seconds between two scrapes; 0 for none.
  let interval: Int
  private let slots: Int
  private var samples: [Counters]
  private(set) var scrapes: [Int] = []

  init(interval: Int, pods: Int) {
    self.interval = interval
    // Six minutes, fewer where there are very many pods.
    slots = interval == 0 ? 0 : pods > 2000 ? 8 : max(360 / interval, 2)
    samples = Array(repeating: Counters(), count: slots * pods)
  }

  mutating func take(_ counters: [Counters], at time: Int) {
    guard slots > 0, time % interval == 1 % interval else { return }
    let slot = time / interval % slots
    for pod in 0..<counters.count { samples[pod * slots + slot] = counters[pod] }
  }

  mutating func forget(_ pod: Int) {
    for slot in 0..<slots { samples[pod * slots + slot] = Counters() }
  }

  /// A pod's samples between two times, oldest first.
  func samples(_ pod: Int, from start: Double, to end: Double) -> [Counters] {
    (0..<slots).map { samples[pod * slots + $0] }
      .filter { $0.time > 0 && Double($0.time) >= start && Double($0.time) <= end && $0.isPresent }
      .sorted { $0.time < $1.time }
  }
}
