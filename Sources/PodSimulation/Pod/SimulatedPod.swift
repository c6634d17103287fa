import Autoscaling
import RandomStreams

/// One pod between events: its quota, its queue, its workers, the requests to come.
///
/// The model is event-driven and exact between events: while n requests are in service and the pod is not throttled it
/// consumes c = v · g · min(n, C) cores (v: `speed`, g: the share a busy node leaves it, C: `cores`), each request in
/// service getting c/n (processor sharing). Events are arrivals, completions, the exhaustion of the quota, period
/// boundaries and limit writes. Times are seconds since the episode began, work is in core-seconds.
///
/// The struct holds no memory of its own besides the buffers that `PodCluster` gives and takes back.
struct SimulatedPod {
  /// A request that a worker is busy with.
  struct Serving {
    /// The value of `attained` at which it is done.
    var finish: Double
    /// When it was sent; below 0 for the start-up work, which nobody sent.
    var sent: Double
  }

  // Fixed for an episode.
  let period: Double
  let phase: Double
  let tick: Double
  let workers: Int
  let cores: Double
  /// Whether `rate` depends on how many requests are in service: with one core or less they always get all of it.
  let rateVaries: Bool
  let speed: Double
  let overhead: Double
  let latency: Double
  let timeout: Double
  let baseUsage: Double
  let distribution: ServiceDemand.Distribution
  let demandMean: Double
  let demandVariation: Double
  let process: Arrivals.Process
  let onFraction: Double
  let onOffset: Double
  /// The CPU request: the weight among the pods of a shared node.
  let weight: Double

  // Resources.
  var limit: Millicores
  var quota: CPUQuota
  var boundaryAt: Double
  var boundaryCount = 0
  /// A limit write on its way: when it takes effect, and its value.
  var writeAt = Double.infinity
  var writeLimit: Millicores = 0
  /// The sooner of `boundaryAt` and `writeAt`.
  var timerAt: Double
  /// The tick at which a quota that is already used up will be noticed; 0 while there is quota.
  var overrunUntil = 0.0
  var throttledSince = 0.0
  var isActive = false
  var wasActive = false

  // Service.
  var queue: RequestQueue
  /// In service, the next one to finish last.
  let serving: UnsafeMutablePointer<Serving>
  var inService = 0
  /// Requests that may be in service: `workers`, or 1 during start-up.
  var capacity: Int
  /// CPU that each request in service has attained since the pod was last idle.
  var attained = 0.0
  /// g, 1 on a node with cores to spare.
  var share = 1.0
  var rate = 0.0
  var inverseRate = 0.0
  /// Queue places from the head that their clients have given up and that are counted already.
  var expired = 0

  // Load.
  var arrivalStream: RandomStream
  var demandStream: RandomStream
  /// Draws made in advance, `drawCount` gaps between arrivals (in units) and as many demands (core-seconds), and how many of
  /// each are used up: random numbers come cheaper by the dozen.
  let gaps: UnsafeMutablePointer<Double>
  let demands: UnsafeMutablePointer<Double>
  var gapsUsed = SimulatedPod.drawCount
  var demandsUsed = SimulatedPod.drawCount
  static let drawCount = 16
  /// Units (expected requests) until the next arrival, from the start of the current second.
  var untilArrival: Double
  var nextArrival = Double.infinity
  var requestRate = 0.0
  var inverseRequestRate = 0.0
  let samples: UnsafeBufferPointer<Double>
  var trace: Unmanaged<RequestTrace>?
  var traceCursor = 0

  // The current second.
  var now = 0.0
  var start = 0.0
  var window: ResponseWindow
  var used = 0.0
  /// The CPU used in each period that ended in the second goes here; nil where nobody asks for it.
  let periodUsage: UnsafeMutablePointer<PeriodUsage>?
  /// `used` at the last period boundary.
  var usedAtBoundary = 0.0
  var throttledTime = 0.0
  var periods = 0
  var throttledPeriods = 0
  var sent = 0
  var completed = 0
  var timeouts = 0
  /// Requests lost by a stop; since the last `endSecond`, as pods stop between seconds.
  var refused = 0
  /// Absent pods get no requests.
  var isPresent = true

  /// A fresh pod at time 0 with an empty queue.
  init(
    _ parameters: PodParameters, seed: UInt64, pod: Int, episode: Int, samples: UnsafeBufferPointer<Double>,
    queue: RequestQueue, window: ResponseWindow, serving: UnsafeMutablePointer<Serving>,
    draws: UnsafeMutablePointer<Double>, periodUsage: UnsafeMutablePointer<PeriodUsage>? = nil
  ) {
    var placement = RandomStream(seed: seed, purpose: "placement", pod, episode)
    let drawnPhase = parameters.period * (placement.uniform() as Double)
    let drawnOffset = (1 - parameters.arrivals.onFraction) * (placement.uniform() as Double)
    period = parameters.period
    phase = parameters.phase ?? drawnPhase
    tick = parameters.throttlingTick
    workers = parameters.workers
    cores = parameters.cores
    rateVaries = parameters.workers > 1 && parameters.cores > 1
    speed = parameters.speed
    overhead = parameters.overhead
    latency = parameters.latency
    timeout = parameters.timeout
    baseUsage = parameters.baseUsage
    distribution = parameters.demand.distribution
    demandMean = parameters.demand.mean
    demandVariation = parameters.demand.variation
    process = parameters.arrivals.process
    onFraction = process == .onOff ? parameters.arrivals.onFraction : 1
    onOffset = process == .onOff ? drawnOffset : 0
    weight = Double(parameters.request)
    limit = parameters.limit
    quota = CPUQuota(quota: 0, slice: parameters.slice, kept: parameters.keptRuntime)
    boundaryAt = phase
    timerAt = phase
    self.queue = queue
    self.serving = serving
    gaps = draws
    demands = draws + Self.drawCount
    self.window = window
    self.periodUsage = periodUsage
    self.samples = samples
    capacity = parameters.workers
    arrivalStream = RandomStream(seed: seed, purpose: "arrivals", pod, episode)
    demandStream = RandomStream(seed: seed, purpose: "demands", pod, episode)
    untilArrival = 0
    self.queue.removeAll()
    self.window.removeAll()
    untilArrival = process == .deterministic ? arrivalStream.uniform() : nextGap()
    quota.write(quota: quotaPerPeriod(limit))
    if parameters.startupWork > 0 {
      capacity = 1
      begin(WaitingRequest(sent: -1, work: parameters.startupWork))
    }
    updateRate()
  }

  /// Base usage comes out of the quota, but leaves requests a hundredth of it, so that no pod stands still for ever.
  func quotaPerPeriod(_ limit: Millicores) -> Double {
    let whole = max(Double(limit) / 1000 * period, CPUQuota.smallest)
    return max(whole - baseUsage / 1000 * period, 0.01 * whole)
  }
}
