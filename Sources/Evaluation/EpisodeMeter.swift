import Autoscaling
import PodSimulation

/// Adds up an episode, second by second. Response times are kept as plain numbers, so percentiles are exact.
///
///     for every second { for every pod { meter.add(…) }; meter.endSecond(pool:) }
///     meter.metrics()
struct EpisodeMeter {
  private let priorities: [Double]
  private let slo: Double
  private var sum = RolloutMetrics()
  private var seconds = 0
  private var periods = 0
  private var throttledPeriods = 0
  private var limits = 0.0

  /// Response times of the whole episode.
  private var times: [Float] = []
  private var lateRequests = 0
  private var second = Span()
  private var minute = Span()
  private var judgedSeconds = 0
  private var badSeconds = 0
  private var judgedMinutes = 0
  private var badMinutes = 0

  /// The requests that ended in a second or a minute.
  private struct Span {
    var ended = 0
    var late = 0

    /// Whether the 99th percentile (nearest rank) lies above the goal: fewer than ⌈0.99 · n⌉ requests kept it.
    var isBad: Bool { Double(ended - late) < (0.99 * Double(ended)).rounded(.up) }
  }

  // Per pod.
  private var ended: [Int]
  private var late: [Int]
  private var allocated: [Double]
  private var lastDirection: [Int]

  init(priorities: [Double], slo: Double) {
    self.priorities = priorities
    self.slo = slo
    let count = priorities.count
    ended = Array(repeating: 0, count: count)
    late = Array(repeating: 0, count: count)
    allocated = Array(repeating: 0, count: count)
    lastDirection = Array(repeating: 0, count: count)
  }

  /// One pod's second.
  ///
  /// - Parameters:
  ///   - limit: mean limit of the second, millicores.
  ///   - request: CPU request; Kubernetes allows none above the limit, so that it comes down with it.
  ///   - timeout: when its clients give up, seconds.
  ///   - responses: times of its requests that ended in the second.
  ///   - isEndToEnd: whether these are what clients met; false where a service graph's routes say that instead.
  mutating func add(
    pod: Int, _ measured: PodSecond, limit: Double, request: Millicores, timeout: Double,
    responses: UnsafeBufferPointer<Double>, isEndToEnd: Bool = true
  ) {
    limits += limit
    sum.allocatedCoreSeconds += limit / 1000
    sum.requestedCoreSeconds += min(Double(request), limit) / 1000
    sum.usedCoreSeconds += measured.usage / 1000
    sum.excessCoreSeconds += max(0, measured.usage - limit) / 1000
    sum.throttledSeconds += measured.throttledTime
    periods += measured.periods
    throttledPeriods += measured.throttledPeriods
    allocated[pod] += limit / 1000
    ended[pod] += responses.count + measured.refused
    for response in responses where response > slo { late[pod] += 1 }
    late[pod] += measured.refused
    if isEndToEnd {
      sum.timeouts += measured.timeouts
      add(responses)
      add(refused: measured.refused, timeout: timeout)
    }
  }

  /// Times of requests that clients met in the second.
  mutating func add(_ responses: UnsafeBufferPointer<Double>) {
    for response in responses {
      times.append(Float(response))
      if response > slo { second.late += 1 }
    }
    second.ended += responses.count
  }

  mutating func add(timeouts: Int) { sum.timeouts += timeouts }

  /// Requests that clients got an error for: as bad as a timeout, and late whatever the goal.
  mutating func add(refused: Int, timeout: Double) {
    guard refused > 0 else { return }
    sum.refused += refused
    times += repeatElement(timeout > slo ? Float(timeout) : Float(slo).nextUp, count: refused)
    second.late += refused
    second.ended += refused
  }

  /// A limit is written.
  mutating func addResize(pod: Int, from old: Millicores, to new: Millicores) {
    sum.resizes += 1
    sum.cumulativeChange += Double(abs(new - old)) / 1000
    let direction = (new - old).signum()
    guard direction != 0 else { return }
    if direction == -lastDirection[pod] { sum.signReversals += 1 }
    lastDirection[pod] = direction
  }

  /// Every pod of the second has been added.
  mutating func endSecond(pool: Millicores) {
    // Means of limits are sums of products; a millionth of a core is rounding.
    if limits > Double(pool) + 1e-3 { sum.poolViolations += 1 }
    limits = 0
    seconds += 1
    if second.ended > 0 { judgedSeconds += 1 }
    if second.isBad { badSeconds += 1 }
    minute.ended += second.ended
    minute.late += second.late
    lateRequests += second.late
    second = Span()
    if seconds % 60 == 0 { endMinute() }
  }

  private mutating func endMinute() {
    if minute.ended > 0 { judgedMinutes += 1 }
    if minute.isBad { badMinutes += 1 }
    minute = Span()
  }

  /// What it comes to. Call once, at the end.
  consuming func metrics() -> RolloutMetrics {
    endMinute()
    func ratio(_ part: Double, _ whole: Double) -> Double { whole > 0 ? part / whole : 0 }
    sum.slackCoreSeconds = sum.allocatedCoreSeconds - sum.usedCoreSeconds
    sum.utilisation = ratio(sum.usedCoreSeconds, sum.allocatedCoreSeconds)
    sum.excessFraction = ratio(sum.excessCoreSeconds, sum.allocatedCoreSeconds)
    sum.throttledFraction = ratio(Double(throttledPeriods), Double(periods))
    sum.resizesPerPodHour = ratio(Double(sum.resizes) * 3600, Double(seconds * priorities.count))
    sum.violationRateBySecond = ratio(Double(badSeconds), Double(judgedSeconds))
    sum.violationRateByMinute = ratio(Double(badMinutes), Double(judgedMinutes))
    sum.requests = times.count
    let percentiles = Percentiles(sorting: times)
    sum.p50 = percentiles(0.50)
    sum.p95 = percentiles(0.95)
    sum.p99 = percentiles(0.99)
    sum.p999 = percentiles(0.999)
    sum.mean = percentiles.mean
    sum.violationRate = ratio(Double(lateRequests), Double(times.count))
    sum.unfairness = unfairness
    sum.priorities = outcomes
    return sum
  }

  private func missRate(_ pod: Int) -> Double { ended[pod] > 0 ? Double(late[pod]) / Double(ended[pod]) : 0 }

  /// max over pods i, j with priority(i) ≥ priority(j) of miss rate(i) − miss rate(j).
  private var unfairness: Double {
    let judged = priorities.indices.filter { ended[$0] > 0 }.sorted { priorities[$0] < priorities[$1] }
    var worst = 0.0
    var smallest = Double.infinity
    var index = 0
    while index < judged.count {
      // Pods of equal priority are compared in both directions.
      var last = index
      while last < judged.count, priorities[judged[last]] == priorities[judged[index]] {
        smallest = min(smallest, missRate(judged[last]))
        last += 1
      }
      for pod in judged[index..<last] { worst = max(worst, missRate(pod) - smallest) }
      index = last
    }
    return worst
  }

  private var outcomes: [PriorityOutcome] {
    Set(priorities).sorted(by: >).map { priority in
      let pods = priorities.indices.filter { priorities[$0] == priority }
      let requests = pods.reduce(0) { $0 + ended[$1] }
      let late = pods.reduce(0) { $0 + self.late[$1] }
      return PriorityOutcome(
        priority: priority, pods: pods.count, requests: requests,
        violationRate: requests > 0 ? Double(late) / Double(requests) : 0,
        allocatedCoreSeconds: pods.reduce(0) { $0 + allocated[$1] })
    }
  }
}
