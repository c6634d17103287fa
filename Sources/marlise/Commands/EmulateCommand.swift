import Autoscaling
import ClusterEmulator
import Foundation
import HTTPServer
import PodSimulation
import Terminal

/// `marlise emulate`: an emulated cluster for everything that speaks to a real one.
enum EmulateCommand {
  static let command = Command(
    "emulate", summary: "Serve an emulated Kubernetes API over simulated pods.",
    discussion: """
      Speaks the part of the Kubernetes API that resizing pods needs, as recorded from a real 1.36 cluster, over the same \
      simulated pods that agents are trained on: discovery, pods with watches, resize and its conditions, events, leases, \
      kubelet and cAdvisor metrics, metrics.k8s.io, Prometheus queries. docs/emulator.md says what is emulated and what not.
      """,
    options: options,
    examples: [
      Example("marlise emulate --kubeconfig emulated.kubeconfig", "Three pods; a kubeconfig leads clients to them"),
      Example(
        "marlise emulate --pods 100 --nodes 4 --port 6443 --kubernetes-version 1.33", "A larger and older cluster"),
    ]
  ) { try run($0) }

  private static let options: [Option] =
    Option.section(
      "Cluster",
      [
        .int("pods", default: 3, in: 1...10_000, help: "Simulated pods, in one StatefulSet."),
        .int("nodes", default: 1, in: 1...1000, help: "Nodes that the pods are spread over."),
        .string("pod_name", default: "demo", metavar: "NAME", help: "Name of the StatefulSet and of its container."),
        .string("namespace", default: "default", metavar: "NAME", help: "Namespace of the pods."),
        .int("cpu_limit", default: 330, in: 1...1_000_000, metavar: "M", help: "CPU limit of a fresh pod, millicores."),
        .int("cpu_request", default: 50, in: 1...1_000_000, metavar: "M", help: "CPU request of a pod, millicores."),
        .int(
          "best_effort", default: 0, in: 0...1000,
          help: "Further pods, without requests and limits, that nobody can resize (app=NAME-best-effort)."),
        .flag("guaranteed", help: "Requests equal limits: pods of the class Guaranteed, which keep it when resized."),
        .int(
          "node_cpu", default: 64_000, in: 1...10_000_000, metavar: "M",
          help: "CPU that a node has for requests, millicores: a resize beyond it waits or is refused."),
        .string(
          "kubernetes_version", default: "1.36", metavar: "1.N",
          help: "Behave as this version, 1.27 to 1.37: before 1.32 there is no pods/resize."),
      ])
    + Option.section(
      "What happens",
      [
        .strings(
          "pod_schedule", metavar: "POD:EVENT@S",
          help: "Pods that come and go, numbered from 0: 1:restart@30 2:leave@60 4:arrive@90."),
        .strings(
          "faults", metavar: "KIND[=P]",
          help: "What goes wrong, with its chance per request or second: all, or some of "
            + FaultPlan.Kind.allCases.map(\.rawValue).joined(separator: " ") + "."),
        .ints(
          "limit_range", in: 1...1_000_000, metavar: "M",
          help: "A LimitRange in the namespace: the least and the most CPU of a container, millicores."),
        .int("quota", in: 1...100_000_000, metavar: "M", help: "A ResourceQuota: CPU limits of all pods, millicores."),
        .strings(
          "forbid", metavar: "VERB:RESOURCE", help: "Rights that the account lacks, such as patch:pods/resize."),
        .path("audit", help: "Append a line of JSON for every write and for every limit that comes into force."),
      ])
    + Option.section(
      "Time",
      [
        .choice(
          "clock", ["real", "virtual"], default: "real",
          help: "virtual: time stands still but for POST /emulator/step?seconds=N."),
        .int(
          "housekeeping", default: 10, in: 1...300, metavar: "S",
          help: "Seconds between a kubelet's readings of a container; up to half as many more, as real ones take."),
        .int(
          "scrape_interval", default: 15, in: 0...3600, metavar: "S",
          help: "Seconds between readings by metrics-server and Prometheus; 0 serves neither."),
        .int("duration", in: 1...10_000_000, metavar: "S", help: "Seconds to run.  Default: until Ctrl-C."),
        LogOptions.format,
        .int("seed", default: 1, in: 0...Int.max, help: "Seed of load, latencies and identifiers."),
      ])
    + Option.section(
      "Server",
      [
        .string("listen", default: "127.0.0.1", metavar: "ADDRESS", help: "Address of this machine to listen on."),
        .int("port", default: 0, in: 0...65_535, help: "Port; 0 takes a free one."),
        .path("kubeconfig", help: "Write a kubeconfig that leads here."),
        .flag("tls", help: "Serve HTTPS with a certificate of an authority made for this run; needs openssl."),
      ]) + WorkloadOptions.options() + PodOptions.service.filter { !ofSimulationOnly.contains($0.name) }

