import Autoscaling
import FoundationEssentials

/// The kubelet's `/metrics/cadvisor`: counters of every cgroup, refreshed about every ten seconds, with their own times.
public enum KubeletCadvisorMetrics {
  private static let metrics: [StaticString] = [
    "container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "container_cpu_cfs_periods_total",
    "container_cpu_cfs_throttled_periods_total", "container_cpu_cfs_throttled_seconds_total",
    "container_spec_cpu_quota", "container_spec_cpu_period", "container_pressure_cpu_waiting_seconds_total",
    "container_pressure_memory_waiting_seconds_total", "container_oom_events_total",
  ]

  private struct Cgroup: Hashable {
    var key: MetricKey
    /// Tells a restarted container from its predecessor, which lingers.
    var path: String
  }

  private struct Gathered {
    var counters = ContainerCounters(time: Timestamp(nanoseconds: 0), cpuNanoseconds: -1)
    var quota: Int64 = 0
    var period: Int64 = 0
  }

  /// - Parameter receivedAt: for exporters that give no times.
  public static func parse(_ body: Data, receivedAt: Timestamp) -> MetricSnapshot {
    var gathered: [Cgroup: Gathered] = [:]
    var snapshot = MetricSnapshot()
    snapshot.unreadable = Exposition.forEachSample(in: body, of: metrics) { line in
      // Lines without a container are of pods, slices and the node; "POD" is the sandbox.
      guard let container = line.label("container"), !container.isEmpty, container != "POD",
        let namespace = line.label("namespace"), let pod = line.label("pod"), let path = line.label("id")
      else { return }
      let cgroup = Cgroup(key: .container(namespace: namespace, pod: pod, name: container), path: path)
      put(line, into: &gathered[cgroup, default: Gathered()], receivedAt)
    }
    for (cgroup, found) in gathered where found.counters.cpuNanoseconds >= 0 {
      var counters = found.counters
      counters.limit = cpuLimit(quota: found.quota, period: found.period)
      snapshot.put(cgroup.key, .counters(counters))
    }
    return snapshot
  }

  private static func put(_ line: Exposition.Line, into found: inout Gathered, _ receivedAt: Timestamp) {
    func nanoseconds() -> Int64? { whole(line.value * 1e9) }
    switch line.metric {
    case 0:
      // Per-CPU lines, where an old kubelet gives them, are parts of the total.
      guard line.label("cpu").map({ $0 == "total" }) ?? true, let used = nanoseconds() else { return }
      found.counters.cpuNanoseconds = used
      found.counters.time = line.time ?? receivedAt
    case 1: found.counters.memory = whole(line.value).map(Int.init) ?? 0
    case 2: found.counters.periods = whole(line.value)
    case 3: found.counters.throttledPeriods = whole(line.value)
    case 4: found.counters.throttledNanoseconds = nanoseconds()
    case 5: found.quota = whole(line.value) ?? 0
    case 6: found.period = whole(line.value) ?? 0
    case 7: found.counters.cpuPressureNanoseconds = nanoseconds()
    case 8: found.counters.memoryPressureNanoseconds = nanoseconds()
    default: found.counters.outOfMemoryKills = whole(line.value)
    }
  }
}
