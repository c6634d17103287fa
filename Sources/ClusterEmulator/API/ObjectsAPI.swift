import HTTPServer
import Kubernetes

/// Leases, events, namespaces, limit ranges, quotas, nodes.
extension EmulatedCluster {
  func createNamespaces() {
    let names = Set(configuration.pods.map(\.namespace) + ["default", "kube-system"])
    for name in names.sorted() {
      objects[.init(plural: "namespaces", namespace: "", name: name)] = .object([
        "kind": .string("Namespace"), "apiVersion": .string("v1"),
        "metadata": .object([
          "name": .string(name), "uid": .string(newUID()), "resourceVersion": .string("\(nextResourceVersion())"),
          "creationTimestamp": .string(today), "labels": .strings(["kubernetes.io/metadata.name": name]),
        ]), "spec": .object(["finalizers": .array([.string("kubernetes")])]),
        "status": .object(["phase": .string("Active")]),
      ])
    }
  }

  /// Requests about objects that are only kept.
  func kept(
    _ request: ServerRequest, _ kind: ResourceKind, namespace: String?, name: String?, _ user: EmulatedUser
  ) throws(StatusError) -> ServerResponse {
    let isDryRun = request.parameter("dryRun") == "All"
    switch (request.method, name) {
    case ("GET", nil): return try listKept(request, kind, namespace)
    case ("GET", let name?):
      let found = try withLock { () throws(StatusError) in
        guard let object = listed(kind, namespace).first(where: { $0.at("metadata", "name")?.text == name }) else {
          throw kind.notFound(name)
        }
        return object
      }
      return Self.json(found)
    case ("POST", nil) where kind == .leases || kind == .events:
      try demandWrite(user, "create", kind, name: nil, namespace: namespace)
      return try createKept(request, kind, namespace ?? "default")
    case ("PUT", let name?) where kind == .leases || kind == .events:
      try demandWrite(user, "update", kind, name: name, namespace: namespace)
      let body = try Self.body(request)
      return Self.json(
        try withLock { () throws(StatusError) in
          try replaceKept(kind, namespace ?? "default", name, by: { _ in body }, isDryRun: isDryRun)
        })
    case ("PATCH", let name?) where kind == .leases || kind == .events:
      try demandWrite(user, "patch", kind, name: name, namespace: namespace)
      guard let how = PatchKind(contentType: request.contentType), how != .json else { throw .unsupportedMediaType }
      let body = try Self.body(request)
      return Self.json(
        try withLock { () throws(StatusError) in
          try replaceKept(
            kind, namespace ?? "default", name,
            by: { how == .merge ? Patch.merge(body, into: $0) : Patch.strategicMerge(body, into: $0) },
            isDryRun: isDryRun)
        })
    default: throw .noSuchMethod
    }
  }

  private static func body(_ request: ServerRequest) throws(StatusError) -> JSON {
    do throws(JSONError) {
      let body = try JSON(parsing: request.body)
      guard case .object = body else { throw JSONError(description: "the body is no object") }
      return body
    } catch {
      throw .badRequest(error.description)
    }
  }

  private func listed(_ kind: ResourceKind, _ namespace: String?) -> [JSON] {
    switch kind {
    case .limitRanges:
      return configuration.limitRanges.filter { namespace ?? $0.namespace == $0.namespace }.map(limitRange)
    case .resourceQuotas: return configuration.quotas.filter { namespace ?? $0.namespace == $0.namespace }.map(quota)
    default: return objects.list(kind.plural, namespace: namespace ?? (kind == .namespaces ? "" : nil))
    }
  }