  /// What the emulator does in its own way (pods that come and go, stale metrics) or not at all.
  private static let ofSimulationOnly = [
    "pod_schedule", "churn_times", "service_graph", "metrics_lag", "metric_noise",
  ]

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    let settings = try configuration(options)
    var server = Server.Configuration()
    server.address = options.string("listen")
    server.port = UInt16(clamping: options.int("port"))
    server.threads = 2
    server.connectionsMaximum = 4096
    server.idleSeconds = 300
    let authority = options.flag("tls") ? try TemporaryAuthority.make(address: server.address) : nil
    server.tls = authority.map { Server.TLS(certificates: $0.certificate, key: $0.key) }
    Interruption.install()
    let emulator = try ClusterEmulator(settings, server: server)
    defer { emulator.stop() }
    if let path = options.optionalString("kubeconfig") {
      let users = settings.users.map { (name: $0.value.mayWrite ? "emulated" : "emulated-reader", token: $0.key) }
        .sorted { $0.name < $1.name }
      let text = KubeconfigFile.text(
        url: emulator.url, users: users, namespace: options.string("namespace"), authority: authority?.authority)
      try PrivateFile.write(text, to: path)
    }
    try announce(emulator, settings, options)
    let started = Clock.monotonic()
    let end = options.optionalInt("duration").map { started + Double($0) } ?? .infinity
    while !Interruption.requested, Clock.monotonic() < end { Thread.sleep(forTimeInterval: 0.05) }
    return .finished
  }

  private static func configuration(_ options: ParsedOptions) throws -> EmulatorConfiguration {
    let (count, nodes) = (options.int("pods"), options.int("nodes"))
    let (limit, request) = (options.int("cpu_limit"), options.int("cpu_request"))
    let isGuaranteed = options.flag("guaranteed")
    guard isGuaranteed || request <= limit else {
      throw options.rejection("cpu_request", "is \(request), expected at most --cpu_limit (\(limit))")
    }
    guard let version = KubernetesVersion(options.string("kubernetes_version")) else {
      throw options.rejection(
        "kubernetes_version", "is \(options.string("kubernetes_version")), expected 1.27 to 1.37")
    }
    for name in ["pod_name", "namespace"] {
      let text = options.string(name)
      guard !text.isEmpty, text.utf8.count <= 50, text.first != "-", text.last != "-",
        text.utf8.allSatisfy({ ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 45 })
      else {
        throw options.rejection(name, "is '\(text)', expected lower-case letters, digits and dashes, at most 50")
      }
    }
    var pods = try PodOptions.simulatedPods(options, count: count)
    for index in pods.indices {
      pods[index].limit = limit
      if isGuaranteed { pods[index].request = limit }
    }
    var simulation = PodClusterConfiguration(
      pods: pods, seed: UInt64(options.int("seed")), sharedCores: options.optionalFloat("node_cores"))
    simulation.resizeLatency = PodOptions.resizeLatency(options)
    var settings = EmulatorConfiguration(
      pods: EmulatorConfiguration.pods(
        count, named: options.string("pod_name"), nodes: nodes, namespace: options.string("namespace"), limit: limit,
        request: request, isGuaranteed: isGuaranteed),
      simulation: simulation, workload: try Workload(WorkloadOptions.settings(options, randomWindow: false)))
    for index in 0..<options.int("best_effort") {
      let name = options.string("pod_name") + "-best-effort"
      var pod = PodTemplate("\(name)-\(index)", containers: [.init(options.string("pod_name"))])
      pod.namespace = options.string("namespace")
      pod.labels = ["app": name]
      settings.pods.append(pod)
    }
    settings.nodes = nodes
    settings.nodeCPU = options.int("node_cpu")
    settings.version = version
    settings.clock = options.string("clock") == "virtual" ? .virtual : .real
    settings.housekeeping = options.int("housekeeping")
    settings.metricsServerInterval = options.int("scrape_interval")
    settings.prometheusInterval = options.int("scrape_interval")
    try addEvents(&settings, options)
    let lacks = Set(options.strings("forbid"))
    for right in lacks {
      let parts = right.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, ["get", "list", "watch", "create", "update", "patch"].contains(parts[0]),
        !parts[1].isEmpty
      else { throw options.rejection("forbid", "has '\(right)', expected VERB:RESOURCE such as patch:pods/resize") }
    }
    if !options.flag("tls") {
      settings.anonymous = EmulatedUser("system:unauthenticated", mayWrite: true, lacks: lacks)
    }
    settings.users = [
      PrivateFile.token(): EmulatedUser("system:serviceaccount:default:marlise", mayWrite: true, lacks: lacks),
      PrivateFile.token(): EmulatedUser("system:serviceaccount:default:reader", mayWrite: false),
    ]
    return settings
  }

  private static func addEvents(_ settings: inout EmulatorConfiguration, _ options: ParsedOptions) throws {
    do throws(FaultPlanError) {
      settings.faults = try FaultPlan(options.strings("faults"))
    } catch {
      throw options.rejection("faults", error.description)
    }
    let namespace = options.string("namespace")
    let range = options.ints("limit_range")
    if !range.isEmpty {
      guard range.count == 2, range[0] <= range[1] else {
        throw options.rejection("limit_range", "expects two numbers, the least and the most")
      }
      settings.limitRanges = [
        LimitRangeRule(namespace: namespace, name: "cpu", minimumMillicores: range[0], maximumMillicores: range[1])
      ]
    }
    if let quota = options.optionalInt("quota") {
      settings.quotas = [QuotaRule(namespace: namespace, name: "cpu", limitMillicores: quota)]
    }
    if let path = options.optionalString("audit") {
      let file = try LineFile(appendingTo: path)
      settings.audit = { file.append($0) }
    }
    let terms = options.strings("pod_schedule")
    if terms.isEmpty { return }
    var schedules = Array(repeating: PodSchedule(), count: settings.pods.count)
    for term in terms {
      let parts = term.split(whereSeparator: { ":@".contains($0) }).map(String.init)
      guard parts.count == 3, let pod = Int(parts[0]), schedules.indices.contains(pod), let second = Int(parts[2]),
        (1...1_000_000).contains(second), ["arrive", "leave", "restart"].contains(parts[1])
      else {
        throw options.rejection(
          "pod_schedule",
          "has '\(term)', expected POD:EVENT@SECOND with a pod from 0 to \(schedules.count - 1) and arrive, leave or restart"
        )
      }
      switch parts[1] {
      case "arrive": schedules[pod].start = second
      case "leave": schedules[pod].end = second
      default: schedules[pod].restarts = (schedules[pod].restarts + [second]).sorted()
      }
    }
    settings.simulation.schedules = schedules
  }

  private static func announce(
    _ emulator: ClusterEmulator, _ settings: EmulatorConfiguration, _ options: ParsedOptions
  ) throws {
    let count = settings.pods.count
    guard options.string(LogOptions.format.name) == "text" else {
      return LogOptions.log(options).info(
        "emulating",
        [
          "kubernetes": .text("\(settings.version)"), "url": .text(emulator.url), "pods": .int(count),
          "nodes": .int(settings.nodes), "namespace": .text(options.string("namespace")),
          "clock": .text(options.string("clock")), "kubeconfig": .text(options.optionalString("kubeconfig") ?? ""),
        ])
    }
    var text = "emulating Kubernetes \(settings.version) at \(emulator.url): \(count) pod\(count == 1 ? "" : "s") "
    text += "(app=\(options.string("pod_name")) in \(options.string("namespace"))) on \(settings.nodes) "
    text += "node\(settings.nodes == 1 ? "" : "s"), \(options.string("clock")) time\n"
    if let path = options.optionalString("kubeconfig") {
      text += "in another terminal:  marlise infer --kubeconfig \(path) --apply\n"
    } else if let token = settings.users.first(where: { $0.value.mayWrite })?.key {
      text += "token: \(token)   (--kubeconfig FILE writes a kubeconfig)\n"
    }
    text += "Ctrl-C ends it\n"
    try Output.standardOutput.write(text)
  }
}
