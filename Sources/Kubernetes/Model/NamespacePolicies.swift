import Autoscaling

/// A namespace's bounds on the resources of single containers and pods.
public struct LimitRange: Codable, Sendable, Equatable {
  public struct Item: Codable, Sendable, Equatable {
    /// `Container`, `Pod` or `PersistentVolumeClaim`.
    public var type: String
    @OrEmpty public var max: ResourceList = [:]
    @OrEmpty public var min: ResourceList = [:]
    /// The largest limit ÷ request.
    @OrEmpty public var maxLimitRequestRatio: ResourceList = [:]

    public init(
      type: String, min: ResourceList = [:], max: ResourceList = [:], maxLimitRequestRatio: ResourceList = [:]
    ) {
      self.type = type
      self.min = min
      self.max = max
      self.maxLimitRequestRatio = maxLimitRequestRatio
    }
  }

  public struct Spec: Codable, Sendable, Equatable {
    @OrEmpty public var limits: [Item] = []
  }

  public var metadata: ObjectMetadata
  public var spec: Spec

  public init(metadata: ObjectMetadata, items: [Item]) {
    self.metadata = metadata
    spec = Spec(limits: items)
  }
}

/// A namespace's budget over all its pods.
public struct ResourceQuota: Codable, Sendable, Equatable {
  public struct Spec: Codable, Sendable, Equatable {
    /// By scoped name: `limits.cpu`, `requests.cpu` (or `cpu`), `limits.memory` ...
    @OrEmpty public var hard: ResourceList = [:]
    /// Pods must be in every scope to count.
    @OrEmpty public var scopes: [String] = []
    public var scopeSelector: ScopeSelector?
  }

  public struct ScopeSelector: Codable, Sendable, Equatable {
    public struct Requirement: Codable, Sendable, Equatable {
      public var scopeName: String
      /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
      public var `operator`: String
      @OrEmpty public var values: [String] = []
    }

    @OrEmpty public var matchExpressions: [Requirement] = []
  }

  public struct Status: Codable, Sendable, Equatable {
    @OrEmpty public var hard: ResourceList = [:]
    @OrEmpty public var used: ResourceList = [:]
  }

  public var metadata: ObjectMetadata
  public var spec: Spec?
  public var status: Status?

  /// Whether the quota counts a pod: whether the pod is in all of its scopes. Of a scope that is not known here (kinds of
  /// storage, and what is to come) the server says that no pod is in it.
  ///
  /// - Source: k8s.io/kubernetes, pkg/quota/v1/evaluator/core/pods.go.
  public func counts(_ pod: Pod) -> Bool {
    let scopes = (spec?.scopes ?? []).map { ScopeSelector.Requirement(scopeName: $0, operator: "Exists") }
    return (scopes + (spec?.scopeSelector?.matchExpressions ?? [])).allSatisfy { scope in
      switch scope.scopeName {
      case "Terminating": pod.spec.activeDeadlineSeconds != nil
      case "NotTerminating": pod.spec.activeDeadlineSeconds == nil
      case "BestEffort": QualityOfService(pod) == .bestEffort
      case "NotBestEffort": QualityOfService(pod) != .bestEffort
      case "PriorityClass": scope.matches(pod.spec.priorityClassName)
      case "CrossNamespacePodAffinity": pod.spec.affinity?.namesOtherNamespaces == true
      default: false
      }
    }
  }

  /// What is left of `limits.cpu` or `requests.cpu`, millicores; nil when the quota does not bound it. Negative when more
  /// is used than allowed.
  public func cpuLeft(_ scope: String) -> Millicores? {
    // `cpu` in a quota is another name for `requests.cpu`.
    let names = scope == "requests.cpu" ? ["requests.cpu", "cpu"] : [scope]
    for name in names {
      guard let hard = status?.hard[name] ?? spec?.hard[name] else { continue }
      let used = status?.used[name]?.millicores ?? 0
      let (left, overflow) = hard.millicores.subtractingReportingOverflow(used)
      return overflow ? 0 : left
    }
    return nil
  }
}

extension ResourceQuota.ScopeSelector.Requirement {
  init(scopeName: String, operator: String) {
    self.scopeName = scopeName
    self.operator = `operator`
  }

  /// - Parameter value: empty for none.
  func matches(_ value: String) -> Bool {
    switch self.operator {
    case "In": values.contains(value)
    case "NotIn": !values.contains(value)
    case "Exists": !value.isEmpty
    case "DoesNotExist": value.isEmpty
    default: false
    }
  }
}
