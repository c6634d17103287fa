import FoundationEssentials

/// The kubelet's `/metrics/resource`: CPU and memory of every container, and nothing else.
public enum KubeletResourceMetrics {
  /// - Parameter receivedAt: for kubelets that give no times.
  public static func parse(_ body: Data, receivedAt: Timestamp) -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    var memory: [MetricKey: Int] = [:]
    var counters: [MetricKey: ContainerCounters] = [:]
    snapshot.unreadable = Exposition.forEachSample(
      in: body, of: ["container_cpu_usage_seconds_total", "container_memory_working_set_bytes"]
    ) { line in
      guard let container = line.label("container"), let namespace = line.label("namespace"),
        let pod = line.label("pod")
      else { return }
      let key = MetricKey.container(namespace: namespace, pod: pod, name: container)
      if line.metric == 1 {
        memory[key] = whole(line.value).map(Int.init)
      } else if let used = whole(line.value * 1e9) {
        counters[key] = ContainerCounters(time: line.time ?? receivedAt, cpuNanoseconds: used)
      }
    }
    for (key, value) in counters {
      var value = value
      value.memory = memory[key] ?? 0
      snapshot.readings[key] = .counters(value)
    }
    return snapshot
  }
}
