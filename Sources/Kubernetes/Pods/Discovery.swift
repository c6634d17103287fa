/// What a cluster can do, asked rather than guessed from its version.
public struct Discovery: Sendable, Equatable {
  /// Where resources of a running pod are changed.
  public enum ResizeEndpoint: Sendable, Equatable {
    /// `pods/resize`, 1.32 and newer.
    case subresource
    /// The pod itself, 1.27–1.31 with the feature gate on.
    case pod
  }

  public var gitVersion: String
  /// nil when the server's version is not a number.
  public var minorVersion: Int?
  public var resizeEndpoint: ResizeEndpoint
  /// Whether metrics.k8s.io is served.
  public var hasMetricsAPI: Bool

  /// - Throws: `ClusterError` of kind `.configuration` for a server that cannot resize pods in place.
  public init(version: VersionInfo, resources: APIResourceList, groups: APIGroupList) throws(ClusterError) {
    gitVersion = version.gitVersion
    minorVersion = version.minorNumber
    hasMetricsAPI = groups.groups.contains { $0.name == APIResourceName.podMetrics.group }
    if resources.resources.contains(where: { $0.name == "pods/resize" && $0.verbs.contains("patch") }) {
      resizeEndpoint = .subresource
    } else if let minor = minorVersion, (27...31).contains(minor) {
      resizeEndpoint = .pod
    } else {
      let name = gitVersion.isEmpty ? "this server" : "Kubernetes \(gitVersion)"
      throw ClusterError(
        .configuration, operation: "look for in-place resize",
        message: (minorVersion ?? 0) >= 32
          ? "\(name) does not serve pods/resize: its feature gate InPlacePodVerticalScaling is off"
          : "\(name) cannot resize pods in place: 1.27 is the oldest that can, 1.33 the first that does by default")
    }
  }

  public static func run(_ client: APIClient) throws(ClusterError) -> Discovery {
    let version = try client.send(APIRequest(get: "/version"), as: VersionInfo.self)
    let resources = try client.send(APIRequest(get: "/api/v1"), as: APIResourceList.self)
    let groups = try client.send(APIRequest(get: "/apis"), as: APIGroupList.self)
    return try Discovery(version: version, resources: resources, groups: groups)
  }
}