  private func listKept(
    _ request: ServerRequest, _ kind: ResourceKind, _ namespace: String?
  ) throws(StatusError) -> ServerResponse {
    let labels = try LabelSelector(request.parameter("labelSelector") ?? "")
    let fields = try FieldSelector(
      request.parameter("fieldSelector") ?? "",
      allowed: ["metadata.name", "metadata.namespace", "reason", "type", "source", "reportingComponent"]
        + ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map {
          "involvedObject." + $0
        })
    return withLock {
      let items = listed(kind, namespace).filter { object in
        labels.matches(object.at("metadata", "labels")?.stringValues ?? [:])
          && fields.matches { field in
            field.split(separator: ".").reduce(object as JSON?) { $0?[String($1)] }?.text ?? ""
          }
      }.map { object -> JSON in
        var item = object
        item["kind"] = nil
        item["apiVersion"] = nil
        return item
      }
      let version = kind.group.isEmpty ? "v1" : kind.group + "/v1"
      return Self.json(
        .object([
          "kind": .string(kind.kind + "List"), "apiVersion": .string(version),
          "metadata": .object(["resourceVersion": .string("\(resourceVersion)")]), "items": .array(items),
        ]))
    }
  }

  private func createKept(
    _ request: ServerRequest, _ kind: ResourceKind, _ namespace: String
  ) throws(StatusError) -> ServerResponse {
    let body = try Self.body(request)
    let isDryRun = request.parameter("dryRun") == "All"
    return try withLock { () throws(StatusError) in
      guard objects[.init(plural: "namespaces", namespace: "", name: namespace)] != nil else {
        throw ResourceKind.namespaces.notFound(namespace)
      }
      var name = body.at("metadata", "name")?.text ?? ""
      if name.isEmpty, let prefix = body.at("metadata", "generateName")?.text { name = prefix + newSuffix() }
      guard !name.isEmpty else {
        throw kind.invalid(
          "",
          [
            .init(
              reason: "FieldValueRequired", message: "Required value: name or generateName is required",
              field: "metadata.name")
          ])
      }
      try check(body, kind, name, namespace)
      let key = ObjectStore.Key(plural: kind.plural, namespace: namespace, name: name)
      if objects[key] != nil { throw kind.alreadyExists(name) }
      var object = JSON.object([
        "kind": .string(kind.kind), "apiVersion": .string(kind.group.isEmpty ? "v1" : kind.group + "/v1"),
      ])
      var metadata = JSON.object(["name": .string(name)])
      if let prefix = body.at("metadata", "generateName") { metadata["generateName"] = prefix }
      metadata["namespace"] = .string(namespace)
      metadata["uid"] = .string(newUID())
      metadata["resourceVersion"] = .string("\(isDryRun ? resourceVersion : nextResourceVersion())")
      metadata["creationTimestamp"] = .string(today)
      for name in ["labels", "annotations"] { metadata[name] = body.at("metadata", name) }
      object["metadata"] = metadata
      for member in body.members where !["kind", "apiVersion", "metadata"].contains(member.name) {
        object[member.name] = member.value
      }
      if !isDryRun { objects[key] = object }
      return Self.json(object, status: 201)
    }
  }

  private func replaceKept(
    _ kind: ResourceKind, _ namespace: String, _ name: String, by change: (JSON) -> JSON, isDryRun: Bool
  ) throws(StatusError) -> JSON {
    let key = ObjectStore.Key(plural: kind.plural, namespace: namespace, name: name)
    guard let old = objects[key] else { throw kind.notFound(name) }
    var new = change(old)
    let wanted = new.at("metadata", "resourceVersion")?.text ?? ""
    if !wanted.isEmpty, wanted != old.at("metadata", "resourceVersion")?.text { throw kind.conflict(name) }
    try check(new, kind, name, namespace)
    // Who it is and when it came stay as they were.
    var metadata = old["metadata"] ?? .object([])
    metadata["resourceVersion"] = .string("\(isDryRun ? resourceVersion : nextResourceVersion())")
    for name in ["labels", "annotations"] { metadata[name] = new.at("metadata", name) }
    new["metadata"] = metadata
    new["kind"] = .string(kind.kind)
    new["apiVersion"] = .string(kind.group.isEmpty ? "v1" : kind.group + "/v1")
    if !isDryRun { objects[key] = new }
    return new
  }

