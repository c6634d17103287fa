import Autoscaling

/// One pod that is driven: the container in it, and its values in force.
public struct SelectedPod: Sendable, Equatable {
  /// What is large and never changes is shared: thousands of pods are handed around every round.
  private final class Held: Sendable {
    let pod: Pod
    let key: String
    let containerID: String
    let meterKey: String

    init(_ pod: Pod, container: String) {
      self.pod = pod
      key = pod.key
      containerID = String(pod.containerStatus(container)?.runtimeID ?? "")
      meterKey = "\(pod.metadata.uid)/\(container)/\(containerID)"
    }
  }

  private let held: Held
  public let container: String
  /// In force on the node, millicores.
  public let limit: Millicores
  public let request: Millicores
  public let settings: PodSettings

  public init(pod: Pod, container: String, limit: Millicores, request: Millicores, settings: PodSettings) {
    held = Held(pod, container: container)
    self.container = container
    self.limit = limit
    self.request = request
    self.settings = settings
  }

  public var pod: Pod { held.pod }
  public var key: String { held.key }
  public var name: String { held.pod.metadata.name }
  public var namespace: String { held.pod.metadata.namespace }
  public var uid: String { held.pod.metadata.uid }
  public var node: String { held.pod.spec.nodeName }
  /// The runtime's identifier of the container; changes when it restarts.
  public var containerID: String { held.containerID }
  /// Another for every start of a container.
  var meterKey: String { held.meterKey }

  public static func == (a: SelectedPod, b: SelectedPod) -> Bool {
    (a.held === b.held || a.held.pod == b.held.pod) && a.container == b.container && a.limit == b.limit
      && a.request == b.request && a.settings == b.settings
  }
}

/// Which pods are driven, and why the others are not. Pure.
public struct PodSelection: Sendable, Equatable {
  /// Empty: all that the account may see.
  public var namespaces: [String]
  /// As the API takes it, e.g. `app=localization-api`; empty for all.
  public var labelSelector: String
  /// nil: the pod's only container.
  public var container: String?
  /// A label that a pod must carry with the value `true`; nil where the selector is enough.
  public var optInLabel: String?
  /// The first so many by name; nil for all.
  public var countMaximum: Int?
  /// Only the pods of this node; nil for all.
  public var node: String?

  public init(
    namespaces: [String] = [], labelSelector: String = "", container: String? = nil, optInLabel: String? = nil,
    countMaximum: Int? = nil
  ) {
    self.namespaces = namespaces
    self.labelSelector = labelSelector
    self.container = container
    self.optInLabel = optInLabel
    self.countMaximum = countMaximum
  }

  /// What the server is asked to leave out, as parameters of a list or a watch.
  public var selectors: [APIRequest.Parameter] {
    var parameters: [APIRequest.Parameter] = []
    if !labelSelector.isEmpty { parameters.append(.init(name: "labelSelector", value: labelSelector)) }
    if let node { parameters.append(.init(name: "fieldSelector", value: "spec.nodeName=" + node)) }
    return parameters
  }

  /// Why a pod is not driven.
  public enum Reason: Error, Sendable, Equatable, CustomStringConvertible {
    /// Said by the user: no opt-in, mode off, or beyond the count.
    case notWanted
    /// May become eligible by itself.
    case notRunning(String)
    case noSuchContainer(String, has: [String])
    case severalContainers([String])
    case bestEffort
    case noLimit(String)
    case staticPod
    case windows
    case deviceClaims(String)
    case restartsOnResize(String)
    case nodeWithoutResize
    case settings(PodSettings.Failure)

    public var description: String {
      switch self {
      case .notWanted: "not selected"
      case .notRunning(let state): "not running (\(state))"
      case .noSuchContainer(let name, let has): "has no container '\(name)'; it has \(has.joined(separator: ", "))"
      case .severalContainers(let names):
        "has several containers (\(names.joined(separator: ", "))): name one with --container"
      case .bestEffort: "is BestEffort (no requests, no limits): Kubernetes cannot resize it"
      case .noLimit(let name): "container '\(name)' has no CPU limit to move"
      case .staticPod: "is a static pod: Kubernetes cannot resize it"
      case .windows: "is a Windows pod: Kubernetes cannot resize it"
      case .deviceClaims(let name): "container '\(name)' has device claims: Kubernetes cannot resize it"
      case .restartsOnResize(let name):
        "container '\(name)' would be restarted by a resize (resizePolicy RestartContainer)"
      case .nodeWithoutResize: "runs on a node without in-place resize"
      case .settings(let failure): failure.description
      }
    }
  }

