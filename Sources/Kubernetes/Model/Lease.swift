/// A lock with an expiry, held by renewing it.
public struct Lease: Codable, Sendable, Equatable {
  public struct Spec: Codable, Sendable, Equatable {
    @OrEmpty public var holderIdentity = ""
    @OrEmpty public var leaseDurationSeconds = 0
    public var acquireTime: MicroTime?
    public var renewTime: MicroTime?
    @OrEmpty public var leaseTransitions = 0

    public init(
      holderIdentity: String, leaseDurationSeconds: Int, acquireTime: Timestamp?, renewTime: Timestamp?,
      leaseTransitions: Int
    ) {
      self.holderIdentity = holderIdentity
      self.leaseDurationSeconds = leaseDurationSeconds
      self.acquireTime = acquireTime.map(MicroTime.init)
      self.renewTime = renewTime.map(MicroTime.init)
      self.leaseTransitions = leaseTransitions
    }
  }

  public var apiVersion = "coordination.k8s.io/v1"
  public var kind = "Lease"
  public var metadata: ObjectMetadata
  public var spec: Spec

  public init(metadata: ObjectMetadata, spec: Spec) {
    self.metadata = metadata
    self.spec = spec
  }

  private enum CodingKeys: String, CodingKey {
    case apiVersion, kind, metadata, spec
  }

  /// Items of a list come without version and kind.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    metadata = try container.decode(ObjectMetadata.self, forKey: .metadata)
    spec = try container.decode(Spec.self, forKey: .spec)
  }
}

/// A time that is always written with six digits of fraction; the API refuses other spellings.
public struct MicroTime: Codable, Sendable, Hashable {
  public var time: Timestamp

  public init(_ time: Timestamp) {
    self.time = time
  }

  public init(from decoder: any Decoder) throws {
    time = try Timestamp(from: decoder)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(time.microText)
  }
}