  /// - Throws: `StatusError` for what the API server would not take.
  private func check(_ object: JSON, _ kind: ResourceKind, _ name: String, _ namespace: String) throws(StatusError) {
    if kind == .leases {
      for field in ["acquireTime", "renewTime"] {
        guard let text = object.at("spec", field)?.text else { continue }
        let layout = "2006-01-02T15:04:05.000000Z07:00"
        func complaint(_ what: String) -> StatusError {
          .badRequest(
            "Lease in version \"v1\" cannot be handled as a Lease: parsing time \"\(text)\" as \"\(layout)\": \(what)")
        }
        guard Timestamp(text) != nil else { throw complaint("cannot parse \"\(text)\" as \"2006\"") }
        let fraction = text.split(separator: ".", maxSplits: 1).dropFirst().first?.prefix { $0.isNumber } ?? ""
        if fraction.count != 6 {
          throw complaint("cannot parse \"\(text.dropFirst(19))\" as \".000000\"")
        }
      }
      if let seconds = object.at("spec", "leaseDurationSeconds")?.integer, seconds <= 0 {
        throw kind.invalid(
          name,
          [
            .init(
              reason: "FieldValueInvalid", message: "Invalid value: \(seconds): must be greater than 0",
              field: "spec.leaseDurationSeconds")
          ])
      }
    } else if kind == .events {
      let place = object.at("involvedObject", "namespace")?.text ?? object.at("regarding", "namespace")?.text
      if let place, place != namespace {
        throw kind.invalid(
          name, [ResizeValidation.invalid("involvedObject.namespace", place, "does not match event.namespace")])
      }
    }
  }

  private func limitRange(_ rule: LimitRangeRule) -> JSON {
    var entry = JSON.object(["type": .string("Container")])
    for (name, value) in [("max", rule.maximum), ("min", rule.minimum), ("maxLimitRequestRatio", rule.ratioMaximum)] {
      if let value { entry[name] = .strings(["cpu": value.description]) }
    }
    return .object([
      "kind": .string("LimitRange"), "apiVersion": .string("v1"),
      "metadata": .object([
        "name": .string(rule.name), "namespace": .string(rule.namespace), "resourceVersion": .string("1"),
        "creationTimestamp": .string(APITime.text(epoch)),
      ]), "spec": .object(["limits": .array([entry])]),
    ])
  }

  private func quota(_ rule: QuotaRule) -> JSON {
    let use = use(of: rule.namespace)
    var (hard, used): ([String: String], [String: String]) = ([:], [:])
    if let limits = rule.limits {
      hard["limits.cpu"] = limits.description
      used["limits.cpu"] = Quantity(millicores: use.limits).description
    }
    if let requests = rule.requests {
      hard["requests.cpu"] = requests.description
      used["requests.cpu"] = Quantity(millicores: use.requests).description
    }
    return .object([
      "kind": .string("ResourceQuota"), "apiVersion": .string("v1"),
      "metadata": .object([
        "name": .string(rule.name), "namespace": .string(rule.namespace),
        "resourceVersion": .string("\(resourceVersion)"), "creationTimestamp": .string(APITime.text(epoch)),
      ]), "spec": .object(["hard": .strings(hard)]),
      "status": .object(["hard": .strings(hard), "used": .strings(used)]),
    ])
  }