  /// Judges one pod that the label selector has let through.
  public func judge(_ pod: Pod) -> Result<SelectedPod, Reason> {
    Result { () throws(Reason) in try admit(pod) }
  }

  private func admit(_ pod: Pod) throws(Reason) -> SelectedPod {
    if !namespaces.isEmpty, !namespaces.contains(pod.metadata.namespace) { throw .notWanted }
    if let node, pod.spec.nodeName != node { throw .notWanted }
    if let optInLabel, pod.metadata.labels[optInLabel] != "true" { throw .notWanted }
    let settings: PodSettings
    do throws(PodSettings.Failure) {
      settings = try PodSettings(annotations: pod.metadata.annotations)
    } catch {
      throw .settings(error)
    }
    if settings.mode == .off { throw .notWanted }
    if pod.metadata.deletionTimestamp != nil { throw .notRunning("terminating") }
    if pod.status.phase != "Running" { throw .notRunning(pod.status.phase.isEmpty ? "new" : pod.status.phase) }
    if pod.metadata.annotations["kubernetes.io/config.mirror"] != nil { throw .staticPod }
    if pod.spec.os?.name == "windows" { throw .windows }

    let container = try chooseContainer(pod)
    let name = container.name
    if QualityOfService(pod) == .bestEffort { throw .bestEffort }
    if container.resources?.claims.isEmpty == false { throw .deviceClaims(name) }
    if container.restarts(onResizeOf: "cpu") { throw .restartsOnResize(name) }
    guard container.resources?.limits["cpu"] != nil else { throw .noLimit(name) }
    guard let status = pod.containerStatus(name), status.isRunning else { throw .notRunning("container '\(name)'") }
    if status.resources == nil { throw .nodeWithoutResize }
    let inForce = CPUInForce(pod, container: name)
    return SelectedPod(
      pod: pod, container: name, limit: inForce.limit, request: inForce.request, settings: settings)
  }

  private func chooseContainer(_ pod: Pod) throws(Reason) -> Container {
    let names = pod.spec.containers.map(\.name)
    if let container {
      guard let found = pod.container(container) else { throw .noSuchContainer(container, has: names) }
      return found
    }
    guard let only = pod.spec.containers.first, names.count == 1 else { throw .severalContainers(names) }
    return only
  }

  /// The pods to drive, in the order of their names, and the others with the reason.
  public func choose(from pods: [Pod]) -> (selected: [SelectedPod], others: [(pod: Pod, reason: Reason)]) {
    var selected: [SelectedPod] = []
    var others: [(pod: Pod, reason: Reason)] = []
    for pod in pods.sorted(by: Self.isBefore) {
      switch judge(pod) {
      case .success(let chosen):
        if let countMaximum, selected.count >= countMaximum {
          others.append((pod, .notWanted))
        } else {
          selected.append(chosen)
        }
      case .failure(let reason): others.append((pod, reason))
      }
    }
    return (selected, others)
  }

  /// By name, numbers in it by value (api2 before api10), then by namespace.
  public static func isBefore(_ a: Pod, _ b: Pod) -> Bool {
    if a.metadata.name == b.metadata.name { return a.metadata.namespace < b.metadata.namespace }
    return isNaturallyBefore(a.metadata.name, b.metadata.name)
  }

  static func isNaturallyBefore(_ a: String, _ b: String) -> Bool {
    var x = Array(a.utf8)[...]
    var y = Array(b.utf8)[...]
    func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
    while let p = x.first, let q = y.first {
      if isDigit(p), isDigit(q) {
        let m = x.prefix(while: isDigit)
        let n = y.prefix(while: isDigit)
        let s = m.drop { $0 == 48 }
        let t = n.drop { $0 == 48 }
        if s.count != t.count { return s.count < t.count }
        if !s.elementsEqual(t) { return s.lexicographicallyPrecedes(t) }
        x = x.dropFirst(m.count)
        y = y.dropFirst(n.count)
      } else if p == q {
        x.removeFirst()
        y.removeFirst()
      } else {
        return p < q
      }
    }
    // Equal but for leading zeros: any fixed order.
    return x.isEmpty && y.isEmpty ? a.utf8.count < b.utf8.count : x.isEmpty
  }
}
