import HTTPServer
import Kubernetes

/// What a node tells of its pods: kubelet endpoints through the API server's proxy, and standalone cAdvisor. Times are those of
/// the readings.
extension EmulatedCluster {
  /// A pod with a container that is measured.
  struct Measured {
    let pod: PodRecord
    let container: Int
    let counters: Counters
    var name: String { pod.identity.containers[container].name }
    var containerID: String { pod.containers[container].id }
  }

  /// The simulated containers of a node's pods, with the counters that one reader has; nil for all nodes.
  func measured(_ node: String?, _ read: (Int) -> Counters?) -> [Measured] {
    store.sorted().compactMap { version in
      let pod = version.record
      guard node == nil || pod.identity.node == node, let simulated = pod.identity.simulated,
        let counters = read(simulated), counters.time > 0, counters.isPresent
      else { return nil }
      return Measured(pod: pod, container: 0, counters: counters)
    }
  }

  /// `/api/v1/nodes/NODE/proxy/…`
  func nodeProxy(_ request: ServerRequest, node name: String, _ path: [String]) throws(StatusError) -> ServerResponse {
    guard request.method == "GET" else { throw .noSuchMethod }
    let node = name.prefix { $0 != ":" }
    guard nodeIndex(String(node)) != nil else { throw ResourceKind.nodes.notFound(name) }
    return withLock {
      if silence(of: String(node)) != nil {
        return StatusError(
          code: 503, reason: "ServiceUnavailable",
          message: "error trying to reach service: dial tcp: connect: connection refused"
        ).response
      }
      let pods = measured(String(node)) { metrics.housekept[$0] }
      switch path.joined(separator: "/") {
      case "metrics/cadvisor": return exposition(cadvisorMetrics(pods))
      case "metrics/resource": return exposition(resourceMetrics(pods))
      case "stats/summary": return Self.json(summary(pods, node: String(node)))
      case "healthz": return ServerResponse(200, text: "ok")
      default: return ServerResponse(404, text: "404 page not found\n")
      }
    }
  }

  private func exposition(_ bytes: [UInt8]) -> ServerResponse {
    ServerResponse(200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: .bytes(bytes))
  }

  /// A number of billionths as a decimal: nothing is lost.
  static func seconds(_ nanoseconds: Int64, _ out: inout [UInt8]) {
    let (whole, fraction) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    out.put(Int(whole))
    guard fraction != 0 else { return }
    out.append(UInt8(ascii: "."))
    let digits = String(fraction)
    for _ in digits.utf8.count..<9 { out.append(48) }
    var text = Array(digits.utf8)
    while text.last == 48 { text.removeLast() }
    out.append(contentsOf: text)
  }

  func milliseconds(_ second: Int) -> Int { Int(nanoseconds(second) / 1_000_000) }

  private func cadvisorMetrics(_ pods: [Measured]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(pods.count * 3000 + 1000)
    func family(
      _ name: String, _ type: String, _ help: String, extra: String = "", isTimed: Bool = true,
      _ write: (Measured, inout [UInt8]) -> Void
    ) {
      out.put("# HELP \(name) \(help)\n# TYPE \(name) \(type)\n")
      for one in pods {
        let identity = one.pod.identity
        out.put(name)
        out.put("{container=\"")
        out.put(one.name)
        out.put("\",")
        out.put(extra)
        out.put("id=\"")
        out.put(Self.cgroup(one))
        out.put("\",image=\"")
        out.put(identity.containers[one.container].image)
        out.put("\",name=\"")
        out.put(one.containerID)
        out.put("\",namespace=\"")
        out.put(identity.namespace)
        out.put("\",pod=\"")
        out.put(identity.name)
        out.put("\"} ")
        write(one, &out)
        if isTimed {
          out.append(32)
          out.put(milliseconds(one.counters.time))
        }
        out.append(10)
      }
    }
    family("container_cpu_cfs_periods_total", "counter", "Number of elapsed enforcement period intervals.") {
      $1.put(Int($0.counters.periods))
    }
    family("container_cpu_cfs_throttled_periods_total", "counter", "Number of throttled period intervals.") {
      $1.put(Int($0.counters.throttledPeriods))
    }
    family(
      "container_cpu_cfs_throttled_seconds_total", "counter", "Total time duration the container has been throttled."
    ) { Self.seconds($0.counters.throttledNanoseconds, &$1) }
    family(
      "container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.",
      extra: "cpu=\"total\","
    ) { Self.seconds($0.counters.cpuNanoseconds, &$1) }
    family("container_memory_usage_bytes", "gauge", "Current memory usage in bytes.") {
      _ = $0
      $1.put(self.configuration.memoryUse)
    }
    family("container_memory_working_set_bytes", "gauge", "Current working set in bytes.") {
      _ = $0
      $1.put(self.configuration.memoryUse)
    }
    family("container_oom_events_total", "counter", "Count of out of memory events observed for the container") {
      _ = $0
      $1.put(0)
    }
    family("container_spec_cpu_period", "gauge", "CPU period of the container.", isTimed: false) {
      _ = $0
      $1.put(100_000)
    }
    family("container_spec_cpu_quota", "gauge", "CPU quota of the container.", isTimed: false) {
      $1.put($0.counters.limit * 100)
    }
    return out
  }

