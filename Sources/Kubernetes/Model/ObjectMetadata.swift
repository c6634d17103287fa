/// The owner of an object, e.g. the ReplicaSet of a pod.
public struct OwnerReference: Codable, Sendable, Equatable {
  public var kind: String
  public var name: String
  @OrEmpty public var uid = ""
  @OrEmpty public var controller = false

  public init(kind: String, name: String, uid: String = "", controller: Bool = false) {
    self.kind = kind
    self.name = name
    self.uid = uid
    self.controller = controller
  }
}

/// What is read of `metadata`; bookmarks carry no more than a resource version.
public struct ObjectMetadata: Codable, Sendable, Equatable {
  @OrEmpty public var name = ""
  @OrEmpty public var generateName = ""
  @OrEmpty public var namespace = ""
  @OrEmpty public var uid = ""
  @OrEmpty public var resourceVersion = ""
  /// Counts changes of the spec; 0 where the server does not count (pods before 1.34).
  @OrEmpty public var generation = 0
  @OrEmpty public var labels: [String: String] = [:]
  @OrEmpty public var annotations: [String: String] = [:]
  @OrEmpty public var ownerReferences: [OwnerReference] = []
  public var creationTimestamp: Timestamp?
  /// Set while the object waits for its end.
  public var deletionTimestamp: Timestamp?

  public init(name: String = "", namespace: String = "", uid: String = "") {
    self.name = name
    self.namespace = namespace
    self.uid = uid
  }
}

/// One page of a list.
public struct ObjectList<Item: Codable & Sendable & Equatable>: Codable, Sendable, Equatable {
  public struct Metadata: Codable, Sendable, Equatable {
    @OrEmpty public var resourceVersion = ""
    /// Asks for the next page; empty on the last.
    @OrEmpty public var `continue` = ""
    @OrEmpty public var remainingItemCount = 0

    public init(resourceVersion: String = "", continue: String = "") {
      self.resourceVersion = resourceVersion
      self.continue = `continue`
    }
  }

  public var metadata: Metadata
  @OrEmpty public var items: [Item] = []

  public init(metadata: Metadata = Metadata(), items: [Item] = []) {
    self.metadata = metadata
    self.items = items
  }
}
