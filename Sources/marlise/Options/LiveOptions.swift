import Autoscaling
import Control
import Foundation
import Kubernetes
import Terminal

/// Everything about a real cluster, as options: the same for `infer`, `record` and whatever else looks at pods.
enum LiveOptions {
  static let connection: [Option] = Option.section(
    "Cluster",
    [
      .path("kubeconfig", help: "Default: KUBECONFIG, ~/.kube/config, else the service account of the pod we run in."),
      .string("context", metavar: "NAME", help: "The kubeconfig's context.  Default: its current one."),
      .strings(
        "namespace", metavar: "NS", help: "Namespaces of the pods; `all` for every one.  Default: the context's."),
      .string("selector", metavar: "LABELS", help: "Labels that pods must have, such as app=web.  Default: none."),
      .string("container", metavar: "NAME", help: "The container to scale.  Default: the pod's only one."),
      .string(
        "pool", metavar: "NAME",
        help: "Drive the pods whose annotation marlise/pool says so.  Default: those without it."),
      .string("node", metavar: "NAME", help: "Take only the pods of this node: for one instance on every node."),
      .string(
        "opt_in", metavar: "LABEL", help: "Take only pods that carry this label with the value true."),
    ])

  static let metrics: [Option] = Option.section(
    "Metrics",
    [
      .choice(
        "metrics", MetricSourceName.allCases.map(\.rawValue), default: "auto",
        help: "Where usage comes from: the node's cgroup files, the kubelets, cAdvisors, metrics.k8s.io, Prometheus."),
      .float(
        "metrics_max_age", .atLeast(0.1, atMost: 86_400), metavar: "S",
        help: "Hold a pod whose newest sample is older.  Default: as the source deserves (cgroup 5, kubelet 40 ...)."),
      .float(
        "restore_after", .atLeast(1, atMost: 86_400), metavar: "S",
        help: "Lead a pod back to its original limit after so long without a fresh sample.  Default: max age + 60."),
      .string("cadvisor", metavar: "URL", help: "The nodes' cAdvisor: http://{ip}:8080, {ip} or {node} filled in."),
      .string(
        "cadvisor_root", default: "kubepods", metavar: "CGROUP", help: "The cgroup below which it sees the pods."),
      .string("prometheus", metavar: "URL", help: "A Prometheus server."),
      .path("prometheus_token", help: "A file with the bearer token for it."),
      .string(
        "latency_query", metavar: "PROMQL",
        help: "Response times in seconds: a query of --prometheus with one value per namespace and pod."),
      .choice(
        "kubelet_access", ["proxy", "direct"], default: "proxy",
        help: "Through the API server (needs nodes/proxy) or straight (needs nodes/metrics only)."),
      .choice(
        "kubelet_endpoint", ["cadvisor", "resource", "summary"], default: "cadvisor",
        help: "Which of the kubelet's metrics; only the first knows throttling."),
      .path("kubelet_authority", help: "Certificates of the kubelets' own authority, PEM.  Default: the cluster's."),
      .path("cgroup_root", default: "/sys/fs/cgroup", metavar: "DIR", help: "Where the cgroup file system is mounted."),
    ])

  static func connect(_ options: ParsedOptions, budget: WriteBudget?) throws -> APIClient {
    APIClient(connection: try connection(options), budget: budget)
  }

  static func connection(_ options: ParsedOptions) throws -> ClusterConnection {
    // A server that closes a connection while TLS writes to it, or a reader of our output that goes away, is an error to be
    // handled: limits must go back, which a process that was ended by a signal cannot do.
    signal(SIGPIPE, SIG_IGN)
    return try ClusterConnection.resolve(
      kubeconfig: options.optionalString("kubeconfig"), context: options.optionalString("context"))
  }

  static func selection(_ options: ParsedOptions, client: APIClient) -> PodSelection {
    let named = options.strings("namespace")
    var selection = PodSelection(
      namespaces: named.isEmpty ? [client.connection.namespace] : named.contains("all") ? [] : named,
      labelSelector: options.optionalString("selector") ?? "", container: options.optionalString("container"),
      optInLabel: options.optionalString("opt_in"))
    selection.node = options.optionalString("node")
    return selection
  }

  static func metrics(_ options: ParsedOptions) throws -> MetricChoice {
    var choice = MetricChoice(MetricSourceName(rawValue: options.string("metrics")) ?? .auto)
    choice.cadvisorAddress = options.optionalString("cadvisor")
    choice.cadvisorRoot = options.string("cadvisor_root")
    choice.prometheusAddress = options.optionalString("prometheus")
    if let path = options.optionalString("prometheus_token") {
      choice.prometheusToken = try TextFile.read(path).trimmingCharacters(in: .whitespacesAndNewlines)
    }
    choice.cgroupRoot = options.string("cgroup_root")
    choice.reachesKubeletsDirectly = options.string("kubelet_access") == "direct"
    if let path = options.optionalString("kubelet_authority") {
      choice.kubeletAuthority = Data(try TextFile.read(path).utf8)
    }
    switch options.string("kubelet_endpoint") {
    case "resource": choice.kubeletEndpoint = .resource
    case "summary": choice.kubeletEndpoint = .summary
    default: choice.kubeletEndpoint = .cadvisor
    }
    return choice
  }

  /// Whether there is a cluster to talk to, judging by what is configured; nothing is asked of it.
  static func isClusterConfigured(_ options: ParsedOptions) -> Bool {
    if options.wasGiven("kubeconfig") || options.wasGiven("context") { return true }
    return (try? ClusterConnection.resolve()) != nil
  }
}

/// What `infer` may do to a real cluster, as options.
enum ActingOptions {
  static let options: [Option] = Option.section(
    "Acting",
    [
      .flag("apply", help: "Really resize.  Without it nothing is changed: what would be done is shown."),
      .flag("wait", help: "Where there is no pod to drive, wait for one instead of ending."),
      .flag("dry_run", help: "Only show what would be done (the default)."),
      .choice(
        "controlled-values", ControlledValues.allCases.map(\.rawValue), default: ControlledValues.limitsOnly.rawValue,
        help: "What moves: limits, requests, or both.  A Guaranteed pod's request always follows its limit."),
      .int(
        "max_step", in: 10...1_000_000, metavar: "M", help: "Largest change of one resize, millicores.  Default: any."),
      .int(
        "deadband", default: 0, in: 0...1_000_000, metavar: "M",
        help: "Changes smaller than this are not worth a resize."),
      .int(
        "patch_budget", default: 100, in: 1...10_000, metavar: "B", help: "Writes per second at most, of every kind."),
      .choice(
        "originals", ["auto", "annotation", "file"], default: "auto",
        help:
          "Where the limits found are kept to be put back: on the pod (needs the right to patch pods) or in --state-file."
      ),
      .path("state_file", help: "Default: one per cluster in ~/.local/state/marlise."),
      .flag("freeze_on_exit", help: "Leave the limits as they are at the end instead of putting the originals back."),
      .flag("restore", help: "Put back what an earlier run that was killed left behind, and end."),
      .float(
        "grace", default: 25, .atLeast(1, atMost: 3600), metavar: "S",
        help: "Time for putting back at the end; less than the pod's termination grace period."),
      .flag("events", default: true, help: "Put an event on a pod when it is resized, at most one a minute."),
      .flag(
        "annotate", help: "Keep the last decision and its reason in an annotation of each pod, at most two a minute."),
    ])
}
