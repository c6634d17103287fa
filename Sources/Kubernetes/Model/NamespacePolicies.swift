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
  }

  public struct Status: Codable, Sendable, Equatable {
    @OrEmpty public var hard: ResourceList = [:]
    @OrEmpty public var used: ResourceList = [:]
  }

  public var metadata: ObjectMetadata
  public var spec: Spec?
  public var status: Status?

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