  /// As the cgroupfs driver names a container's cgroup.
  static func cgroup(_ one: Measured) -> String {
    let identity = one.pod.identity
    let tier = identity.qualityOfService == "Guaranteed" ? "" : identity.qualityOfService.lowercased() + "/"
    return "/kubepods/\(tier)pod\(identity.uid)/\(one.containerID)"
  }

  private func resourceMetrics(_ pods: [Measured]) -> [UInt8] {
    var out: [UInt8] = []
    func family(_ name: String, _ type: String, _ help: String, _ write: (Measured, inout [UInt8]) -> Void) {
      out.put("# HELP \(name) [STABLE] \(help)\n# TYPE \(name) \(type)\n")
      for one in pods {
        out.put(
          "\(name){container=\"\(one.name)\",namespace=\"\(one.pod.identity.namespace)\",pod=\"\(one.pod.identity.name)\"} "
        )
        write(one, &out)
        out.put(" \(milliseconds(one.counters.time))\n")
      }
    }
    family(
      "container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the container in core-seconds"
    ) { Self.seconds($0.counters.cpuNanoseconds, &$1) }
    family("container_memory_working_set_bytes", "gauge", "Current working set of the container in bytes") {
      _ = $0
      $1.put(self.configuration.memoryUse)
    }
    out.put(
      "# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise\n")
    out.put("# TYPE resource_scrape_error gauge\nresource_scrape_error 0\n")
    return out
  }

  private func summary(_ pods: [Measured], node: String) -> JSON {
    let memory = JSON.number("\(configuration.memoryUse)")
    // Zeros, as on a node without pressure figures: the simulation knows none.
    let zero = JSON.number("0")
    let none = JSON.object(["total": zero, "avg10": zero, "avg60": zero, "avg300": zero])
    let pressure = JSON.object(["full": none, "some": none])
    let list = pods.map { one -> JSON in
      // Times in whole seconds, as the kubelet has them here.
      let time = JSON.string(APITime.text(epoch + Double(one.counters.time)))
      let cpu = JSON.object([
        "time": time, "usageCoreNanoSeconds": .number("\(one.counters.cpuNanoseconds)"), "psi": pressure,
      ])
      let use = JSON.object(["time": time, "usageBytes": memory, "workingSetBytes": memory, "psi": pressure])
      return .object([
        "podRef": .object([
          "name": .string(one.pod.identity.name), "namespace": .string(one.pod.identity.namespace),
          "uid": .string(one.pod.identity.uid),
        ]), "startTime": .string(one.pod.identity.created),
        "containers": .array([
          .object([
            "name": .string(one.name), "startTime": .string(one.pod.containers[one.container].startedAt), "cpu": cpu,
            "memory": use,
          ])
        ]), "cpu": cpu, "memory": use,
      ])
    }
    return .object([
      "node": .object(["nodeName": .string(node), "startTime": .string(APITime.text(epoch))]), "pods": .array(list),
    ])
  }

  // MARK: Standalone cAdvisor

