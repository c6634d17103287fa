import FoundationEssentials

/// A kind of object of the API, with the subresource that is meant.
public struct APIResourceName: Sendable, Hashable {
  /// Empty for the core group.
  public var group: String
  public var version: String
  public var plural: String
  public var subresource: String

  public init(group: String = "", version: String = "v1", _ plural: String, subresource: String = "") {
    self.group = group
    self.version = version
    self.plural = plural
    self.subresource = subresource
  }

  public static let pods = APIResourceName("pods")
  public static let podResize = APIResourceName("pods", subresource: "resize")
  public static let nodes = APIResourceName("nodes")
  public static let nodeProxy = APIResourceName("nodes", subresource: "proxy")
  public static let limitRanges = APIResourceName("limitranges")
  public static let resourceQuotas = APIResourceName("resourcequotas")
  public static let events = APIResourceName("events")
  public static let leases = APIResourceName(group: "coordination.k8s.io", "leases")
  public static let podMetrics = APIResourceName(group: "metrics.k8s.io", version: "v1beta1", "pods")

  /// As authorization rules name it: `pods/resize`.
  public var ruleName: String { subresource.isEmpty ? plural : plural + "/" + subresource }
}

/// How a patch is written. JSON merge patch is not offered: it replaces the whole list of containers.
public enum PatchType: String, Sendable {
  case strategicMerge = "application/strategic-merge-patch+json"
  case json = "application/json-patch+json"
  case apply = "application/apply-patch+yaml"
}

/// One request to the API, known by what it does: verb, resource, object. The path and the right it needs follow from that.
public struct APIRequest: Sendable, Equatable, CustomStringConvertible {
  public enum Verb: Sendable, Equatable {
    case get, list, watch, create, update
    case patch(PatchType)

    var method: HTTPRequest.Method {
      switch self {
      case .get, .list, .watch: .get
      case .create: .post
      case .update: .put
      case .patch: .patch
      }
    }

    public var name: String {
      switch self {
      case .get: "get"
      case .list: "list"
      case .watch: "watch"
      case .create: "create"
      case .update: "update"
      case .patch: "patch"
      }
    }

    var isWrite: Bool {
      switch self {
      case .get, .list, .watch: false
      case .create, .update, .patch: true
      }
    }
  }

  public enum Target: Sendable, Equatable {
    case object(APIResourceName, namespace: String?, name: String?)
    /// `/version` and the like.
    case path(String)
  }

  public var verb: Verb
  public var target: Target
  public var query: [Parameter] = []
  public var body: Data?
  /// Appended to the object's path, for proxies: `metrics/cadvisor`.
  public var suffix = ""
  public var accept = "application/json"
  /// Seconds.
  public var timeout: Double = 10
  /// Whether even a read is sent once only, however it fails: for what is asked again anyway.
  public var isTriedOnce = false
  /// Seconds that a write may wait for its turn when the budget of writes is used up.
  public var writePatience: Double = 0

  public struct Parameter: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  public init(
    _ verb: Verb, _ resource: APIResourceName, namespace: String? = nil, name: String? = nil,
    query: KeyValuePairs<String, String> = [:], body: Data? = nil
  ) {
    self.verb = verb
    target = .object(resource, namespace: namespace, name: name)
    self.query = query.map { Parameter(name: $0.key, value: $0.value) }
    self.body = body
  }

  public init(get path: String) {
    verb = .get
    target = .path(path)
  }

  /// Whether sending it twice is the same as once: reads, and writes that are only tried.
  var isRepeatable: Bool { !verb.isWrite || query.contains(.init(name: "dryRun", value: "All")) }

  /// What it does, for people: `patch pods/resize web in default`.
  public var description: String {
    switch target {
    case .path(let path): return "\(verb.name) \(path)"
    case .object(let resource, let namespace, let name):
      var text = "\(verb.name) \(resource.ruleName)"
      if let name { text += " " + name }
      if let namespace { text += " in " + namespace }
      return text
    }
  }

  /// The authorization rule that allows it.
  public var rule: String {
    switch target {
    case .path(let path): return "{nonResourceURLs: [\(path)], verbs: [get]}"
    case .object(let resource, _, _):
      return "{apiGroups: [\"\(resource.group)\"], resources: [\(resource.ruleName)], verbs: [\(verb.name)]}"
    }
  }

  var path: String {
    var text: String
    switch target {
    case .path(let path): text = path
    case .object(let resource, let namespace, let name):
      text = resource.group.isEmpty ? "/api/\(resource.version)" : "/apis/\(resource.group)/\(resource.version)"
      if let namespace { text += "/namespaces/" + percentEncoded(namespace) }
      text += "/" + resource.plural
      if let name { text += "/" + percentEncoded(name) }
      if !resource.subresource.isEmpty { text += "/" + resource.subresource }
    }
    if !suffix.isEmpty { text += "/" + suffix }
    if query.isEmpty { return text }
    return text + "?" + query.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" }.joined(separator: "&")
  }
}
