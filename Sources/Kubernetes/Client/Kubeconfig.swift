import FoundationEssentials

/// A kubeconfig, or several merged: of entries of one name the first wins, as with kubectl.
public struct Kubeconfig: Sendable {
  private struct Entry: Sendable {
    var node: YAMLNode
    /// The folder of the file: relative paths inside start there.
    var folder: String
  }

  private var contexts: [String: Entry] = [:]
  private var clusters: [String: Entry] = [:]
  private var users: [String: Entry] = [:]
  /// Names in the order of the files.
  public private(set) var contextNames: [String] = []
  public private(set) var currentContext: String?
  private let source: String

  private static func failure(_ operation: String, _ message: String) -> ClusterError {
    ClusterError(.configuration, operation: operation, message: message)
  }

  public init(files: [String]) throws(ClusterError) {
    source = files.joined(separator: ":")
    for file in files {
      let data: Data
      do throws(FileError) {
        data = try readFile(file)
      } catch {
        throw Self.failure("read the kubeconfig", error.description)
      }
      let folder = file.contains("/") ? String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]) : "."
      try add(data, folder: folder.isEmpty ? "/" : folder, name: file)
    }
  }

  private mutating func add(_ data: Data, folder: String, name: String) throws(ClusterError) {
    let root: YAMLNode
    do throws(YAMLError) {
      root = try YAMLNode(data)
    } catch {
      throw Self.failure("read the kubeconfig", "\(name), \(error.description)")
    }
    guard case .mapping = root else { throw Self.failure("read the kubeconfig", "\(name) is no kubeconfig") }
    func entries(_ list: String, _ key: String) -> [(String, Entry)] {
      (root[list]?.items ?? []).compactMap { item in
        guard let name = item["name"]?.text else { return nil }
        return (name, Entry(node: item[key] ?? .mapping([:]), folder: folder))
      }
    }
    for (name, entry) in entries("contexts", "context") where contexts[name] == nil {
      contexts[name] = entry
      contextNames.append(name)
    }
    for (name, entry) in entries("clusters", "cluster") where clusters[name] == nil { clusters[name] = entry }
    for (name, entry) in entries("users", "user") where users[name] == nil { users[name] = entry }
    if currentContext == nil { currentContext = root["current-context"]?.text }
  }

  /// The connection that a context describes; nil means the current one.
  public func connection(context: String? = nil) throws(ClusterError) -> ClusterConnection {
    let known = contextNames.isEmpty ? "it has none" : "it has \(contextNames.joined(separator: ", "))"
    guard let name = context ?? currentContext, !name.isEmpty else {
      throw Self.failure("choose a context", "\(source) names no current-context; \(known)")
    }
    guard let chosen = contexts[name] else {
      throw Self.failure("choose a context", "there is no context '\(name)' in \(source); \(known)")
    }
    let operation = "use context '\(name)'"
    guard let clusterName = chosen.node["cluster"]?.text, let cluster = clusters[clusterName] else {
      throw Self.failure(operation, "its cluster is not in \(source)")
    }
    guard let server = cluster.node["server"]?.text, let url = URL(string: server), let host = url.host, !host.isEmpty,
      url.scheme == "https" || url.scheme == "http"
    else {
      throw Self.failure(operation, "cluster '\(clusterName)' has no server of the form https://host:port")
    }
    if cluster.node["insecure-skip-tls-verify"]?.isTrue == true {
      throw Self.failure(
        operation,
        "insecure-skip-tls-verify is not accepted: give the cluster's certificate-authority, "
          + "and tls-server-name where the certificate carries another name")
    }
    let address = ServerAddress(
      base: server, authority: try Self.pem(cluster, "certificate-authority", operation),
      tlsServerName: cluster.node["tls-server-name"]?.text, proxy: cluster.node["proxy-url"]?.text)
    let userName = chosen.node["user"]?.text ?? ""
    let credentials: Credentials
    if userName.isEmpty {
      credentials = Credentials(source: .none)
    } else if let user = users[userName] {
      credentials = try Self.credentials(user, operation)
    } else {
      throw Self.failure(operation, "its user '\(userName)' is not in \(source)")
    }
    if address.isPlain, !address.isLoopback, credentials.source != .none {
      throw Self.failure(operation, "\(server) is not encrypted: credentials are not sent there")
    }
    return ClusterConnection(
      address: address, credentials: credentials, namespace: chosen.node["namespace"]?.text ?? "default",
      label: "context '\(name)'")
  }

  private static func credentials(_ user: Entry, _ operation: String) throws(ClusterError) -> Credentials {
    if user.node["auth-provider"] != nil || user.node["username"] != nil {
      throw failure(operation, "auth-provider and passwords are no longer a way into Kubernetes; use a token or exec")
    }
    let certificate = try pem(user, "client-certificate", operation)
    let key = try pem(user, "client-key", operation)
    var identity: TLSIdentity?
    switch (certificate, key) {
    case (let certificate?, let key?): identity = TLSIdentity(certificate: certificate, key: key)
    case (nil, nil): break
    default: throw failure(operation, "client-certificate and client-key must be given together")
    }
    var source = CredentialSource.none
    // A token file wins over a token, as with kubectl.
    if let path = user.node["tokenFile"]?.text {
      source = .tokenFile(resolve(path, user.folder))
    } else if let token = user.node["token"]?.text {
      guard Credentials.isHeaderSafe(token) else { throw failure(operation, "its token has blanks in it") }
      source = .token(token)
    } else if let exec = user.node["exec"] {
      source = .exec(try plugin(exec, user.folder, operation))
    }
    return Credentials(source: source, identity: identity)
  }

  private static func plugin(_ exec: YAMLNode, _ folder: String, _ operation: String) throws(ClusterError) -> ExecPlugin
  {
    guard let command = exec["command"]?.text else { throw failure(operation, "its exec has no command") }
    if exec["interactiveMode"]?.text == "Always" {
      throw failure(
        operation, "'\(command)' wants a terminal (interactiveMode: Always), which a controller does not have")
    }
    var environment: [String: String] = [:]
    for variable in exec["env"]?.items ?? [] {
      if let name = variable["name"]?.text { environment[name] = variable["value"]?.text ?? "" }
    }
    return ExecPlugin(
      // A name without a slash is looked up in PATH.
      command: command.contains("/") ? resolve(command, folder) : command,
      arguments: (exec["args"]?.items ?? []).compactMap(\.text), environment: environment,
      apiVersion: exec["apiVersion"]?.text ?? "client.authentication.k8s.io/v1",
      installHint: (exec["installHint"]?.text ?? "").split(separator: "\n").joined(separator: " "))
  }

  private static func resolve(_ path: String, _ folder: String) -> String {
    path.hasPrefix("/") ? path : folder + "/" + path
  }

  /// A certificate or key: inline (`<key>-data`, base64), which wins, or in a file.
  private static func pem(_ entry: Entry, _ key: String, _ operation: String) throws(ClusterError) -> Data? {
    if let text = entry.node[key + "-data"]?.text {
      guard let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters), !data.isEmpty else {
        throw failure(operation, "its \(key)-data is not base64")
      }
      return data
    }
    guard let path = entry.node[key]?.text else { return nil }
    do throws(FileError) {
      return try readFile(resolve(path, entry.folder))
    } catch {
      throw failure(operation, "its \(key): \(error.description)")
    }
  }
}
