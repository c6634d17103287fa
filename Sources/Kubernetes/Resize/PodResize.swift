import Autoscaling
import FoundationEssentials

/// Which of a container's values a resize may move.
public enum ControlledValues: String, Sendable, CaseIterable {
  case limitsOnly = "LimitsOnly"
  case requestsOnly = "RequestsOnly"
  case requestsAndLimits = "RequestsAndLimits"

  /// Whether the pod's request goes wherever a resize goes, and not only out of a lower limit's way.
  public func moveRequest(of pod: Pod) -> Bool { self != .limitsOnly || pod.tiesRequestToLimit }
}

extension Pod {
  /// Whether the class needs each container's request to be its limit. Where the pod has resources of its own, they alone make
  /// the class.
  var tiesRequestToLimit: Bool { QualityOfService(self) == .guaranteed && !spec.hasOwnResources }
}

/// Why a resize is not sent at all.
public enum ResizeRefusal: Error, Sendable, Equatable, CustomStringConvertible {
  case noSuchContainer(String)
  /// The pod's class would change, and no neighbouring value keeps it.
  case qualityOfService(QualityOfService)
  /// The LimitRange, or the pod's own resources, leave no value.
  case limitRange(minimum: Millicores, maximum: Millicores)
  /// What the pod's other containers have breaks the LimitRange's ratio, whatever this one has.
  case limitRequestRatio(Double)
  case noLimit(String)

  public var description: String {
    switch self {
    case .noSuchContainer(let name): "there is no container '\(name)'"
    case .qualityOfService(let qos): "the pod's class \(qos.rawValue) would change"
    case .limitRange(let minimum, let maximum):
      "the namespace's LimitRange and the pod's own resources leave no CPU value (at least \(minimum)m, at most \(maximum)m)"
    case .limitRequestRatio(let ratio):
      "no CPU value keeps limit ÷ request within the \(ratio) that the namespace's LimitRange allows"
    case .noLimit(let name): "container '\(name)' has no CPU limit to move"
    }
  }
}

/// New CPU values of one container, made so that the API server accepts them: request ≤ limit, class of service kept,
/// LimitRange kept, no value removed. Pure.
public struct PodResize: Sendable, Equatable {
  public var namespace: String
  public var name: String
  /// The patch applies to this pod only, not to another that has taken its name.
  public var uid: String
  public var container: String
  public var isSidecar: Bool
  /// Millicores; nil where the container has none and gets none.
  public var limit: Millicores?
  public var request: Millicores?
  /// What differs from the pod's specification and is sent.
  public var changesLimit: Bool
  public var changesRequest: Bool

  public var isNeeded: Bool { changesLimit || changesRequest }

  /// Below 10m the CPU quota acts as 10m.
  public static let effectiveMinimum: Millicores = 10

  /// The resize that brings a container as near to `target` as the rules allow.
  ///
  /// - Parameters:
  ///   - target: the CPU limit (or request, when only requests move), millicores.
  ///   - requestBaseline: with `.limitsOnly`, the request to keep while it is below the limit, millicores; nil for the
  ///     present one. Without it a request that was lowered with the limit would stay low for ever.
  public init(
    of pod: Pod, container name: String, to target: Millicores, values: ControlledValues = .limitsOnly,
    requestBaseline: Millicores? = nil, bounds: LimitRangeBounds = LimitRangeBounds()
  ) throws(ResizeRefusal) {
    guard let container = pod.container(name) else { throw .noSuchContainer(name) }
    let most = bounds.largest(values, of: pod)
    guard bounds.minimum <= most, most > 0 else { throw .limitRange(minimum: bounds.minimum, maximum: most) }
    let oldLimit = container.resources?.limits["cpu"]?.millicores
    let oldRequest = container.resources?.requests["cpu"]?.millicores ?? oldLimit
    let qos = QualityOfService(pod)
    let wish = min(max(target, Self.effectiveMinimum, bounds.minimum), most)
    switch (pod.tiesRequestToLimit, values) {
    case _ where qos == .bestEffort: throw .qualityOfService(qos)
    case (true, .requestsOnly): throw .qualityOfService(qos)
    case (true, _), (false, .requestsAndLimits):
      limit = wish
      request = wish
    case (false, .limitsOnly):
      guard oldLimit != nil else { throw .noLimit(name) }
      limit = wish
      request = (requestBaseline ?? oldRequest).map { min($0, wish, bounds.requestMaximum) }
    case (false, .requestsOnly):
      limit = oldLimit
      request = min(wish, oldLimit ?? .max)
    }
    for ratio in bounds.ratios {
      // A limit that may not move makes the request give way, and the other way round.
      guard let request, let limit, !ratio.allows(limit: limit, request: request) else { continue }
      if values == .requestsOnly {
        self.request = min(limit, most, max(request, ratio.requestMinimum(limit: limit)))
      } else {
        self.limit = max(min(limit, ratio.limitMaximum(request: request)), request)
      }
    }

    self.container = name
    namespace = pod.metadata.namespace
    self.name = pod.metadata.name
    uid = pod.metadata.uid
    isSidecar = pod.isSidecar(name)
    changesLimit = false
    changesRequest = false

    if QualityOfService(spec: changed(pod.spec)) != qos, qos == .burstable, let limit {
      // Memory is request = limit everywhere already: the CPU request stays a hair below the limit.
      let below = limit - 1
      guard below >= max(1, bounds.minimum), values != .requestsOnly || below > 0 else { throw .qualityOfService(qos) }
      request = below
    }
    guard QualityOfService(spec: changed(pod.spec)) == qos else { throw .qualityOfService(qos) }
    if let limit, let request, let broken = bounds.ratios.first(where: { !$0.allows(limit: limit, request: request) }) {
      throw .limitRequestRatio(broken.maximum)
    }
    changesLimit = limit != oldLimit
    changesRequest = request != container.resources?.requests["cpu"]?.millicores
  }

