import FoundationEssentials

/// metrics.k8s.io, as metrics-server serves it: averages over its own window, often a minute old. Good for slow loops only.
public struct MetricsServer: MetricSource {
  public var name: String { "metrics-server" }
  private let client: APIClient
  private let labelSelector: String

  public init(_ client: APIClient, labelSelector: String = "") {
    self.client = client
    self.labelSelector = labelSelector
  }

  struct PodMetrics: Codable, Sendable, Equatable {
    struct Container: Codable, Sendable, Equatable {
      var name: String
      @OrEmpty var usage: ResourceList = [:]
    }
    var metadata: ObjectMetadata
    var timestamp: Timestamp
    @OrEmpty var containers: [Container] = []
  }

  public func read(_ pods: [SelectedPod]) throws(ClusterError) -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    for namespace in Set(pods.map(\.namespace)).sorted() {
      var request = APIRequest(.list, .podMetrics, namespace: namespace)
      if !labelSelector.isEmpty { request.query.append(.init(name: "labelSelector", value: labelSelector)) }
      snapshot.merge(Self.snapshot(try client.send(request, as: ObjectList<PodMetrics>.self)))
    }
    return snapshot
  }

  /// - Throws: `ClusterError` of kind `.unreadable`.
  public static func parse(_ body: Data) throws(ClusterError) -> MetricSnapshot {
    do {
      return snapshot(try JSONDecoder().decode(ObjectList<PodMetrics>.self, from: body))
    } catch {
      throw APIClient.unreadable(APIRequest(.list, .podMetrics), error, status: 200)
    }
  }

  private static func snapshot(_ list: ObjectList<PodMetrics>) -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    for pod in list.items {
      for container in pod.containers {
        guard let cpu = container.usage["cpu"] else { continue }
        snapshot.put(
          .container(namespace: pod.metadata.namespace, pod: pod.metadata.name, name: container.name),
          .average(
            AverageUsage(
              time: pod.timestamp, usage: cpu.double * 1000, memory: container.usage["memory"]?.units ?? 0)))
      }
    }
    return snapshot
  }
}
