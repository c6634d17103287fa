/// Amounts by resource name, `cpu` and `memory` among them.
public typealias ResourceList = [String: Quantity]

/// Requests and limits of a container or of a whole pod.
public struct ResourceRequirements: Codable, Sendable, Equatable {
  @OrEmpty public var limits: ResourceList = [:]
  @OrEmpty public var requests: ResourceList = [:]
  /// Names of device claims; a container that has any is not resized.
  @OrEmpty public var claims: [Claim] = []

  public struct Claim: Codable, Sendable, Equatable {
    public var name: String
  }

  public init(limits: ResourceList = [:], requests: ResourceList = [:]) {
    self.limits = limits
    self.requests = requests
  }
}

/// What is read of a container's specification.
public struct Container: Codable, Sendable, Equatable {
  public struct ResizePolicy: Codable, Sendable, Equatable {
    public var resourceName: String
    public var restartPolicy: String

    public init(resourceName: String, restartPolicy: String) {
      self.resourceName = resourceName
      self.restartPolicy = restartPolicy
    }
  }

  public var name: String
  @OrEmpty public var image = ""
  /// `Always` makes an init container a sidecar.
  @OrEmpty public var restartPolicy = ""
  public var resources: ResourceRequirements?
  @OrEmpty public var resizePolicy: [ResizePolicy] = []

  public init(name: String, resources: ResourceRequirements? = nil) {
    self.name = name
    self.resources = resources
  }

  /// Whether a change of this resource restarts the container.
  public func restarts(onResizeOf resource: String) -> Bool {
    resizePolicy.contains { $0.resourceName == resource && $0.restartPolicy == "RestartContainer" }
  }
}

/// What is read of a pod's specification.
public struct PodSpec: Codable, Sendable, Equatable {
  public struct OperatingSystem: Codable, Sendable, Equatable {
    public var name: String
  }

  /// Null in bookmarks.
  @OrEmpty public var containers: [Container] = []
  @OrEmpty public var initContainers: [Container] = []
  @OrEmpty public var nodeName = ""
  @OrEmpty public var priority = 0
  @OrEmpty public var priorityClassName = ""
  /// Seconds after which the pod is ended; nil where it may run for ever.
  public var activeDeadlineSeconds: Int?
  public var affinity: Affinity?
  @OrEmpty public var restartPolicy = ""
  /// Pod-level resources, which bound all containers together.
  public var resources: ResourceRequirements?
  public var os: OperatingSystem?

  /// Whether there are pod-level resources at all.
  var hasOwnResources: Bool { resources.map { !$0.limits.isEmpty || !$0.requests.isEmpty } ?? false }

  public init(containers: [Container] = []) {
    self.containers = containers
  }
}

/// What is read of a pod's wishes about its neighbours.
public struct Affinity: Codable, Sendable, Equatable {
  public struct Term: Codable, Sendable, Equatable {
    public struct NamespaceSelector: Codable, Sendable, Equatable {}

    @OrEmpty public var namespaces: [String] = []
    public var namespaceSelector: NamespaceSelector?
  }

  public struct WeightedTerm: Codable, Sendable, Equatable {
    public var podAffinityTerm: Term
  }

  public struct Terms: Codable, Sendable, Equatable {
    @OrEmpty public var requiredDuringSchedulingIgnoredDuringExecution: [Term] = []
    @OrEmpty public var preferredDuringSchedulingIgnoredDuringExecution: [WeightedTerm] = []

    var all: [Term] {
      requiredDuringSchedulingIgnoredDuringExecution
        + preferredDuringSchedulingIgnoredDuringExecution.map(\.podAffinityTerm)
    }
  }

  public var podAffinity: Terms?
  public var podAntiAffinity: Terms?

  /// Whether some term is about pods of namespaces that it names or selects.
  var namesOtherNamespaces: Bool {
    ((podAffinity?.all ?? []) + (podAntiAffinity?.all ?? [])).contains {
      !$0.namespaces.isEmpty || $0.namespaceSelector != nil
    }
  }
}

/// What is read of a container's status.
public struct ContainerStatus: Codable, Sendable, Equatable {
  public struct State: Codable, Sendable, Equatable {
    public struct Running: Codable, Sendable, Equatable {
      public var startedAt: Timestamp?
    }
    public struct Reason: Codable, Sendable, Equatable {
      @OrEmpty public var reason = ""
    }
    public var running: Running?
    public var waiting: Reason?
    public var terminated: Reason?
  }

