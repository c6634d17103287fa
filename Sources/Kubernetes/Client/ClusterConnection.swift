import FoundationEssentials

/// Everything needed to talk to one cluster as one account.
public struct ClusterConnection: Sendable {
  public var address: ServerAddress
  public var credentials: Credentials
  /// Used where no namespace is named.
  public var namespace: String
  /// For messages: `context 'kind-a'`, `the pod's service account`.
  public var label: String

  public init(address: ServerAddress, credentials: Credentials, namespace: String, label: String) {
    self.address = address
    self.credentials = credentials
    self.namespace = namespace
    self.label = label
  }

  /// The cluster that the flags and the environment mean: an explicit kubeconfig or context, else `KUBECONFIG`, else
  /// `~/.kube/config` if it is there, else the cluster whose pod we are.
  ///
  /// - Throws: `ClusterError` of kind `.configuration`.
  public static func resolve(
    kubeconfig: String? = nil, context: String? = nil,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(ClusterError) -> ClusterConnection {
    if let kubeconfig { return try Kubeconfig(files: [kubeconfig]).connection(context: context) }
    let listed = (environment["KUBECONFIG"] ?? "").split(separator: ":").map(String.init)
    if !listed.isEmpty {
      // As kubectl does, files of the list that are not there are passed over, unless none is.
      let present = listed.filter { FileManager.default.fileExists(atPath: $0) }
      return try Kubeconfig(files: present.isEmpty ? listed : present).connection(context: context)
    }
    if let home = environment["HOME"] {
      let file = home + "/.kube/config"
      if FileManager.default.fileExists(atPath: file) {
        return try Kubeconfig(files: [file]).connection(context: context)
      }
    }
    if context == nil, environment["KUBERNETES_SERVICE_HOST"] != nil { return try inCluster(environment: environment) }
    throw ClusterError(
      .configuration, operation: "find a cluster",
      message: "no kubeconfig (--kubeconfig, KUBECONFIG, ~/.kube/config) and not inside a pod; "
        + "'marlise emulate' serves a cluster to try things on")
  }

  /// The cluster whose pod we are, as the pod's service account.
  ///
  /// - Parameter folder: where the kubelet puts token, authority and namespace.
  public static func inCluster(
    environment: [String: String] = ProcessInfo.processInfo.environment,
    folder: String = "/var/run/secrets/kubernetes.io/serviceaccount"
  ) throws(ClusterError) -> ClusterConnection {
    guard let host = environment["KUBERNETES_SERVICE_HOST"], let port = environment["KUBERNETES_SERVICE_PORT"] else {
      throw ClusterError(
        .configuration, operation: "find the pod's cluster",
        message: "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
    }
    do throws(FileError) {
      let authority = try readFile(folder + "/ca.crt")
      let namespace = Credentials.trimmed((try? readFile(folder + "/namespace")) ?? Data("default".utf8))
      _ = try readFile(folder + "/token")
      return ClusterConnection(
        address: ServerAddress(
          base: "https://" + (host.contains(":") ? "[\(host)]" : host) + ":" + port, authority: authority),
        credentials: Credentials(source: .tokenFile(folder + "/token")),
        namespace: namespace.isEmpty ? "default" : namespace, label: "the pod's service account")
    } catch {
      throw ClusterError(.configuration, operation: "read the pod's service account", message: error.description)
    }
  }
}
