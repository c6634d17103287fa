/// One resource of an API group, as the discovery document lists it.
public struct APIResource: Codable, Sendable, Equatable {
  public var name: String
  @OrEmpty public var namespaced = false
  @OrEmpty public var kind = ""
  @OrEmpty public var verbs: [String] = []
}

public struct APIResourceList: Codable, Sendable, Equatable {
  @OrEmpty public var groupVersion = ""
  @OrEmpty public var resources: [APIResource] = []
}

public struct APIGroupList: Codable, Sendable, Equatable {
  public struct Group: Codable, Sendable, Equatable {
    public var name: String
  }

  @OrEmpty public var groups: [Group] = []
}

/// The server's version.
public struct VersionInfo: Codable, Sendable, Equatable {
  public var major: String
  /// Some distributions write `28+`.
  public var minor: String
  @OrEmpty public var gitVersion = ""

  /// 28 of `28+`; nil when it does not begin with a number.
  public var minorNumber: Int? { Int(minor.prefix { $0.isASCII && $0.isNumber }) }
}
