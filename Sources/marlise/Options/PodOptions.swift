import Autoscaling
import PodSimulation
import Terminal

/// The simulated pods and their pool, as options.
enum PodOptions {
  static let pods: [Option] = Option.section(
    "Pods",
    [
      .int("n_agents", default: 3, in: 1...10_000, help: "Pods, each with an agent of its own."),
      .int(
        "init_resources", default: 1000, in: 1...10_000_000, metavar: "M",
        help: "CPU that the pods share, millicores.", aliases: ["resources"]),
      .int("min_cpu", default: 50, in: 1...1_000_000, metavar: "M", help: "Smallest limit of a pod, millicores."),
      .int(
        "max_cpu", in: 1...1_000_000, metavar: "M",
        help: "Largest limit of a pod, millicores; without it, all that the pods share."),
      .floats(
        "priorities", .atLeast(0.01, atMost: 1), metavar: "P",
        help: "Weight of each pod where CPU is scarce, in (0, 1]; one per pod or one for all.  Default: 1."),
    ])

  static let service: [Option] = Option.section(
    "Simulated service",
    [
      .float(
        "service_demand", default: 10, .atLeast(0.01, atMost: 60_000), metavar: "MS", help: "CPU per request, ms, mean."
      ),
      .choice(
        "service_distribution", ["deterministic", "exponential", "lognormal"], default: "exponential",
        help: "Distribution of the CPU per request."),
      .int("service_workers", default: 4, in: 1...64, metavar: "W", help: "Requests a pod serves at the same time."),
      .float(
        "service_cores", default: 1, .atLeast(0.01, atMost: 256), metavar: "C", help: "Cores a pod can use at once."),
      .float(
        "node_cores", .atLeast(0.01, atMost: 1024), metavar: "C",
        help: "Cores of one node that all pods share; without it each has its own."),
      .choice(
        "metrics_lag", MetricLag.names, default: "direct",
        help:
          "How old what is seen of a pod is: every second, or as the kubelet (10 to 15 s) or metrics-server shows it."),
      .float(
        "resize_latency", default: 0, .atLeast(0, atMost: 60), metavar: "S",
        help: "Seconds until a new limit acts, at most; drawn anew for every resize."),
    ])

  /// The pool, the smallest limits and the priorities fit each other, or one sentence says which does not.
  static func priorities(_ options: ParsedOptions, count: Int) throws -> [Double] {
    let given = options.floats("priorities")
    if given.isEmpty { return Array(repeating: 1, count: count) }
    if given.count == 1 { return Array(repeating: given[0], count: count) }
    guard given.count == count else {
      throw options.rejection("priorities", "has \(given.count) values, expected one or one per pod (\(count))")
    }
    return given
  }

  static func shield(_ options: ParsedOptions, pool: Millicores, count: Int) throws -> SafetyShield {
    let minimum = options.int("min_cpu")
    let maximum = options.optionalInt("max_cpu") ?? max(pool, minimum)
    guard minimum <= maximum else {
      throw options.rejection("max_cpu", "is \(maximum), expected at least --min_cpu (\(minimum))")
    }
    guard pool / count >= minimum else {
      throw options.rejection(
        "init_resources", "is \(pool), expected at least \(count) pods × --min_cpu \(minimum) = \(count * minimum)")
    }
    var shield = SafetyShield(minimum: minimum, maximum: maximum)
    shield.allow(for: try metrics(options), resizeLatency: resizeLatency(options))
    return shield
  }

  static func metrics(_ options: ParsedOptions) throws -> MetricLag {
    try MetricLag.named(options.string("metrics_lag"))
  }

  static func resizeLatency(_ options: ParsedOptions) -> Randomization.Range {
    let longest = options.float("resize_latency")
    return Randomization.Range(min(0.1, longest), longest)
  }

  static func simulatedPods(_ options: ParsedOptions, count: Int) throws -> [PodParameters] {
    var pod = PodParameters()
    pod.demand.mean = options.float("service_demand") / 1000
    pod.demand.distribution =
      ServiceDemand.Distribution(rawValue: options.string("service_distribution")) ?? .exponential
    pod.workers = options.int("service_workers")
    pod.cores = options.float("service_cores")
    try pod.validate()
    return Array(repeating: pod, count: count)
  }
}
