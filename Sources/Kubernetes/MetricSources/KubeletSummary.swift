import FoundationEssentials

/// The kubelet's `/stats/summary`. Its times are whole seconds although the counters were read between them: over an
/// interval of ten seconds a rate may be off by a tenth. Prefer `/metrics/cadvisor`.
public enum KubeletSummary {
  private struct Summary: Decodable {
    struct Pod: Decodable {
      struct Reference: Decodable {
        var name: String
        var namespace: String
      }
      struct Pressure: Decodable {
        struct Some: Decodable { var total: UInt64? }
        var some: Some?
      }
      struct CPU: Decodable {
        var time: Timestamp
        var usageCoreNanoSeconds: UInt64?
        var psi: Pressure?
      }
      struct Memory: Decodable {
        var workingSetBytes: UInt64?
        var psi: Pressure?
      }
      struct Container: Decodable {
        var name: String
        var cpu: CPU?
        var memory: Memory?
      }
      var podRef: Reference
      var containers: [Container]?
    }
    var pods: [Pod]?
  }

  /// - Throws: `ClusterError` of kind `.unreadable`.
  public static func parse(_ body: Data) throws(ClusterError) -> MetricSnapshot {
    let summary: Summary
    do {
      summary = try JSONDecoder().decode(Summary.self, from: body)
    } catch {
      throw APIClient.unreadable(APIRequest(get: "/stats/summary"), error, status: 200)
    }
    var snapshot = MetricSnapshot()
    for pod in summary.pods ?? [] {
      for container in pod.containers ?? [] {
        // A container that has just started has no numbers yet.
        guard let cpu = container.cpu, let used = cpu.usageCoreNanoSeconds else { continue }
        var counters = ContainerCounters(
          time: cpu.time, cpuNanoseconds: Int64(clamping: used),
          memory: Int(clamping: container.memory?.workingSetBytes ?? 0))
        counters.cpuPressureNanoseconds = nanoseconds(cpu.psi?.some?.total)
        counters.memoryPressureNanoseconds = nanoseconds(container.memory?.psi?.some?.total)
        snapshot.put(
          .container(namespace: pod.podRef.namespace, pod: pod.podRef.name, name: container.name), .counters(counters))
      }
    }
    return snapshot
  }

  /// The kernel counts pressure in microseconds, and so does the summary.
  private static func nanoseconds(_ microseconds: UInt64?) -> Int64? {
    microseconds.map { Int64(clamping: $0.multipliedReportingOverflow(by: 1000).partialValue) }
  }
}
