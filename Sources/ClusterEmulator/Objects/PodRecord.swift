import Kubernetes

/// What stays of a pod as long as it lives.
final class PodIdentity: Sendable {
  struct Container: Sendable {
    var name: String
    var image: String
    /// What happens to the process when CPU or memory change: `NotRequired` or `RestartContainer`.
    var restartsOnCPU = false
    var restartsOnMemory = false
  }

  let name: String
  let namespace: String
  let uid: String
  let node: String
  let hostIP: String
  let podIP: String
  let created: String
  let containers: [Container]
  let qualityOfService: String
  /// The place in the simulation; nil for pods that only the API knows.
  let simulated: Int?
  /// The StatefulSet that owns it; empty for none.
  let owner: String
  let ownerUID: String
  let priorityClass: Int

  init(
    name: String, namespace: String, uid: String, node: String, hostIP: String, podIP: String, created: String,
    containers: [Container], qualityOfService: String, simulated: Int?, owner: String, ownerUID: String,
    priorityClass: Int = 0
  ) {
    self.name = name
    self.namespace = namespace
    self.uid = uid
    self.node = node
    self.hostIP = hostIP
    self.podIP = podIP
    self.created = created
    self.containers = containers
    self.qualityOfService = qualityOfService
    self.simulated = simulated
    self.owner = owner
    self.ownerUID = ownerUID
    self.priorityClass = priorityClass
  }

  var key: PodKey { PodKey(namespace: namespace, name: name) }
}

struct PodKey: Hashable, Comparable, Sendable {
  var namespace: String
  var name: String

  static func < (a: PodKey, b: PodKey) -> Bool {
    a.namespace == b.namespace ? a.name < b.name : a.namespace < b.namespace
  }
}

/// A pod at one resourceVersion: specification, what the kubelet has admitted, what the runtime has applied.
struct PodRecord: Sendable {
  /// Why a resize is not in force yet.
  struct Condition: Equatable, Sendable {
    /// `Deferred`, `Infeasible`, `Error`, or empty.
    var reason = ""
    var message = ""
    var generation: Int
    var since: String
    var probed: String
  }

  struct ContainerState: Equatable, Sendable {
    var id: String
    var startedAt: String
    var restarts = 0
    /// When the one before ended, and which it was.
    var lastEnd: (id: String, startedAt: String, at: String)?
    /// Why it does not run at the moment, such as `CrashLoopBackOff`; nil while it does.
    var waitingReason: String?

    static func == (a: ContainerState, b: ContainerState) -> Bool {
      a.id == b.id && a.restarts == b.restarts && a.waitingReason == b.waitingReason
    }
  }

  let identity: PodIdentity
  var resourceVersion = 0
  var generation = 1
  var labels: [String: String]
  var annotations: [String: String] = [:]
  /// By container, in the order of the specification.
  var desired: [Resources]
  var allocated: [Resources]
  var actual: [Resources]
  var observedGeneration = 1
  var pending: Condition?
  var progress: Condition?
  var containers: [ContainerState]
  var phase = "Running"
  /// When it became ready.
  var readySince: String
  var isReady = true
  var deletion: String?
}

/// One version of a pod, shared by the store, its history, lists under way and watches. Rendered when first asked for; the
/// cluster's lock protects the cached bytes.
final class PodVersion: @unchecked Sendable {
  let record: PodRecord
  private let rendering: PodRendering
  private var cached: [UInt8]?

  init(_ record: PodRecord, rendering: PodRendering) {
    self.record = record
    self.rendering = rendering
  }

  /// `"metadata":…,"spec":…,"status":…}`: what follows kind and version, or, in a list, the opening brace.
  var bytes: [UInt8] {
    if let cached { return cached }
    let rendered = rendering.bytes(record)
    cached = rendered
    return rendered
  }

  /// `"metadata":{…}`
  var metadataBytes: [UInt8] {
    var out: [UInt8] = []
    rendering.metadata(record, &out)
    return out
  }

  /// The whole object.
  var object: [UInt8] {
    var whole: [UInt8] = []
    whole.reserveCapacity(bytes.count + 40)
    whole.put("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",")
    whole.append(contentsOf: bytes)
    return whole
  }
}
