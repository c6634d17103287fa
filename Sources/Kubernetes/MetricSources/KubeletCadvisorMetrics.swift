import Autoscaling
import FoundationEssentials
import Glibc

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

  /// Labels as they are written, which is the same for most of a container's lines: what has been understood once need not be
  /// taken apart again. Looked at only while the body is being read.
  private struct Labels: Hashable {
    let text: UnsafeBufferPointer<UInt8>

    static func == (a: Labels, b: Labels) -> Bool {
      guard a.text.count == b.text.count else { return false }
      guard let x = a.text.baseAddress, let y = b.text.baseAddress else { return true }
      return memcmp(x, y, a.text.count) == 0
    }

    func hash(into hasher: inout Hasher) { hasher.combine(bytes: UnsafeRawBufferPointer(text)) }
  }

  private struct Gathered {
    var cgroup: Cgroup

    var counters = ContainerCounters(time: Timestamp(nanoseconds: 0), cpuNanoseconds: -1)
    var quota: Int64 = 0
    var period: Int64 = 0
  }

  /// - Parameter receivedAt: for exporters that give no times.
  public static func parse(_ body: Data, receivedAt: Timestamp) -> MetricSnapshot {
    var gathered: [Gathered] = []
    var places: [Cgroup: Int] = [:]
    var known: [Labels: Int] = [:]
    var snapshot = MetricSnapshot()
    snapshot.unreadable = Exposition.forEachSample(in: body, of: metrics) { line in
      let labels = Labels(text: line.labels)
      let place: Int
      if let found = known[labels] {
        place = found
      } else if let cgroup = cgroup(of: line) {
        place = places[cgroup] ?? gathered.count
        if place == gathered.count { gathered.append(Gathered(cgroup: cgroup)) }
        places[cgroup] = place
        known[labels] = place
      } else {
        return
      }
      put(line, into: &gathered[place], receivedAt)
    }
    for found in gathered where found.counters.cpuNanoseconds >= 0 {
      var counters = found.counters
      counters.limit = cpuLimit(quota: found.quota, period: found.period)
      snapshot.put(found.cgroup.key, .counters(counters))
    }
    return snapshot
  }

  /// nil for lines without a container, which are of pods, slices and the node; "POD" is the sandbox.
  private static func cgroup(of line: Exposition.Line) -> Cgroup? {
    guard let container = line.label("container"), !container.isEmpty, container != "POD",
      let namespace = line.label("namespace"), let pod = line.label("pod"), let path = line.label("id")
    else { return nil }
    return Cgroup(key: .container(namespace: namespace, pod: pod, name: container), path: path)
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