  /// Writes an event as a kubelet does; one that says the same again is counted up.
  func noteEvent(_ pod: PodRecord, type: String, reason: String, message: String) {
    let identity = pod.identity
    let moment = today
    let key = ObjectStore.Key(
      plural: "events", namespace: identity.namespace, name: "\(identity.name).\(newSuffix())\(newSuffix())")
    objects[key] = .object([
      "kind": .string("Event"), "apiVersion": .string("v1"),
      "metadata": .object([
        "name": .string(key.name), "namespace": .string(key.namespace), "uid": .string(newUID()),
        "resourceVersion": .string("\(nextResourceVersion())"), "creationTimestamp": .string(moment),
      ]),
      "involvedObject": .object([
        "kind": .string("Pod"), "namespace": .string(identity.namespace), "name": .string(identity.name),
        "uid": .string(identity.uid), "apiVersion": .string("v1"), "resourceVersion": .string("\(pod.resourceVersion)"),
      ]), "reason": .string(reason), "message": .string(message),
      "source": .object(["component": .string("kubelet"), "host": .string(identity.node)]),
      "firstTimestamp": .string(moment), "lastTimestamp": .string(moment), "count": .number("1"),
      "type": .string(type), "eventTime": .null, "reportingComponent": .string("kubelet"),
      "reportingInstance": .string(identity.node),
    ])
  }

  // MARK: Nodes

  func nodeIndex(_ name: String) -> Int? {
    guard name.hasPrefix("node-"), let index = Int(name.dropFirst(5)), (0..<configuration.nodes).contains(index),
      name == EmulatorConfiguration.nodeName(index)
    else { return nil }
    return index
  }

  func nodes(_ request: ServerRequest, name: String?) throws(StatusError) -> ServerResponse {
    guard request.method == "GET" else { throw .noSuchMethod }
    return try withLock { () throws(StatusError) in
      if let name {
        guard let index = nodeIndex(name) else { throw ResourceKind.nodes.notFound(name) }
        var object = JSON.object(["kind": .string("Node"), "apiVersion": .string("v1")])
        for member in node(index).members { object[member.name] = member.value }
        return Self.json(object)
      }
      return Self.json(
        .object([
          "kind": .string("NodeList"), "apiVersion": .string("v1"),
          "metadata": .object(["resourceVersion": .string("\(resourceVersion)")]),
          "items": .array((0..<configuration.nodes).map(node)),
        ]))
    }
  }

  private func node(_ index: Int) -> JSON {
    let name = EmulatorConfiguration.nodeName(index)
    let resources: [String: String] = [
      "cpu": Quantity(millicores: configuration.nodeCPU).description,
      "memory": Quantity(bytes: configuration.nodeMemory).description, "pods": "110",
    ]
    func condition(_ type: String, _ status: String, _ reason: String, _ message: String) -> JSON {
      .object([
        "type": .string(type), "status": .string(status), "lastHeartbeatTime": .string(today),
        "lastTransitionTime": .string(APITime.text(epoch)), "reason": .string(reason), "message": .string(message),
      ])
    }
    return .object([
      "metadata": .object([
        "name": .string(name), "uid": .string("00000000-0000-4000-8000-" + String(100_000_000_000 + index)),
        "resourceVersion": .string("\(resourceVersion)"), "creationTimestamp": .string(APITime.text(epoch)),
        "labels": .strings([
          "kubernetes.io/arch": "amd64", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
        ]),
      ]), "spec": .object([]),
      "status": .object([
        "capacity": .strings(resources), "allocatable": .strings(resources),
        "conditions": .array([
          condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
          condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
          condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
          condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ]),
        "addresses": .array([
          .object(["type": .string("InternalIP"), "address": .string(Self.nodeAddress(index))]),
          .object(["type": .string("Hostname"), "address": .string(name)]),
        ]), "daemonEndpoints": .object(["kubeletEndpoint": .object(["Port": .number("10250")])]),
        "nodeInfo": .object([
          "machineID": .string(""), "systemUUID": .string(""), "bootID": .string(""), "kernelVersion": .string("6.1.0"),
          "osImage": .string("Debian GNU/Linux 12 (bookworm)"),
          "containerRuntimeVersion": .string("containerd://2.1.0"),
          "kubeletVersion": .string(configuration.version.gitVersion), "kubeProxyVersion": .string(""),
          "operatingSystem": .string("linux"), "architecture": .string("amd64"),
        ]),
      ]),
    ])
  }
}
