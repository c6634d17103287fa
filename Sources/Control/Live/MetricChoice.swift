import Autoscaling
import Foundation
import Kubernetes

/// Where the metrics come from, as `--metrics` and its companions say.
public struct MetricChoice: Sendable {
  public var name: MetricSourceName
  /// `http://{ip}:8080`; needed for cAdvisor.
  public var cadvisorAddress: String?
  /// The cgroup below which cAdvisor sees the pods.
  public var cadvisorRoot = "kubepods"
  /// Needed for Prometheus.
  public var prometheusAddress: String?
  public var prometheusToken: String?
  public var cgroupRoot = "/sys/fs/cgroup"
  public var kubeletEndpoint = KubeletSource.Endpoint.cadvisor
  /// Whether kubelets are asked straight (`nodes/metrics`) instead of through the API server (`nodes/proxy`).
  public var reachesKubeletsDirectly = false
  /// The kubelets' own authority, PEM, where it is not the cluster's.
  public var kubeletAuthority: Data?

  public init(_ name: MetricSourceName) {
    self.name = name
  }

  /// How old a sample may be, seconds, before the pod is held: what the source gives when all is well, and some.
  public static func ageMaximum(_ source: String, interval: Double) -> Double {
    let usual: Double =
      switch source {
      case "cgroup", "cadvisor": 5
      case "kubelet": 40
      case "metrics-server": 120
      default: 150
      }
    return max(usual, 3 * interval)
  }

  /// The source, tried on these pods: where every node is asked separately, until one of them answers. `auto` takes the first
  /// that knows every pod it was asked for: the node's own cgroup files, cAdvisor, the kubelets, Prometheus, metrics.k8s.io.
  /// Where none does, it takes the one that knows most of them: a container that has just started is told of a little later.
  /// That excuse a node's cgroup files do not have: what they lack runs on another node.
  ///
  /// - Parameters:
  ///   - places: so many pods will be driven, the first by name; nil for all.
  ///   - say: told which pods the source does not see.
  /// - Throws: `ClusterError` or `LiveError`: why no source can be read.
  public func source(
    _ survey: ClusterSurvey, places: Int? = nil, say: (String) -> Void = { _ in }
  ) throws -> any MetricSource {
    let pods = Array(survey.selected.prefix(places ?? .max))
    guard name == .auto else {
      let source = try make(name, survey)
      let look = try Self.look(source, pods)
      guard name == .cgroup, let blind = look.blind else { return source }
      guard look.seen > 0 else {
        throw LiveError(
          "none of the pods' containers is under \(cgroupRoot): --metrics cgroup needs marlise on the pods' own node with the "
            + "cgroup file system mounted there; --metrics kubelet reads from anywhere")
      }
      say(
        "--metrics cgroup does not see \(blind): they are not on this node and keep the limits that they have; --node drives "
          + "this node's pods only, --metrics kubelet reads from anywhere")
      return source
    }
    var reasons: [String] = []
    var best: (source: any MetricSource, look: Look)?
    let candidates: [MetricSourceName] =
      [.cgroup] + (cadvisorAddress == nil ? [] : [.cadvisor]) + [.kubelet]
      + (prometheusAddress == nil ? [] : [.prometheus]) + (survey.discovery.hasMetricsAPI ? [.metricsServer] : [])
    for candidate in candidates {
      do {
        let source = try make(candidate, survey)
        let look = try Self.look(source, pods)
        guard let blind = look.blind else { return source }
        if candidate != .cgroup || look.seen > 0 {
          reasons.append(
            "\(candidate.rawValue): " + (look.seen > 0 ? "it does not see \(blind)" : "it does not know these pods"))
        }
        if candidate != .cgroup, look.share > best?.look.share ?? 0 { best = (source, look) }
      } catch {
        if candidate != .cgroup { reasons.append("\(candidate.rawValue): \(error)") }
      }
    }
    if let best, let blind = best.look.blind {
      say("no source of metrics knows all pods; \(best.source.name), which is taken, does not see \(blind) yet")
      return best.source
    }
    throw LiveError(
      "no source of metrics answers for these pods (\(reasons.joined(separator: "; "))); choose one with --metrics")
  }

  /// What a source knows of the pods that it was asked for.
  private struct Look {
    var asked: [SelectedPod]
    var unseen: [SelectedPod]

    init(_ snapshot: MetricSnapshot, asked: [SelectedPod]) {
      self.asked = asked
      unseen = asked.filter { snapshot.reading(of: $0) == nil }
    }

    var seen: Int { asked.count - unseen.count }
    var share: Double { asked.isEmpty ? 0 : Double(seen) / Double(asked.count) }

    /// The pods it does not see, for people; nil where it sees all.
    var blind: String? {
      guard let first = unseen.first else { return nil }
      return "\(unseen.count) of \(asked.count) pods (\(first.key)\(unseen.count > 1 ? " and others" : ""))"
    }
  }

  /// One node that is down must not keep the others from being driven; a right that is missing is missing on all.
  private static func look(_ source: any MetricSource, _ pods: [SelectedPod]) throws(ClusterError) -> Look {
    guard source.isReadByNode else { return Look(try source.read(pods), asked: pods) }
    var failure: ClusterError?
    var last = Look(MetricSnapshot(), asked: pods)
    for (_, pods) in Dictionary(grouping: pods, by: \.node).sorted(by: { $0.key < $1.key }) {
      do throws(ClusterError) {
        let snapshot = try source.read(pods)
        last = Look(snapshot, asked: pods)
        if !snapshot.readings.isEmpty { return last }
      } catch {
        guard error.isRetryable else { throw error }
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    return last
  }

  private func make(_ name: MetricSourceName, _ survey: ClusterSurvey) throws -> any MetricSource {
    switch name {
    case .auto, .cgroup: return try CgroupSource(root: cgroupRoot)
    case .kubelet:
      guard reachesKubeletsDirectly else {
        return KubeletSource(.proxy(survey.client), endpoint: kubeletEndpoint)
      }
      let cluster = survey.client.connection
      let authority = kubeletAuthority ?? cluster.address.authority
      return KubeletSource(
        .direct { address in
          ClusterConnection(
            address: ServerAddress(base: "https://" + address, authority: authority), credentials: cluster.credentials,
            namespace: cluster.namespace, label: cluster.label)
        }, endpoint: kubeletEndpoint)
    case .cadvisor:
      guard let cadvisorAddress else {
        throw LiveError(
          "--metrics cadvisor needs --cadvisor, the address of the nodes' cAdvisor such as http://{ip}:8080")
      }
      return CadvisorSource(address: cadvisorAddress, root: cadvisorRoot)
    case .metricsServer: return MetricsServer(survey.client, labelSelector: survey.selection.labelSelector)
    case .prometheus: return try prometheus()
    }
  }

  /// - Throws: `LiveError` without an address.
  public func prometheus() throws -> Prometheus {
    guard let prometheusAddress else {
      throw LiveError(
        "Prometheus is needed, but not known: give --prometheus, its address such as http://prometheus:9090")
    }
    return Prometheus(CurlTransport(address: ServerAddress(base: prometheusAddress)), token: prometheusToken)
  }
}