  public var name: String
  /// `containerd://<id>`; empty before the first start.
  @OrEmpty public var containerID = ""
  @OrEmpty public var restartCount = 0
  @OrEmpty public var ready = false
  public var state: State?
  /// In force on the node, as the runtime tells; nil on nodes without in-place resize.
  public var resources: ResourceRequirements?
  /// Requests the kubelet has admitted.
  @OrEmpty public var allocatedResources: ResourceList = [:]

  public init(name: String) {
    self.name = name
  }

  public var isRunning: Bool { state?.running != nil }

  /// The runtime's identifier without its scheme.
  public var runtimeID: Substring {
    guard let scheme = containerID.firstRange(of: "://") else { return containerID[...] }
    return containerID[scheme.upperBound...]
  }
}

/// A condition of a pod or a node.
public struct Condition: Codable, Sendable, Equatable {
  public var type: String
  @OrEmpty public var status = ""
  @OrEmpty public var reason = ""
  @OrEmpty public var message = ""
  @OrEmpty public var observedGeneration = 0
  public var lastTransitionTime: Timestamp?

  public init(type: String, status: String, reason: String = "", message: String = "", observedGeneration: Int = 0) {
    self.type = type
    self.status = status
    self.reason = reason
    self.message = message
    self.observedGeneration = observedGeneration
  }
}

/// What is read of a pod's status.
public struct PodStatus: Codable, Sendable, Equatable {
  @OrEmpty public var phase = ""
  @OrEmpty public var observedGeneration = 0
  @OrEmpty public var conditions: [Condition] = []
  @OrEmpty public var containerStatuses: [ContainerStatus] = []
  @OrEmpty public var initContainerStatuses: [ContainerStatus] = []
  @OrEmpty public var qosClass = ""
  /// Progress of a resize on 1.27–1.32, conditions since.
  @OrEmpty public var resize = ""
  @OrEmpty public var podIP = ""
  @OrEmpty public var hostIP = ""
  public var startTime: Timestamp?
  public var resources: ResourceRequirements?
  @OrEmpty public var allocatedResources: ResourceList = [:]

  public init(phase: String = "") {
    self.phase = phase
  }

  public func condition(_ type: String) -> Condition? {
    conditions.first { $0.type == type && $0.status == "True" }
  }
}

/// A pod, as far as this room reads it.
public struct Pod: Codable, Sendable, Equatable {
  public var metadata: ObjectMetadata
  public var spec: PodSpec
  public var status: PodStatus

  public init(metadata: ObjectMetadata, spec: PodSpec, status: PodStatus = PodStatus()) {
    self.metadata = metadata
    self.spec = spec
    self.status = status
  }

  /// `namespace/name`: one at a time, while uids tell recreated pods apart.
  public var key: String { metadata.namespace + "/" + metadata.name }

  /// A container that can be resized, by name: a normal one or a sidecar.
  public func container(_ name: String) -> Container? {
    spec.containers.first { $0.name == name }
      ?? spec.initContainers.first { $0.name == name && $0.restartPolicy == "Always" }
  }

  /// Whether the name is a sidecar's (a restartable init container).
  public func isSidecar(_ name: String) -> Bool {
    spec.initContainers.contains { $0.name == name && $0.restartPolicy == "Always" }
  }

  public func containerStatus(_ name: String) -> ContainerStatus? {
    status.containerStatuses.first { $0.name == name } ?? status.initContainerStatuses.first { $0.name == name }
  }

  /// The workload that made the pod, as `Kind/name`. A ReplicaSet's name ends in the hash of the Deployment's template,
  /// which the pod carries as a label: cut off, it names the Deployment.
  public var workload: String {
    guard let owner = metadata.ownerReferences.first(where: \.controller) else { return "Pod/" + metadata.name }
    if owner.kind == "ReplicaSet", let hash = metadata.labels["pod-template-hash"], owner.name.hasSuffix("-" + hash) {
      return "Deployment/" + owner.name.dropLast(hash.count + 1)
    }
    return owner.kind + "/" + owner.name
  }
}

public typealias PodList = ObjectList<Pod>
