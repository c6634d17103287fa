import Dispatch
import HTTPServer
import RandomStreams

/// What goes wrong in the emulated cluster, and how often.
public struct FaultPlan: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    // Per request.
    /// The server is busy: 429 with Retry-After.
    case tooManyRequests = "429"
    /// 500; every other time the request was carried out all the same.
    case serverError = "500"
    /// No answer for a minute; every other time the request was carried out all the same.
    case timeouts
    /// An answer that takes up to half a second.
    case latency
    // Per second.
    /// A watch's connection breaks.
    case droppedWatches = "dropped-watches"
    /// A watch stays open and tells nothing any more.
    case stuckWatches = "stuck-watches"
    /// All that was is forgotten: watches and pages get 410.
    case gone = "410"
    /// For 20 s nobody reads any counter.
    case staleMetrics = "stale-metrics"
    /// For 10 s every reader sees half of the CPU that was used, and then a counter that jumps.
    case lyingMetrics = "lying-metrics"
    /// For 10 s a node's kubelet does and tells nothing.
    case kubeletRestart = "kubelet-restart"

    /// The chance per request or per second, unless told otherwise.
    public var usualRate: Double {
      switch self {
      case .tooManyRequests: 0.05
      case .serverError, .gone, .staleMetrics, .lyingMetrics: 0.02
      case .timeouts, .stuckWatches: 0.005
      case .latency: 0.2
      case .droppedWatches: 0.03
      case .kubeletRestart: 0.01
      }
    }
  }

  /// Chances in 0…1.
  public var rates: [Kind: Double] = [:]

  public init() {}

  /// Reads `all`, or kinds, each with a chance where it is not the usual one: `429=0.2`.
  ///
  /// - Throws: the sentence about the first term that is none.
  public init(_ terms: [String]) throws(FaultPlanError) {
    for term in terms {
      let parts = term.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      let kinds = name == "all" ? Kind.allCases : Kind(rawValue: name).map { [$0] } ?? []
      guard !kinds.isEmpty else {
        throw FaultPlanError(
          "has '\(name)', expected all or some of: " + Kind.allCases.map(\.rawValue).joined(separator: " "))
      }
      for kind in kinds {
        guard parts.count > 1 else {
          rates[kind] = kind.usualRate
          continue
        }
        guard let rate = Double(parts[1]), (0...1).contains(rate) else {
          throw FaultPlanError("has '\(term)', expected a chance between 0 and 1 after the =")
        }
        rates[kind] = rate
      }
    }
  }
}

public struct FaultPlanError: Error, Sendable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

/// Which faults are on at the moment. Draws come from a stream of their own: the same requests meet the same faults.
struct FaultState {
  let plan: FaultPlan
  private var random: RandomStream
  var staleUntil = 0
  var lyingUntil = 0
  /// By node: until when its kubelet is away, seconds of emulation.
  var silent: [String: Double] = [:]

  init(_ plan: FaultPlan, seed: UInt64) {
    self.plan = plan
    random = RandomStream(seed: seed, purpose: "faults")
  }

  var isOff: Bool { plan.rates.isEmpty }

  mutating func happens(_ kind: FaultPlan.Kind) -> Bool {
    guard let rate = plan.rates[kind], rate > 0 else { return false }
    return (random.uniform() as Double) < rate
  }

  mutating func uniform() -> Double { random.uniform() }
}

extension EmulatedCluster {
  /// What came of a request.
  struct Outcome {
    var answer: ServerAnswer
    /// What went wrong on the way; nil for nothing.
    var fault: FaultPlan.Kind?
    /// What the cluster itself said; nil where the request was not carried out.
    var done: ServerAnswer?
  }

  /// A request's fate, drawn before it is looked at; nil for none.
  private enum Fate {
    case busy
    case broken(isDone: Bool)
    case lost(isDone: Bool)
    case slow(Double)
  }

  /// The answer with what may go wrong on the way.
  func answerWithFaults(_ request: ServerRequest) -> Outcome {
    let isWatch = request.parameter("watch") != nil
    let fate: Fate? = withLock {
      if faults.isOff || ["emulator", "readyz", "livez", "healthz"].contains(request.segments.first) { return nil }
      if faults.happens(.tooManyRequests) { return .busy }
      if faults.happens(.serverError) { return .broken(isDone: faults.uniform() < 0.5) }
      if faults.happens(.timeouts) { return .lost(isDone: faults.uniform() < 0.5) }
      if faults.happens(.latency), !isWatch { return .slow(0.5 * faults.uniform()) }
      return nil
    }
    let internalError = StatusError(
      code: 500, reason: "InternalError", message: "Internal error occurred: etcdserver: request timed out")
    switch fate {
    case nil:
      let answer = answered(request)
      return Outcome(answer: answer, done: answer)
    case .busy:
      let busy = ServerResponse(429, text: "Too many requests, please try again later.\n").adding("Retry-After", "1")
      return Outcome(answer: .now(busy), fault: .tooManyRequests)
    case .broken(let isDone):
      let done = isDone && !isWatch ? answered(request) : nil
      return Outcome(answer: .now(internalError.response), fault: .serverError, done: done)
    case .lost(let isDone):
      let done = isDone && !isWatch ? answered(request) : nil
      return Outcome(answer: Self.late(internalError.response, after: 60), fault: .timeouts, done: done)
    case .slow(let seconds):
      let done = answered(request)
      guard case .now(let response) = done else {
        return Outcome(answer: .now(internalError.response), fault: .serverError)
      }
      return Outcome(answer: Self.late(response, after: seconds), fault: .latency, done: done)
    }
  }

  private static func late(_ response: ServerResponse, after seconds: Double) -> ServerAnswer {
    let pending = PendingResponse()
    DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { pending.complete(response) }
    return .later(pending)
  }

  /// What may begin to go wrong in a second. Called with the lock held.
  func beginFaults() {
    if faults.isOff { return }
    for id in store.watches.keys.sorted() {
      guard let watch = store.watches[id] else { continue }
      if faults.happens(.droppedWatches) {
        watch.stream.abort()
        store.end(id)
      } else if faults.happens(.stuckWatches) {
        watch.isStuck = true
      }
    }
    if faults.happens(.gone) {
      store.compact(to: nextResourceVersion())
      let gone = StatusError(
        code: 410, reason: "Expired", message: "The resourceVersion for the provided watch is too old.",
        hasDetails: false)
      for (id, watch) in store.watches where !watch.isStuck {
        watch.stream.write(Self.errorLine(gone))
        watch.stream.finish()
        store.end(id)
      }
    }
    if faults.happens(.staleMetrics) { faults.staleUntil = seconds(after: 20) }
    if faults.happens(.lyingMetrics) { faults.lyingUntil = seconds(after: 10) }
    for node in 0..<configuration.nodes where faults.happens(.kubeletRestart) {
      faults.silent[EmulatorConfiguration.nodeName(node)] = now + 10
    }
  }

  /// Whether a node's kubelet is away; then until when.
  func silence(of node: String) -> Double? {
    guard let until = faults.silent[node], until > now else { return nil }
    return until
  }
}
