import HTTPServer

/// What the API says about itself.
extension EmulatedCluster {
  func discovery(_ request: ServerRequest) throws(StatusError) -> ServerResponse {
    guard request.method == "GET" else { throw .noSuchMethod }
    switch request.path {
    case "/version": return Self.json(version)
    case "/api":
      return Self.json(
        .object(["kind": .string("APIVersions"), "versions": .array([.string("v1")])]))
    case "/api/v1": return Self.json(resources("v1", core))
    case "/apis":
      return Self.json(
        .object([
          "kind": .string("APIGroupList"), "apiVersion": .string("v1"), "groups": .array(groups.map(Self.group)),
        ]))
    default:
      let parts = request.segments
      guard let found = groups.first(where: { $0.name == parts[1] }) else {
        if parts[1] == ResourceKind.podMetrics.group { return ServerResponse(404, text: "404 page not found\n") }
        throw .noSuchPath
      }
      if parts.count == 2 {
        var group = Self.group(found)
        group["kind"] = .string("APIGroup")
        group["apiVersion"] = .string("v1")
        return Self.json(group)
      }
      guard parts[2] == found.version else { throw .noSuchPath }
      return Self.json(resources(found.name + "/" + found.version, found.resources))
    }
  }

  private var version: JSON {
    let minor = configuration.version.minor
    return .object([
      "major": .string("1"), "minor": .string("\(minor)"), "gitVersion": .string(configuration.version.gitVersion),
      "gitCommit": .string(""), "gitTreeState": .string("clean"), "buildDate": .string("1970-01-01T00:00:00Z"),
      "goVersion": .string(""), "compiler": .string(""), "platform": .string("linux/amd64"),
    ])
  }

  private struct Resource {
    var name: String
    var singular: String
    var kind: String
    var isNamespaced = true
    var verbs: [String]
    var short: [String] = []
  }

  private struct Group {
    var name: String
    var version: String
    var resources: [Resource]
  }

  private var core: [Resource] {
    let all = ["create", "get", "list", "patch", "update"]
    let read = ["get", "list"]
    var resources = [
      Resource(name: "events", singular: "event", kind: "Event", verbs: all, short: ["ev"]),
      Resource(name: "limitranges", singular: "limitrange", kind: "LimitRange", verbs: read, short: ["limits"]),
      Resource(
        name: "namespaces", singular: "namespace", kind: "Namespace", isNamespaced: false, verbs: read, short: ["ns"]),
      Resource(name: "nodes", singular: "node", kind: "Node", isNamespaced: false, verbs: read, short: ["no"]),
      Resource(name: "nodes/proxy", singular: "", kind: "NodeProxyOptions", isNamespaced: false, verbs: ["get"]),
      Resource(
        name: "pods", singular: "pod", kind: "Pod", verbs: ["get", "list", "patch", "update", "watch"], short: ["po"]),
    ]
    if configuration.version.hasResizeSubresource {
      resources.append(Resource(name: "pods/resize", singular: "", kind: "Pod", verbs: ["get", "patch", "update"]))
    }
    resources.append(
      Resource(
        name: "resourcequotas", singular: "resourcequota", kind: "ResourceQuota", verbs: read, short: ["quota"]))
    return resources
  }

  private var groups: [Group] {
    let all = ["create", "get", "list", "patch", "update"]
    var groups = [
      Group(
        name: "events.k8s.io", version: "v1",
        resources: [Resource(name: "events", singular: "event", kind: "Event", verbs: all, short: ["ev"])]),
      Group(
        name: "coordination.k8s.io", version: "v1",
        resources: [Resource(name: "leases", singular: "lease", kind: "Lease", verbs: all)]),
    ]
    if configuration.metricsServerInterval > 0 {
      groups.append(
        Group(
          name: "metrics.k8s.io", version: "v1beta1",
          resources: [
            Resource(name: "nodes", singular: "", kind: "NodeMetrics", isNamespaced: false, verbs: ["get", "list"]),
            Resource(name: "pods", singular: "", kind: "PodMetrics", verbs: ["get", "list"]),
          ]))
    }
    return groups
  }

  private static func group(_ group: Group) -> JSON {
    let version = JSON.object([
      "groupVersion": .string(group.name + "/" + group.version), "version": .string(group.version),
    ])
    return .object(["name": .string(group.name), "versions": .array([version]), "preferredVersion": version])
  }

  private func resources(_ version: String, _ list: [Resource]) -> JSON {
    .object([
      "kind": .string("APIResourceList"), "apiVersion": .string("v1"), "groupVersion": .string(version),
      "resources": .array(
        list.map { resource in
          var entry = JSON.object([
            "name": .string(resource.name), "singularName": .string(resource.singular),
            "namespaced": .bool(resource.isNamespaced), "kind": .string(resource.kind),
            "verbs": .array(resource.verbs.map(JSON.string)),
          ])
          if !resource.short.isEmpty { entry["shortNames"] = .array(resource.short.map(JSON.string)) }
          return entry
        }),
    ])
  }
}
