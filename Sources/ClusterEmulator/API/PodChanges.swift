import HTTPServer
import Kubernetes

/// PATCH and PUT of pods and their resize.
extension EmulatedCluster {
  /// What a client wants to write, read before the lock is taken.
  private struct Wanted {
    var kind: PatchKind?
    var body: JSON
    var isDryRun: Bool
    var warnings: [String]
  }

  func change(
    _ request: ServerRequest, _ key: PodKey, isResize: Bool, _ user: EmulatedUser
  ) throws(StatusError) -> ServerResponse {
    try demandWrite(
      user, request.method == "PUT" ? "update" : "patch", .pods, subresource: isResize ? "resize" : "", name: key.name,
      namespace: key.namespace)
    let wanted = try read(request)
    let outcome = try withLock { () throws(StatusError) in try apply(wanted, key, isResize: isResize) }
    var response = Self.json(outcome)
    for warning in wanted.warnings { response = response.adding("Warning", "299 - \"\(warning)\"") }
    return response
  }

  private func read(_ request: ServerRequest) throws(StatusError) -> Wanted {
    var kind: PatchKind?
    if request.method == "PATCH" {
      guard let found = PatchKind(contentType: request.contentType) else { throw .unsupportedMediaType }
      kind = found
    }
    let body: JSON
    do throws(JSONError) {
      body = try JSON(parsing: request.body)
    } catch {
      throw .badRequest(error.description)
    }
    if kind != .json, case .object = body {
    } else if kind != .json {
      throw .badRequest("json: cannot unmarshal \(Self.goKind(body)) into Go value of type map[string]interface {}")
    }
    var warnings: [String] = []
    let unknown = kind == .json ? [] : PodWish.unknownFields(body)
    switch request.parameter("fieldValidation") ?? "Warn" {
    case "Ignore": break
    case "Strict":
      if !unknown.isEmpty {
        throw .unreadablePatch(
          body.goText,
          "strict decoding error: " + unknown.map { "unknown field \"\($0)\"" }.joined(separator: ", "))
      }
    default: warnings = unknown.map { "unknown field \\\"\($0)\\\"" }
    }
    let dryRun = request.parameter("dryRun")
    guard dryRun == nil || dryRun == "All" else {
      throw StatusError(
        code: 422, reason: "Invalid",
        message: "PatchOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"\(dryRun ?? "")\": supported "
          + "values: \"All\"")
    }
    return Wanted(kind: kind, body: body, isDryRun: dryRun != nil, warnings: warnings)
  }

  private static func goKind(_ json: JSON) -> String {
    switch json {
    case .null: "null"
    case .bool: "bool"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }

  /// The changed pod, whole.
  private func apply(_ wanted: Wanted, _ key: PodKey, isResize: Bool) throws(StatusError) -> [UInt8] {
    guard let version = store.pods[key] else { throw ResourceKind.pods.notFound(key.name) }
    let pod = version.record
    let wish = try wish(wanted, version)
    if !wish.resourceVersion.isEmpty, wish.resourceVersion != "\(pod.resourceVersion)" {
      throw ResourceKind.pods.conflict(key.name)
    }
    if !wish.uid.isEmpty, wish.uid != pod.identity.uid {
      let cause = ResizeValidation.invalid("metadata.uid", wish.uid, "field is immutable")
      var error = ResourceKind.pods.invalid(key.name, [cause])
      error.causes.append(cause)
      throw error
    }
    var changed = pod
    let resources = wish.containers.map(\.resources)
    let isResized = resources != pod.desired || wish.containers.map(\.name) != pod.identity.containers.map(\.name)
    if !isResize {
      changed.labels = wish.labels
      changed.annotations = wish.annotations
      if isResized, configuration.version.hasResizeSubresource {
        throw ResourceKind.pods.invalid(key.name, [Self.plainPodCause])
      }
    }
    if isResized {
      let causes = ResizeValidation.causes(wish, of: pod, version: configuration.version)
      if !causes.isEmpty { throw ResourceKind.pods.invalid(key.name, causes) }
      try Admission.limitRange(resources, configuration.limitRanges, pod: pod)
      if configuration.version.refusesAboveNode {
        try Admission.nodeCapacity(resources, pod: pod, allocatable: allocatable(pod.identity.node))
      }
      if !configuration.quotas.isEmpty {
        try Admission.quota(resources, configuration.quotas, pod: pod, used: use(of: key.namespace))
      }
      changed.desired = resources
      changed.generation += 1
    } else if isResize || (changed.labels == pod.labels && changed.annotations == pod.annotations) {
      return version.object
    }
    if wanted.isDryRun { return PodVersion(changed, rendering: rendering).object }
    changed.resourceVersion = nextResourceVersion()
    let result = PodVersion(changed, rendering: rendering)
    store.put(result)
    let bytes = result.object
    if isResized { noteWish(pod.identity) }
    return bytes
  }

  private func wish(_ wanted: Wanted, _ version: PodVersion) throws(StatusError) -> PodWish {
    let document: JSON
    do throws(JSONError) {
      document = try JSON(parsing: version.object)
    } catch {
      throw .badRequest(error.description)
    }
    var result: JSON
    switch wanted.kind {
    case .strategicMerge, .apply: result = Patch.strategicMerge(wanted.body, into: document)
    case .merge: result = Patch.merge(wanted.body, into: document)
    case .json: result = try Patch.json(wanted.body, to: document)
    case nil: result = wanted.body
    }
    // A version that the client did not name is no condition.
    if wanted.kind != .json, wanted.body.at("metadata", "resourceVersion") == nil { result.forget("resourceVersion") }
    do throws(QuantityError) {
      return try PodWish(result)
    } catch {
      let quoted =
        wanted.kind == .strategicMerge || wanted.kind == .apply
        ? wanted.body.goText
        : String(
          decoding: JSON.string(String(decoding: result.bytes, as: UTF8.self)).bytes.dropFirst().dropLast(),
          as: UTF8.self)
      throw .unreadablePatch(
        quoted, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    }
  }

  private static let plainPodCause = ResizeValidation.forbidden(
    "spec",
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
      + "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
      + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n")

  /// CPU that a namespace's pods ask for.
  func use(of namespace: String) -> Admission.Use {
    var use = Admission.Use()
    for (key, pod) in store.pods where key.namespace == namespace {
      let total = Resources.sum(pod.record.desired)
      use.limits = saturatingSum(use.limits, total.limits.cpu?.millicores ?? 0)
      use.requests = saturatingSum(use.requests, total.requests.cpu?.millicores ?? 0)
    }
    return use
  }
}

extension JSON {
  /// Removes a member of `metadata`.
  fileprivate mutating func forget(_ name: String) {
    guard var metadata = self["metadata"] else { return }
    metadata[name] = nil
    self["metadata"] = metadata
  }
}
