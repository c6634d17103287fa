import Autoscaling

/// What decides how one simulated pod answers requests under a CPU limit. The defaults are the service that the ground
/// truth was measured on; times are in seconds, CPU work in core-seconds.
///
/// Decoding fills missing keys with these defaults; call `validate()` before use (`PodCluster` does).
public struct PodParameters: Codable, Equatable, Sendable {
  // The kernel

  /// CFS bandwidth period P, 0.001…1 s.
  public var period = 0.100
  /// Runtime that a core takes from the quota pool at a time (σ), 10 µs…1 s. The kernel's setting is 5 ms, but it looks only
  /// at accounting events whether a slice is used up, so the slice that fits the measurements is longer.
  public var slice = 0.0075
  /// Runtime that a core keeps when it goes idle (κ), 0…`slice`.
  public var keptRuntime = 0.001
  /// Offset of the first period boundary to the start of the episode, 0…`period`; nil draws one per pod and episode, as
  /// it is on a node.
  public var phase: Double?
  /// Scheduler tick, 0…0.1 s. Above 0 an empty quota is noticed at the next tick only and the overrun is paid back as debt
  /// (late throttling). 0 throttles at once, which fits request-serving pods better.
  public var throttlingTick = 0.0

  // The service

  /// Requests served at the same time (W), 1…64; 1 is a single-threaded event loop.
  public var workers = 1
  /// Cores that the pod can use at the same time (C), 0.01…256.
  public var cores = 1.0
  public var demand = ServiceDemand()
  /// CPU per request besides its demand (accept, parse, answer), 0…1 core-seconds.
  public var overhead = 0.000_10
  /// Latency outside the pod (loopback, wake-ups, network, proxies), 0…10 s.
  public var latency = 0.000_22
  /// CPU really obtained while running (v), 0.01…1: below 1 by interrupts and other processes.
  public var speed = 0.99
  /// Client timeout, 0.001…1000 s. A request that timed out is still served: the service does not notice.
  public var timeout = 2.0
  /// CPU used when idle, millicores, 0…1000. It comes out of the quota.
  public var baseUsage = 0.0
  /// CPU that a fresh pod burns before it serves its first request, 0…1000 core-seconds.
  public var startupWork = 0.0

  // The load and the resources

  public var arrivals = Arrivals()
  /// Limit at the start of an episode, millicores, at most 1,000,000; at least what gives a quota of 1 ms, the kernel's
  /// smallest: 10 with a period of 100 ms.
  public var limit: Millicores = 200
  /// CPU request, millicores, 1…1,000,000: the weight with which the pod competes for a shared node.
  public var request: Millicores = 100
  /// Memory in use, bytes; reported, without influence.
  public var memory = 0

  public init() {}

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    func read<T: Decodable>(_ key: CodingKeys, into place: inout T) throws {
      if let value = try values.decodeIfPresent(T.self, forKey: key) { place = value }
    }
    try read(.period, into: &period)
    try read(.slice, into: &slice)
    try read(.keptRuntime, into: &keptRuntime)
    phase = try values.decodeIfPresent(Double.self, forKey: .phase)
    try read(.throttlingTick, into: &throttlingTick)
    try read(.workers, into: &workers)
    try read(.cores, into: &cores)
    try read(.demand, into: &demand)
    try read(.overhead, into: &overhead)
    try read(.latency, into: &latency)
    try read(.speed, into: &speed)
    try read(.timeout, into: &timeout)
    try read(.baseUsage, into: &baseUsage)
    try read(.startupWork, into: &startupWork)
    try read(.arrivals, into: &arrivals)
    try read(.limit, into: &limit)
    try read(.request, into: &request)
    try read(.memory, into: &memory)
  }

  /// Throws a sentence with the allowed range for the first value outside of it.
  public func validate() throws {
    func check(_ name: String, _ value: Double, _ range: ClosedRange<Double>, _ unit: String) throws {
      try PodSimulation.validate("pod parameter \(name)", value, in: range, unit)
    }
    try check("period", period, 0.001...1, "seconds")
    try check("slice", slice, 1e-5...1, "core-seconds")
    try check("keptRuntime", keptRuntime, 0...slice, "core-seconds")
    if let phase { try check("phase", phase, 0...period, "seconds") }
    try check("throttlingTick", throttlingTick, 0...0.1, "seconds")
    try PodSimulation.validate("pod parameter workers", workers, in: 1...64)
    try check("cores", cores, 0.01...256, "cores")
    try check("overhead", overhead, 0...1, "core-seconds")
    try check("latency", latency, 0...10, "seconds")
    try check("speed", speed, 0.01...1, "")
    try check("timeout", timeout, 0.001...1000, "seconds")
    try check("baseUsage", baseUsage, 0...1000, "millicores")
    try check("startupWork", startupWork, 0...1000, "core-seconds")
    let smallest = Int((1000 * CPUQuota.smallest / period).rounded(.up))
    try PodSimulation.validate(
      "pod parameter limit", limit, in: smallest...1_000_000, "millicores (a quota of at least 1 ms)")
    try PodSimulation.validate("pod parameter request", request, in: 1...1_000_000, "millicores")
    try PodSimulation.validate("pod parameter memory", memory, in: 0...Int.max, "bytes")
    try demand.validate()
    try arrivals.validate()
  }

  /// Millicores that serve `rate` requests/s without any to spare: rate · (mean demand + overhead).
  public func demandMillicores(rate: Double) -> Double { rate * (demand.effectiveMean + overhead) * 1000 }
}
