/// `/metrics`: what Prometheus scrapes, in OpenMetrics' text format for those who ask for it, else in the older one, which calls a
/// counter's family by the counter's whole name and knows neither infos nor units.
///
/// - Source: OpenMetrics 1.0, https://github.com/prometheus/OpenMetrics;
///   https://prometheus.io/docs/instrumenting/exposition_formats
enum MetricsText {
  static let openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
  static let plain = "text/plain; version=0.0.4; charset=utf-8"

  static func render(
    _ snapshot: SessionSnapshot, _ service: ServiceFacts, ticks: TickCounts, isOpen: Bool
  ) -> [UInt8] {
    var text = Writer(isOpen: isOpen, capacity: 4096 + snapshot.pods.count * 1200)
    let settings = snapshot.settings
    text.family("marlise_build", "info", "The version that runs.")
    text.sample("marlise_build_info", [("version", service.version)], 1)
    text.family("marlise_running", "gauge", "Whether the agents act or advise (1) or are stopped (0).")
    text.sample("marlise_running", [], settings.isRunning ? 1 : 0)
    text.family("marlise_applying", "gauge", "Whether resizes are sent.")
    text.sample("marlise_applying", [], settings.acts && snapshot.election?.isLeader ?? true ? 1 : 0)
    if let election = snapshot.election {
      text.family("marlise_leader", "gauge", "Whether this instance holds the lease.")
      text.sample("marlise_leader", [("identity", election.identity)], election.isLeader ? 1 : 0)
    }
    text.family("marlise_decisions", "counter", "Rounds of decisions.")
    text.sample("marlise_decisions_total", [], Double(ticks.count))
    text.family("marlise_missed_ticks", "counter", "Rounds that were due and did not take place.")
    text.sample("marlise_missed_ticks_total", [], Double(snapshot.missedRounds))
    text.family("marlise_resizes", "counter", "Resizes sent, by what became of them.")
    let counts = snapshot.counts
    text.sample("marlise_resizes_total", [("result", "sent")], Double(counts.sent))
    text.sample("marlise_resizes_total", [("result", "refused")], Double(counts.refused))
    text.sample("marlise_resizes_total", [("result", "unanswered")], Double(counts.unanswered))
    text.family(
      "marlise_tick_duration_seconds", "histogram", "What a round took, without the wait for it.", unit: "seconds")
    for (end, count) in zip(TickCounts.ends, ticks.counts) {
      text.sample("marlise_tick_duration_seconds_bucket", [("le", "\(end)")], Double(count))
    }
    text.sample("marlise_tick_duration_seconds_bucket", [("le", "+Inf")], Double(ticks.count))
    text.sample("marlise_tick_duration_seconds_count", [], Double(ticks.count))
    text.sample("marlise_tick_duration_seconds_sum", [], ticks.sum)
    text.family("marlise_interval_seconds", "gauge", "Seconds between rounds.", unit: "seconds")
    text.sample("marlise_interval_seconds", [], settings.interval)
    text.family("marlise_pool_capacity_millicores", "gauge", "The pool's size.", unit: "millicores")
    text.sample("marlise_pool_capacity_millicores", [], Double(settings.capacity))
    text.family(
      "marlise_pool_allocated_millicores", "gauge", "What the pods have been granted of it.", unit: "millicores")
    text.sample("marlise_pool_allocated_millicores", [], Double(snapshot.allocated))
    text.family("marlise_pool_reserved_millicores", "gauge", "What of it is held beside that.", unit: "millicores")
    text.sample("marlise_pool_reserved_millicores", [], Double(snapshot.reserved))
    let pods = snapshot.pods.filter(\.isPresent)
    text.family("marlise_pods", "gauge", "Pods that are there and measured.")
    text.sample("marlise_pods", [], Double(pods.count))
    func perPod(_ name: String, _ help: String, unit: String? = nil, _ value: (PodView) -> Double?) {
      text.family(name, "gauge", help, unit: unit)
      for pod in pods {
        guard let value = value(pod) else { continue }
        text.sample(name, [("namespace", pod.namespace ?? ""), ("pod", pod.name)], value)
      }
    }
    perPod("marlise_pod_cpu_limit_millicores", "CPU limit in force.", unit: "millicores") { Double($0.limit) }
    perPod("marlise_pod_cpu_original_millicores", "CPU limit to be put back.", unit: "millicores") {
      Double($0.original)
    }
    perPod("marlise_pod_cpu_usage_millicores", "CPU used.", unit: "millicores") { $0.usage }
    perPod("marlise_pod_throttled_ratio", "Share of CFS periods that were throttled.", unit: "ratio") { $0.throttled }
    perPod("marlise_pod_priority", "Weight where CPU is scarce.") { $0.priority }
    perPod("marlise_sample_age_seconds", "Age of the newest sample.", unit: "seconds") { $0.age }
    perPod("marlise_pod_response_seconds", "Response time, 95th percentile where known.", unit: "seconds") {
      $0.responses?.p95
    }
    return text.bytes + (isOpen ? Array("# EOF\n".utf8) : [])
  }

  private struct Writer {
    let isOpen: Bool
    var bytes: [UInt8] = []

    init(isOpen: Bool, capacity: Int) {
      self.isOpen = isOpen
      bytes.reserveCapacity(capacity)
    }

    mutating func family(_ name: String, _ type: String, _ help: String, unit: String? = nil) {
      let whole = isOpen ? name : type == "counter" ? name + "_total" : type == "info" ? name + "_info" : name
      put("# HELP \(whole) \(help)\n# TYPE \(whole) \(!isOpen && type == "info" ? "gauge" : type)\n")
      if isOpen, let unit { put("# UNIT \(name) \(unit)\n") }
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
      put(name)
      if !labels.isEmpty {
        put("{")
        for (place, label) in labels.enumerated() {
          if place > 0 { put(",") }
          put(label.0)
          put("=\"")
          for byte in label.1.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
            case 10: put("\\n")
            default: bytes.append(byte)
            }
          }
          put("\"")
        }
        put("}")
      }
      put(" ")
      put(value == value.rounded() && value.magnitude < 1e15 ? String(Int(value)) : "\(value)")
      put("\n")
    }

    private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }
  }
}