  private func changed(_ spec: PodSpec) -> PodSpec {
    var spec = spec
    func change(_ containers: inout [Container]) {
      for place in containers.indices where containers[place].name == container {
        var resources = containers[place].resources ?? ResourceRequirements()
        if let limit { resources.limits["cpu"] = Quantity(millicores: limit) }
        if let request { resources.requests["cpu"] = Quantity(millicores: request) }
        containers[place].resources = resources
      }
    }
    if isSidecar { change(&spec.initContainers) } else { change(&spec.containers) }
    return spec
  }

  // MARK: Requests

  /// The strategic-merge patch: the leaves that change, and the uid as a condition. Written by hand: with a thousand pods a
  /// round the encoder would take most of the time there is.
  public var patch: Data {
    var parts: [String] = []
    if changesLimit, let limit { parts.append("\"limits\":{\"cpu\":\"\(Quantity(millicores: limit))\"}") }
    if changesRequest, let request { parts.append("\"requests\":{\"cpu\":\"\(Quantity(millicores: request))\"}") }
    let condition = uid.isEmpty ? "" : "\"metadata\":{\"uid\":\(jsonString(uid))},"
    let item = "{\"name\":\(jsonString(container)),\"resources\":{\(parts.joined(separator: ","))}}"
    return Data("{\(condition)\"spec\":{\"\(isSidecar ? "initContainers" : "containers")\":[\(item)]}}".utf8)
  }

  /// - Parameter dryRun: the server checks rights, admission and values, and changes nothing.
  public func apiRequest(endpoint: Discovery.ResizeEndpoint, dryRun: Bool = false) -> APIRequest {
    var request = APIRequest(
      .patch(.strategicMerge), endpoint == .subresource ? .podResize : .pods, namespace: namespace, name: name,
      query: ["fieldManager": "marlise", "fieldValidation": "Strict"], body: patch)
    if dryRun { request.query.append(.init(name: "dryRun", value: "All")) }
    return request
  }

  /// A resize to the values the pod has: with `dryRun`, proof that rights and feature gate are there.
  public static func proof(of pod: Pod, container name: String) -> PodResize? {
    guard let resources = pod.container(name)?.resources else { return nil }
    var resize = try? PodResize(of: pod, container: name, to: resources.limits["cpu"]?.millicores ?? 0)
    resize?.limit = resources.limits["cpu"]?.millicores
    resize?.request = resources.requests["cpu"]?.millicores
    resize?.changesLimit = resources.limits["cpu"] != nil
    resize?.changesRequest = resources.requests["cpu"] != nil
    return resize
  }
}

extension PodResize {
  /// The resize that gives a container values that it had before; nil when there is nothing to give. A limit that was added
  /// since cannot be taken away again.
  public init?(restoring pod: Pod, container name: String, limit: Millicores?, request: Millicores?) {
    guard let container = pod.container(name), limit != nil || request != nil else { return nil }
    namespace = pod.metadata.namespace
    self.name = pod.metadata.name
    uid = pod.metadata.uid
    self.container = container.name
    isSidecar = pod.isSidecar(name)
    self.limit = limit
    self.request = request
    changesLimit = limit != nil
    changesRequest = request != nil
  }
}

/// A text between quotes, as JSON wants it.
private func jsonString(_ text: String) -> String {
  var quoted = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": quoted += "\\\""
    case "\\": quoted += "\\\\"
    case _ where scalar.value < 32:
      let digits = String(scalar.value, radix: 16)
      quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "\""
}

/// Sorted keys: the same patch is the same bytes.
private func encoded(_ value: some Encodable) -> Data {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  // Strings and numbers of our own always encode.
  return (try? encoder.encode(value)) ?? Data()
}

/// Notes on a pod: its annotations, and the events that `kubectl describe` shows.
public enum PodNotes {
  /// Sets annotations (nil removes one) through the pod itself; needs the right to patch pods.
  public static func annotate(_ pod: Pod, _ annotations: [String: String?]) -> APIRequest {
    struct Body: Encodable {
      struct Metadata: Encodable {
        var annotations: [String: String?]
        var uid: String
      }
      var metadata: Metadata
    }
    return APIRequest(
      .patch(.strategicMerge), .pods, namespace: pod.metadata.namespace, name: pod.metadata.name,
      query: ["fieldManager": "marlise"],
      body: encoded(Body(metadata: .init(annotations: annotations, uid: pod.metadata.uid))))
  }

  /// Sets labels of a pod known by its name: of the one that we run in.
  public static func label(namespace: String, name: String, _ labels: [String: String]) -> APIRequest {
    APIRequest(
      .patch(.strategicMerge), .pods, namespace: namespace, name: name, query: ["fieldManager": "marlise"],
      body: encoded(["metadata": ["labels": labels]]))
  }

  public static func create(_ event: Event) -> APIRequest {
    APIRequest(.create, .events, namespace: event.involvedObject.namespace, body: encoded(event))
  }
}
