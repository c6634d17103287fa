import FoundationEssentials

/// Reaches kubelets: straight, with the right `get nodes/metrics` (and `nodes/stats`), or through the API server's proxy,
/// which needs the far wider `nodes/proxy`.
public struct KubeletAccess: Sendable {
  private let clients: @Sendable (String) throws(ClusterError) -> (APIClient, APIRequest)

  /// Through the API server.
  public static func proxy(_ client: APIClient) -> KubeletAccess {
    KubeletAccess { node in (client, APIRequest(.get, .nodeProxy, name: node)) }
  }

  /// Straight to each node's kubelet.
  ///
  /// - Parameter connection: for a kubelet's `host:port`: its authority may be another than the API server's.
  public static func direct(
    _ addresses: [String: String], connection: @escaping @Sendable (String) -> ClusterConnection
  ) -> KubeletAccess {
    let clients = addresses.mapValues { APIClient(connection: connection($0), readAttempts: 1) }
    return KubeletAccess { node throws(ClusterError) in
      guard let client = clients[node] else {
        throw ClusterError(
          .configuration, operation: "reach the kubelet of \(node)", message: "its address is not known")
      }
      return (client, APIRequest(get: ""))
    }
  }

  func get(_ path: String, node: String, accept: String) throws(ClusterError) -> Data {
    var (client, request) = try clients(node)
    if case .path = request.target { request.target = .path("/" + path) } else { request.suffix = path }
    request.accept = accept
    request.timeout = 5
    return try client.send(request).body
  }
}

/// A kubelet's endpoint as a source: one request to each node that has selected pods.
public struct KubeletSource: MetricSource {
  public enum Endpoint: String, Sendable, CaseIterable {
    /// Usage, throttling and memory, each sample with its own time.
    case cadvisor = "metrics/cadvisor"
    /// Usage and memory.
    case resource = "metrics/resource"
    /// Usage and memory, times in whole seconds.
    case summary = "stats/summary?only_cpu_and_memory=true"

    public func parse(_ body: Data, receivedAt: Timestamp) throws(ClusterError) -> MetricSnapshot {
      switch self {
      case .cadvisor: KubeletCadvisorMetrics.parse(body, receivedAt: receivedAt)
      case .resource: KubeletResourceMetrics.parse(body, receivedAt: receivedAt)
      case .summary: try KubeletSummary.parse(body)
      }
    }
  }

  public var name: String { "kubelet" }
  public let endpoint: Endpoint
  private let access: KubeletAccess

  public init(_ access: KubeletAccess, endpoint: Endpoint = .cadvisor) {
    self.access = access
    self.endpoint = endpoint
  }

  public func read(_ pods: [SelectedPod]) throws(ClusterError) -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    for node in Set(pods.map(\.node)).sorted() {
      let accept = endpoint == .summary ? "application/json" : "text/plain"
      let body = try access.get(endpoint.rawValue, node: node, accept: accept)
      snapshot.merge(try endpoint.parse(body, receivedAt: .now))
    }
    return snapshot
  }
}
