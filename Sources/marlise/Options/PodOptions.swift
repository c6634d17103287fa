import Autoscaling
import Foundation
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

  private static let churnTimes = [PodChurn().stay, PodChurn().absence, PodChurn().restart]

  static let service: [Option] =
    Option.section(
      "Simulated service",
      [
        .floats(
          "service_demand", default: [10], .atLeast(0.01, atMost: 60_000), metavar: "MS",
          help: "CPU per request, ms, mean; one per pod or one for all."),
        .choice(
          "service_distribution", ["deterministic", "exponential", "lognormal"], default: "exponential",
          help: "Distribution of the CPU per request."),
        .int("service_workers", default: 4, in: 1...64, metavar: "W", help: "Requests a pod serves at the same time."),
        .float(
          "service_cores", default: 1, .atLeast(0.01, atMost: 256), metavar: "C", help: "Cores a pod can use at once."),
        .choice(
          "service_arrivals", Arrivals.Process.allCases.map(\.rawValue), default: "poisson",
          help: "How requests are spread within each second."),
        .float(
          "service_startup", default: 0, .atLeast(0, atMost: 1000), metavar: "S",
          help: "CPU that a fresh pod burns before its first answer, core-seconds."),
        .float(
          "service_base", default: 0, .atLeast(0, atMost: 1000), metavar: "M",
          help: "CPU that an idle pod uses, millicores."),
      ])
    + Option.section(
      "Simulated cluster",
      [
        .float(
          "node_cores", .atLeast(0.01, atMost: 1024), metavar: "C",
          help: "Cores of one node that all pods share; without it each has its own."),
        .choice(
          "metrics_lag", MetricLag.names, default: "direct",
          help:
            "How old what is seen of a pod is: every second, or as the kubelet (10 to 15 s) or metrics-server shows it."
        ),
        .float(
          "metric_noise", default: 0, .atLeast(0, atMost: 1), metavar: "SD",
          help: "Relative standard deviation of what is seen of a pod."),
        .float(
          "resize_latency", default: 0, .atLeast(0, atMost: 60), metavar: "S",
          help: "Seconds until a new limit acts, at most; drawn anew for every resize."),
        .path(
          "pod_schedule", metavar: "FILE|churn",
          help:
            "Pods that arrive, restart and leave: at the times of a CSV file (second,pod,event), or churn for random ones."
        ),
        .floats(
          "churn_times", default: churnTimes, .atLeast(1, atMost: 1_000_000), metavar: "S",
          help: "Of churn: mean seconds that a pod stays, that it is away, and between restarts."),
        .path(
          "service_graph", metavar: "ROUTES",
          help:
            "Requests that visit several pods: \(ServiceGraph.names.joined(separator: ", ")); routes such as 0>1>2+3 "
            + "(pod 0, then 1, then 2 and 3 together); or a file with routes."),
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
    var metrics = try MetricLag.named(options.string("metrics_lag"))
    let noise = options.float("metric_noise")
    metrics.noise = Randomization.Range(noise, noise)
    return metrics
  }

  /// When pods come and go; neither for pods that stay.
  static func comingAndGoing(
    _ options: ParsedOptions, count: Int
  ) throws -> (schedules: [PodSchedule]?, churn: PodChurn?) {
    let text = options.optionalString("pod_schedule")
    let times = options.floats("churn_times")
    guard text == "churn" else {
      if times != churnTimes { throw options.rejection("churn_times", "needs --pod_schedule churn") }
      return (try text.map { try PodSchedule.load($0, pods: count) }, nil)
    }
    guard times.count == 3 else {
      throw options.rejection("churn_times", "has \(times.count) values, expected three: stay, away, between restarts")
    }
    return (nil, PodChurn(stay: times[0], absence: times[1], restart: times[2]))
  }

  static func graph(_ options: ParsedOptions, count: Int) throws -> ServiceGraph? {
    guard let text = options.optionalString("service_graph") else { return nil }
    guard !ServiceGraph.names.contains(text), FileManager.default.fileExists(atPath: text) else {
      return try ServiceGraph(text, pods: count)
    }
    do {
      return try ServiceGraph(String(contentsOfFile: text, encoding: .utf8), pods: count)
    } catch let error as SimulationError {
      throw Failure("\(text): \(error)")
    } catch {
      throw Failure("\(text) cannot be read: \(error.localizedDescription)")
    }
  }

  /// The whole simulated cluster that the options describe.
  static func cluster(_ options: ParsedOptions, count: Int, seed: UInt64) throws -> PodClusterConfiguration {
    var configuration = PodClusterConfiguration(
      pods: try simulatedPods(options, count: count), seed: seed, sharedCores: options.optionalFloat("node_cores"))
    configuration.metrics = try metrics(options)
    configuration.resizeLatency = resizeLatency(options)
    let (schedules, churn) = try comingAndGoing(options, count: count)
    (configuration.schedules, configuration.churn) = (schedules ?? [], churn)
    configuration.graph = try graph(options, count: count)
    return configuration
  }

  static func resizeLatency(_ options: ParsedOptions) -> Randomization.Range {
    let longest = options.float("resize_latency")
    return Randomization.Range(min(0.1, longest), longest)
  }

  static func simulatedPods(_ options: ParsedOptions, count: Int) throws -> [PodParameters] {
    var pod = PodParameters()
    pod.demand.distribution =
      ServiceDemand.Distribution(rawValue: options.string("service_distribution")) ?? .exponential
    pod.workers = options.int("service_workers")
    pod.cores = options.float("service_cores")
    pod.arrivals.process = Arrivals.Process(rawValue: options.string("service_arrivals")) ?? .poisson
    pod.startupWork = options.float("service_startup")
    pod.baseUsage = options.float("service_base")
    let demands = options.floats("service_demand")
    guard demands.count == 1 || demands.count == count else {
      throw options.rejection(
        "service_demand", "has \(demands.count) values, expected one or one per pod (\(count))")
    }
    return try (0..<count).map {
      pod.demand.mean = demands[demands.count == 1 ? 0 : $0] / 1000
      try pod.validate()
      return pod
    }
  }
}
