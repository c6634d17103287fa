import Autoscaling
import FoundationEssentials
import Synchronization

/// A standalone cAdvisor's `/api/v1.3/subcontainers/…`, the set-up of the published system: the last minute's samples of
/// every cgroup, each with a time to the nanosecond.
public enum CadvisorAPI {
  struct Entry: Decodable {
    struct Spec: Decodable {
      struct CPU: Decodable {
        var quota: Int64?
        var period: Int64?
      }
      var cpu: CPU?
    }
    struct Stats: Decodable {
      struct CPU: Decodable {
        struct Usage: Decodable { var total: UInt64 }
        struct Bandwidth: Decodable {
          var periods: UInt64?
          var throttled_periods: UInt64?
          var throttled_time: UInt64?
        }
        var usage: Usage
        var cfs: Bandwidth?
      }
      struct Memory: Decodable { var usage: UInt64? }
      var timestamp: Timestamp
      var cpu: CPU?
      var memory: Memory?
    }
    var name: String
    var spec: Spec?
    var stats: [Stats]?

    /// Oldest first; entries without CPU numbers are passed over. Memory is `memory.usage`, as the published system reads it.
    var counters: [ContainerCounters] {
      (stats ?? []).compactMap { stats in
        guard let cpu = stats.cpu else { return nil }
        var counters = ContainerCounters(
          time: stats.timestamp, cpuNanoseconds: Int64(clamping: cpu.usage.total),
          memory: Int(clamping: stats.memory?.usage ?? 0),
          limit: cpuLimit(quota: spec?.cpu?.quota ?? 0, period: spec?.cpu?.period ?? 0))
        counters.periods = cpu.cfs?.periods.map { Int64(clamping: $0) }
        counters.throttledPeriods = cpu.cfs?.throttled_periods.map { Int64(clamping: $0) }
        counters.throttledNanoseconds = cpu.cfs?.throttled_time.map { Int64(clamping: $0) }
        return counters
      }
    }
  }

  /// The newest counters by container identifier.
  ///
  /// - Throws: `ClusterError` of kind `.unreadable`.
  public static func parse(_ body: Data) throws(ClusterError) -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    for (id, series) in try history(body) {
      if let newest = series.last { snapshot.put(.id(id), .counters(newest)) }
    }
    return snapshot
  }

  /// All samples by container identifier, oldest first: two of them make a sample without waiting for a second request.
  public static func history(_ body: Data) throws(ClusterError) -> [String: [ContainerCounters]] {
    let entries: [Entry]
    do {
      entries = try JSONDecoder().decode([Entry].self, from: body)
    } catch {
      throw APIClient.unreadable(APIRequest(get: "/api/v1.3/subcontainers"), error, status: 200)
    }
    var series: [String: [ContainerCounters]] = [:]
    for entry in entries {
      if let id = containerID(cgroup: entry.name) { series[id] = entry.counters }
    }
    return series
  }

  /// The runtime's identifier in a cgroup's name: 64 hexadecimal digits, bare or as `cri-containerd-<id>.scope`. What stands
  /// before it tells whose cgroup it is: `crio-conmon-<id>.scope` is not the container's but that of its monitor, a process
  /// that CRI-O starts beside every container and that uses next to nothing.
  public static func containerID(cgroup name: String) -> String? {
    guard var last = name.split(separator: "/").last else { return nil }
    if last.hasSuffix(".scope") { last = last.dropLast(6) }
    if let dash = last.lastIndex(of: "-") {
      if last[...dash].hasSuffix("conmon-") { return nil }
      last = last[last.index(after: dash)...]
    }
    return last.utf8.count == 64 && last.utf8.allSatisfy { ($0 >= 48 && $0 <= 57) || ($0 >= 97 && $0 <= 102) }
      ? String(last) : nil
  }
}

/// One cAdvisor a node, each asked for the containers under its cgroup root.
public final class CadvisorSource: MetricSource {
  public var name: String { "cadvisor" }
  public var isReadByNode: Bool { true }
  private let template: String
  private let root: String
  private let transports = Mutex<[String: any Transport]>([:])
  private let make: @Sendable (String) -> any Transport

  /// - Parameters:
  ///   - address: of a node's cAdvisor, with `{ip}` for the node's address and `{node}` for its name: `http://{ip}:8080`.
  ///   - root: the cgroup below which the pods are.
  ///   - transport: to an address; another one in a test.
  public init(
    address: String, root: String = "kubepods",
    transport: @escaping @Sendable (String) -> any Transport = { CurlTransport(address: ServerAddress(base: $0)) }
  ) {
    template = address
    self.root = root
    make = transport
  }

  public func read(_ pods: [SelectedPod]) throws(ClusterError) -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    let path = "/api/v1.3/subcontainers/\(root)/"
    for (node, onNode) in Dictionary(grouping: pods, by: \.node).sorted(by: { $0.key < $1.key }) {
      let host = onNode[0].pod.status.hostIP
      let address = template.replacing("{ip}", with: host.contains(":") ? "[\(host)]" : host)
        .replacing("{node}", with: node)
      let transport = transports.withLock { known in
        if let transport = known[address] { return transport }
        let transport = make(address)
        known[address] = transport
        return transport
      }
      let response: HTTPResponse
      do throws(TransportError) {
        response = try transport.send(HTTPRequest(.get, path, timeout: 5))
      } catch {
        throw ClusterError(error, to: APIRequest(get: path), server: "cAdvisor on \(node) (\(address))")
      }
      guard response.isSuccess else {
        throw ClusterError(response, to: APIRequest(get: path), context: "cAdvisor on \(node)")
      }
      snapshot.merge(try CadvisorAPI.parse(response.body))
    }
    return snapshot
  }
}