  /// `/api/v1.3/subcontainers/…`, after the version: every container below a cgroup, with its last seconds.
  func cadvisorAPI(_ path: [String], node: String?) throws(StatusError) -> ServerResponse {
    guard path.first == "subcontainers" else { return ServerResponse(404, text: "404 page not found\n") }
    if let node, nodeIndex(node) == nil { throw ResourceKind.pods.notFound("cadvisor-" + node) }
    return withLock {
      var out: [UInt8] = [UInt8(ascii: "[")]
      for one in measured(node, { metrics.recent($0).last }) {
        if out.count > 1 { out.append(UInt8(ascii: ",")) }
        let memoryLimit = one.pod.actual[one.container].limits.memory?.units ?? 0
        out.put("{\"name\":\"\(Self.cgroup(one))\",\"spec\":{\"creation_time\":\"\(one.pod.identity.created)\",")
        out.put("\"labels\":{\"io.kubernetes.container.name\":\"\(one.name)\",")
        out.put("\"io.kubernetes.pod.name\":\"\(one.pod.identity.name)\",")
        out.put("\"io.kubernetes.pod.namespace\":\"\(one.pod.identity.namespace)\"},\"has_cpu\":true,")
        out.put("\"cpu\":{\"limit\":2,\"max_limit\":0,\"quota\":\(one.counters.limit * 100),\"period\":100000},")
        out.put("\"has_memory\":true,\"memory\":{\"limit\":\(memoryLimit)}},\"stats\":[")
        for (place, stat) in metrics.recent(one.pod.identity.simulated ?? 0).enumerated() {
          if place > 0 { out.append(UInt8(ascii: ",")) }
          out.put("{\"timestamp\":\"\(APITime.nano(nanoseconds(stat.time)))\",\"cpu\":{\"usage\":{\"total\":")
          out.put(Int(stat.cpuNanoseconds))
          out.put("},\"cfs\":{\"periods\":")
          out.put(Int(stat.periods))
          out.put(",\"throttled_periods\":")
          out.put(Int(stat.throttledPeriods))
          out.put(",\"throttled_time\":")
          out.put(Int(stat.throttledNanoseconds))
          out.put("}},\"memory\":{\"usage\":")
          out.put(configuration.memoryUse)
          out.put(",\"working_set\":")
          out.put(configuration.memoryUse)
          out.put("}}")
        }
        out.put("]}")
      }
      out.append(UInt8(ascii: "]"))
      return Self.json(out)
    }
  }

  // MARK: metrics-server

  /// `/apis/metrics.k8s.io/v1beta1/…`, after the version.
  func podMetrics(_ request: ServerRequest, _ path: [String]) throws(StatusError) -> ServerResponse {
    guard request.method == "GET" else { throw .noSuchMethod }
    let labels = try LabelSelector(request.parameter("labelSelector") ?? "")
    return try withLock { () throws(StatusError) in
      switch (path.first ?? "", path.count) {
      case ("pods", 1): return Self.json(podMetricsList(nil, labels))
      case ("namespaces", 3) where path[2] == "pods": return Self.json(podMetricsList(path[1], labels))
      case ("namespaces", 4) where path[2] == "pods":
        guard let pod = store.pods[PodKey(namespace: path[1], name: path[3])]?.record,
          let entry = metricsEntry(pod)
        else { throw ResourceKind.podMetrics.notFound(path[3]) }
        var object = JSON.object(["kind": .string("PodMetrics"), "apiVersion": .string("metrics.k8s.io/v1beta1")])
        for member in entry.members { object[member.name] = member.value }
        return Self.json(object)
      default: throw .noSuchPath
      }
    }
  }

  private func podMetricsList(_ namespace: String?, _ labels: LabelSelector) -> JSON {
    let items = store.sorted().map(\.record).filter { pod in
      (namespace ?? pod.identity.namespace) == pod.identity.namespace && labels.matches(pod.labels)
    }.compactMap(metricsEntry)
    return .object([
      "kind": .string("PodMetricsList"), "apiVersion": .string("metrics.k8s.io/v1beta1"), "metadata": .object([]),
      "items": .array(items),
    ])
  }

  /// nil before a pod has been read twice.
  private func metricsEntry(_ pod: PodRecord) -> JSON? {
    guard let simulated = pod.identity.simulated, let scraped = metrics.scraped[simulated], let before = scraped.before,
      scraped.newest.time > before.time, scraped.newest.isPresent
    else { return nil }
    let window = scraped.newest.time - before.time
    let used = max(scraped.newest.cpuNanoseconds - before.cpuNanoseconds, 0) / Int64(window)
    return .object([
      "metadata": .object([
        "name": .string(pod.identity.name), "namespace": .string(pod.identity.namespace),
        "creationTimestamp": .string(today), "labels": .strings(pod.labels),
      ]), "timestamp": .string(APITime.text(epoch + Double(scraped.newest.time))), "window": .string("\(window)s"),
      "containers": .array([
        .object([
          "name": .string(pod.identity.containers[0].name),
          "usage": .strings(["cpu": "\(used)n", "memory": "\(configuration.memoryUse / 1024)Ki"]),
        ])
      ]),
    ])
  }
}
