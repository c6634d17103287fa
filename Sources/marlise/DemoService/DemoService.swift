import Foundation
import HTTPServer
import RandomStreams
import Synchronization
import Terminal

/// A service with a stated cost: every `/predict` burns so much CPU time before it answers. Something to scale.
final class DemoService: Sendable {
  struct Load: Sendable {
    /// CPU-seconds of a request, mean.
    var cost = 0.01
    /// Whether costs are drawn from an exponential distribution; else all are the mean.
    var isExponential = true
    /// Requests served at the same time.
    var workers = 4
    /// Requests that may wait; more are refused.
    var queueMaximum = 256
    var seed: UInt64 = 1
  }

  private struct Job: Sendable {
    var feature: Double
    var arrived: Double
    var answer: PendingResponse
  }

  private struct State {
    var jobs: [Job] = []
    var first = 0
    var isStopped = false
    var random: RandomStream
    var served = 0
    var refused = 0
    var seconds = 0.0
    var buckets = Array(repeating: 0, count: DemoService.ends.count)
  }

  /// Upper ends of the response times' buckets, seconds.
  private static let ends = [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10]

  private let load: Load
  private let state: Mutex<State>
  private let arrived = DispatchSemaphore(value: 0)

  init(_ load: Load) {
    self.load = load
    state = Mutex(State(random: RandomStream(seed: load.seed, stream: 0)))
    for _ in 0..<load.workers { Thread.detachNewThread { [self] in work() } }
  }

  func stop() {
    state.withLock { $0.isStopped = true }
    for _ in 0..<load.workers { arrived.signal() }
  }

  func answer(_ request: ServerRequest) -> ServerAnswer {
    switch (request.method, request.path) {
    case ("GET", "/predict"), ("POST", "/predict"): return predict(request)
    case ("GET", "/healthz"): return .now(ServerResponse(200, text: "ok\n"))
    case ("GET", "/metrics"):
      return .now(
        ServerResponse(200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: .bytes(Array(metrics.utf8))))
    case (_, "/predict"), (_, "/healthz"), (_, "/metrics"):
      return .now(ServerResponse(405, text: "\(request.path) does not take \(request.method)\n"))
    default: return .now(ServerResponse(404, text: "there are /predict, /healthz and /metrics\n"))
    }
  }

  private func predict(_ request: ServerRequest) -> ServerAnswer {
    var feature = 0.0
    if request.method == "POST", !request.body.isEmpty {
      struct Body: Decodable { var feature: Double }
      guard let body = try? JSONDecoder().decode(Body.self, from: Data(request.body)), body.feature.magnitude < 1e9
      else {
        return .now(
          ServerResponse(
            400, contentType: "application/json", text: "{\"detail\":\"expected {\\\"feature\\\": number}\"}\n"))
      }
      feature = body.feature
    }
    let job = Job(feature: feature, arrived: Clock.monotonic(), answer: PendingResponse())
    let isTaken = state.withLock { state in
      guard !state.isStopped, state.jobs.count - state.first < load.queueMaximum else {
        state.refused += 1
        return false
      }
      state.jobs.append(job)
      return true
    }
    guard isTaken else { return .now(ServerResponse(503, text: "too many requests wait\n").adding("Retry-After", "1")) }
    arrived.signal()
    return .later(job.answer)
  }

  private func work() {
    while true {
      arrived.wait()
      let (job, cost) = state.withLock { state -> (Job?, Double) in
        guard !state.isStopped, state.first < state.jobs.count else { return (nil, 0) }
        let job = state.jobs[state.first]
        state.first += 1
        if state.first == state.jobs.count || state.first > 1024 {
          state.jobs.removeFirst(state.first)
          state.first = 0
        }
        return (job, load.isExponential ? state.random.exponential(mean: load.cost) : load.cost)
      }
      guard let job else {
        if state.withLock({ $0.isStopped }) { return }
        continue
      }
      let place = burn(cost, from: job.feature)
      let spent = Clock.monotonic() - job.arrived
      state.withLock { state in
        state.served += 1
        state.seconds += spent
        for (bucket, end) in Self.ends.enumerated() where spent <= end { state.buckets[bucket] += 1 }
      }
      job.answer.complete(
        ServerResponse(
          200, contentType: "application/json", text: "{\"x\":\(Self.short(place.x)),\"y\":\(Self.short(place.y))}\n"))
    }
  }

  /// Works until this thread has used so much CPU time: throttled time does not count, as it does not for any real work.
  private func burn(_ seconds: Double, from feature: Double) -> (x: Double, y: Double) {
    let end = Clock.thread() + seconds
    var (x, y) = (0.1, feature / 130)
    repeat {
      for _ in 0..<200 { (x, y) = (sin(1.4 * y) + 0.9 * cos(1.4 * x), sin(1.6 * x) + 0.7 * cos(1.6 * y)) }
    } while Clock.thread() < end
    return (x, y)
  }

  private static func short(_ value: Double) -> String { String(format: "%.4f", value.isFinite ? value : 0) }

  private var metrics: String {
    let (served, refused, seconds, buckets) = state.withLock { ($0.served, $0.refused, $0.seconds, $0.buckets) }
    var text = """
      # HELP demo_requests_total Requests by what became of them.
      # TYPE demo_requests_total counter
      demo_requests_total{code="200"} \(served)
      demo_requests_total{code="503"} \(refused)
      # HELP demo_request_duration_seconds Response times.
      # TYPE demo_request_duration_seconds histogram

      """
    for (end, count) in zip(Self.ends, buckets) {
      text += "demo_request_duration_seconds_bucket{le=\"\(end)\"} \(count)\n"
    }
    return text + """
      demo_request_duration_seconds_bucket{le="+Inf"} \(served)
      demo_request_duration_seconds_sum \(seconds)
      demo_request_duration_seconds_count \(served)

      """
  }
}
