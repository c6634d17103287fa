import FoundationEssentials
import Synchronization

/// Reaches kubelets: straight, with the right `get nodes/metrics` (and `nodes/stats`), or through the API server's proxy,
/// which needs the far wider `nodes/proxy`.
public struct KubeletAccess: Sendable {
  private let reach: @Sendable (SelectedPod) throws(ClusterError) -> (APIClient, APIRequest)

  /// Through the API server.
  public static func proxy(_ client: APIClient) -> KubeletAccess {
    KubeletAccess { pod in (client, APIRequest(.get, .nodeProxy, name: pod.node)) }
  }

  /// Straight to each node's kubelet, at the address that its pods' status tells.
  ///
  /// - Parameter connection: for a kubelet's `host:port`: its authority may be another than the API server's.
  public static func direct(
    port: Int = 10250, connection: @escaping @Sendable (String) -> ClusterConnection
  ) -> KubeletAccess {
    let clients = KubeletClients()
    return KubeletAccess { pod throws(ClusterError) in
      let host = pod.pod.status.hostIP
      guard !host.isEmpty else {
        throw ClusterError(
          .configuration, operation: "reach the kubelet of \(pod.node)", message: "its address is not known")
      }
      let address = (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
      return (clients.client(address) { connection(address) }, APIRequest(get: ""))
    }
  }

  func get(_ path: String, nodeOf pod: SelectedPod, accept: String) throws(ClusterError) -> Data {
    var (client, request) = try reach(pod)
    if case .path = request.target { request.target = .path("/" + path) } else { request.suffix = path }
    request.accept = accept
    request.timeout = 5
    return try client.send(request).body
  }
}

/// One client, and with it one connection, for each kubelet.
private final class KubeletClients: Sendable {
  private let known = Mutex<[String: APIClient]>([:])

  func client(_ address: String, _ connection: () -> ClusterConnection) -> APIClient {
    known.withLock { known in
      if let client = known[address] { return client }
      let client = APIClient(connection: connection(), readAttempts: 1)
      known[address] = client
      return client
    }
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
  public var isReadByNode: Bool { true }
  public let endpoint: Endpoint
  private let access: KubeletAccess

  public init(_ access: KubeletAccess, endpoint: Endpoint = .cadvisor) {
    self.access = access
    self.endpoint = endpoint
  }

  public func read(_ pods: [SelectedPod]) throws(ClusterError) -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    for (_, onNode) in Dictionary(grouping: pods, by: \.node).sorted(by: { $0.key < $1.key }) {
      let accept = endpoint == .summary ? "application/json" : "text/plain"
      let body = try access.get(endpoint.rawValue, nodeOf: onNode[0], accept: accept)
      snapshot.merge(try endpoint.parse(body, receivedAt: .now))
    }
    return snapshot
  }
}
