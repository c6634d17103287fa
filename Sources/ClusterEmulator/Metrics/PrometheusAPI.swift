import HTTPServer
import Kubernetes

/// The instant queries of a Prometheus that scrapes the cluster.
extension EmulatedCluster {
  /// `/api/v1/query`, also below `/prometheus`.
  func prometheus(_ request: ServerRequest, _ path: [String]) throws(StatusError) -> ServerResponse {
    guard configuration.prometheusInterval > 0 else { throw .noSuchPath }
    if path == ["-", "ready"] || path == ["-", "healthy"] {
      return ServerResponse(200, text: "Prometheus is Ready.\n")
    }
    guard path == ["api", "v1", "query"] else { throw .noSuchPath }
    var text = request.parameter("query") ?? ""
    if request.method == "POST", request.contentType == "application/x-www-form-urlencoded" {
      let form = ServerRequest("GET", "/?" + String(decoding: request.body, as: UTF8.self))
      text = form.parameter("query") ?? text
    }
    do throws(PromQLError) {
      let expression = try PromQL(text)
      let result = try withLock { () throws(PromQLError) in
        try PromQLEvaluation(at: now, samples: series).value(of: expression)
      }
      return Self.json(
        .object(["status": .string("success"), "data": rendered(result)]))
    } catch {
      return Self.json(
        .object([
          "status": .string("error"), "errorType": .string("bad_data"), "error": .string(error.description),
        ]), status: 400)
    }
  }

  private func rendered(_ value: PromQLValue) -> JSON {
    func time(_ seconds: Double) -> JSON {
      .number("\(((epoch + seconds) * 1000).rounded() / 1000)")
    }
    func number(_ value: Double) -> JSON {
      .string(value.isNaN ? "NaN" : value == .infinity ? "+Inf" : value == -.infinity ? "-Inf" : "\(value)")
    }
    switch value {
    case .scalar(let value):
      return .object(["resultType": .string("scalar"), "result": .array([time(now), number(value)])])
    case .vector(let series):
      return .object([
        "resultType": .string("vector"),
        "result": .array(
          series.map { one in
            .object([
              "metric": .strings(one.labels), "value": .array([time(now), number(one.points.last?.value ?? .nan)]),
            ])
          }),
      ])
    case .matrix(let series):
      return .object([
        "resultType": .string("matrix"),
        "result": .array(
          series.map { one in
            .object([
              "metric": .strings(one.labels),
              "values": .array(one.points.map { .array([time($0.time), number($0.value)]) }),
            ])
          }),
      ])
    }
  }

  /// The stored samples of a metric between two times.
  private func series(_ metric: String, from start: Double, to end: Double) -> [PromQLSeries] {
    guard let definitions = Self.scraped[metric] else { return [] }
    return store.sorted().flatMap { version -> [PromQLSeries] in
      let pod = version.record
      guard let simulated = pod.identity.simulated else { return [] }
      let samples = metrics.history.samples(simulated, from: start, to: end)
      if samples.isEmpty { return [] }
      var labels = [
        "__name__": metric, "namespace": pod.identity.namespace, "pod": pod.identity.name, "node": pod.identity.node,
      ]
      return definitions.map { definition in
        if definition.isContainer {
          labels["container"] = pod.identity.containers[0].name
          labels["instance"] = pod.identity.node
        }
        for (name, value) in definition.labels { labels[name] = value }
        return PromQLSeries(
          labels: labels,
          points: samples.map { PromQLSeries.Point(time: Double($0.time), value: definition.value($0, configuration)) })
      }
    }
  }

  private struct Definition: Sendable {
    var isContainer = true
    var labels: [String: String] = [:]
    var value: @Sendable (Counters, EmulatorConfiguration) -> Double
  }

  /// What is scraped of every pod: cAdvisor's and kube-state-metrics' families, and those of the service itself.
  private static let scraped: [String: [Definition]] = [
    "container_cpu_usage_seconds_total": [
      Definition(labels: ["cpu": "total"]) { counters, _ in Double(counters.cpuNanoseconds) / 1e9 }
    ],
    "container_memory_working_set_bytes": [Definition { _, configuration in Double(configuration.memoryUse) }],
    "container_cpu_cfs_periods_total": [Definition { counters, _ in Double(counters.periods) }],
    "container_cpu_cfs_throttled_periods_total": [Definition { counters, _ in Double(counters.throttledPeriods) }],
    "container_cpu_cfs_throttled_seconds_total": [
      Definition { counters, _ in Double(counters.throttledNanoseconds) / 1e9 }
    ],
    "container_spec_cpu_quota": [Definition { counters, _ in Double(counters.limit * 100) }],
    "container_spec_cpu_period": [Definition { _, _ in 100_000 }],
    "kube_pod_container_resource_limits": [
      Definition(labels: ["resource": "cpu", "unit": "core"]) { counters, _ in Double(counters.limit) / 1000 }
    ],
    "http_requests_total": [
      Definition(isContainer: false, labels: ["code": "200"]) { counters, _ in
        Double(counters.requests - min(counters.failures, counters.requests))
      },
      Definition(isContainer: false, labels: ["code": "504"]) { counters, _ in Double(counters.failures) },
    ],
    "http_request_duration_seconds_count": [
      Definition(isContainer: false) { counters, _ in Double(counters.requests) }
    ],
    "http_request_duration_seconds_sum": [Definition(isContainer: false) { counters, _ in counters.responseSeconds }],
    "http_request_duration_seconds": [
      Definition(isContainer: false, labels: ["quantile": "0.95"]) { counters, _ in counters.p95 },
      Definition(isContainer: false, labels: ["quantile": "0.99"]) { counters, _ in counters.p99 },
    ],
  ]
}
