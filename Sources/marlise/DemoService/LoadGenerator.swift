import Control
import Foundation
import Kubernetes
import PodSimulation
import RandomStreams
import Synchronization
import Terminal

/// Asks services at given rates, whatever becomes of earlier requests.
final class LoadGenerator: Sendable {
  /// One address to ask for.
  struct Target: Sendable {
    var base: String
    /// Path and query.
    var path: String

    /// - Returns: nil for anything but `http://` or `https://` with a host.
    init?(_ text: String) {
      guard let url = URLComponents(string: text), let scheme = url.scheme?.lowercased(),
        ["http", "https"].contains(scheme), let host = url.host, !host.isEmpty, url.fragment == nil, url.user == nil
      else { return nil }
      base = scheme + "://" + host + (url.port.map { ":\($0)" } ?? "")
      path = (url.percentEncodedPath.isEmpty ? "/" : url.percentEncodedPath)
      if let query = url.percentEncodedQuery { path += "?" + query }
    }
  }

  struct Counts: Sendable {
    /// Answers by status; 0 where none came.
    var statuses: [Int: Int] = [:]
    /// From the moment at which a request was due to its answer, seconds; answers only.
    var latencies = LatencyHistogram()
    /// Requests that are due and not yet sent.
    var waiting = 0
  }

  private struct Job: Sendable {
    var target: Int
    var due: Double
  }

  private struct State {
    var jobs: [Job] = []
    var first = 0
    var isStopped = false
    var recent = Counts()
    var total = Counts()
  }

  /// Rates are drawn for so many seconds at once.
  private static let episode = 3600
  /// Requests beyond so many that wait are given up, as if nobody had answered.
  private static let waitingMaximum = 100_000

  private let targets: [Target]
  private let transports: [CurlTransport]
  private let workload: Workload
  private let connections: Int
  private let timeout: Double
  private let seed: UInt64
  private let state = Mutex(State())
  private let arrived = DispatchSemaphore(value: 0)

  init(_ targets: [Target], _ workload: Workload, connections: Int, timeout: Double, seed: UInt64) {
    self.targets = targets
    transports = targets.map { CurlTransport(address: ServerAddress(base: $0.base), connectTimeout: timeout) }
    self.workload = workload
    self.connections = connections
    self.timeout = timeout
    self.seed = seed
  }

  func start() {
    for _ in 0..<connections { Thread.detachNewThread { [self] in work() } }
    Thread.detachNewThread { [self] in schedule() }
  }

  /// Nothing is sent any more.
  func stop() {
    state.withLock { $0.isStopped = true }
    for _ in 0..<connections { arrived.signal() }
  }

  var total: Counts { state.withLock { $0.total } }

  /// What has come since this was asked last.
  func take() -> Counts {
    state.withLock { state in
      var counts = state.recent
      counts.waiting = state.jobs.count - state.first
      state.recent = Counts()
      return counts
    }
  }

  // MARK: When

  private func schedule() {
    var random = RandomStream(seed: seed, purpose: "arrivals", 0, 0)
    let start = Clock.monotonic()
    var rates = [Float](repeating: 0, count: targets.count * Self.episode)
    var second = 0
    while !state.withLock({ $0.isStopped }) {
      if second % Self.episode == 0 {
        rates.withUnsafeMutableBufferPointer { buffer in
          guard let base = buffer.baseAddress else { return }
          workload.fill(
            base, pods: targets.count, seconds: Self.episode, seed: seed, episode: second / Self.episode)
        }
      }
      var jobs: [Job] = []
      for target in targets.indices {
        let rate = Double(rates[target * Self.episode + second % Self.episode])
        for _ in 0..<random.poisson(mean: rate) {
          jobs.append(Job(target: target, due: start + Double(second) + random.uniform()))
        }
      }
      jobs.sort { $0.due < $1.due }
      for job in jobs {
        guard rest(until: job.due) else { return }
        let isTaken = state.withLock { state in
          guard state.jobs.count - state.first < Self.waitingMaximum else {
            state.recent.statuses[0, default: 0] += 1
            state.total.statuses[0, default: 0] += 1
            return false
          }
          state.jobs.append(job)
          return true
        }
        if isTaken { arrived.signal() }
      }
      second += 1
      guard rest(until: start + Double(second)) else { return }
    }
  }

  /// - Returns: false when it was stopped meanwhile.
  private func rest(until moment: Double) -> Bool {
    while !state.withLock({ $0.isStopped }) {
      let left = moment - Clock.monotonic()
      if left <= 0 { return true }
      Thread.sleep(forTimeInterval: min(left, 0.1))
    }
    return false
  }

  // MARK: What

  private func work() {
    while true {
      arrived.wait()
      let job = state.withLock { state -> Job? in
        guard !state.isStopped, state.first < state.jobs.count else { return nil }
        let job = state.jobs[state.first]
        state.first += 1
        if state.first == state.jobs.count || state.first > 1024 {
          state.jobs.removeFirst(state.first)
          state.first = 0
        }
        return job
      }
      guard let job else {
        if state.withLock({ $0.isStopped }) { return }
        continue
      }
      let status = ask(targets[job.target], transports[job.target])
      let spent = Clock.monotonic() - job.due
      state.withLock { state in
        state.recent.statuses[status, default: 0] += 1
        state.total.statuses[status, default: 0] += 1
        if status > 0 {
          state.recent.latencies.add(spent)
          state.total.latencies.add(spent)
        }
      }
    }
  }

  private func ask(_ target: Target, _ transport: CurlTransport) -> Int {
    do throws(TransportError) {
      return try transport.send(HTTPRequest(.get, target.path, timeout: timeout, bodyBytesMaximum: 1 << 20)).status
    } catch {
      return 0
    }
  }
}
