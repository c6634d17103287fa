/// The sources by the names that `--metrics` takes, with what one must know to choose.
public enum MetricSourceName: String, Sendable, CaseIterable {
  case auto, cgroup, kubelet, cadvisor
  case metricsServer = "metrics-server"
  case prometheus

  public var summary: String {
    switch self {
    case .auto: "cgroup on a node, else the kubelet"
    case .cgroup: "the node's cgroup files: fresh at any time; needs an agent on the node with /sys/fs/cgroup mounted"
    case .kubelet: "the kubelet's metrics: about ten seconds old; needs the right to get nodes/metrics"
    case .cadvisor: "a standalone cAdvisor on every node: about a second old when set up so"
    case .metricsServer: "metrics.k8s.io: averages, often a minute old, without throttling"
    case .prometheus: "a Prometheus server: as old as its scrapes; also response times"
    }
  }

  /// Whether its newest numbers are fresh enough for a loop of this interval, seconds.
  public func suits(interval: Double) -> Bool {
    switch self {
    case .auto, .cgroup: true
    case .cadvisor: interval >= 1
    case .kubelet: interval >= 10
    case .metricsServer, .prometheus: interval >= 15
    }
  }
}
