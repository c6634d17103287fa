/// What is read of a node.
public struct Node: Codable, Sendable, Equatable {
  public struct Spec: Codable, Sendable, Equatable {
    @OrEmpty public var unschedulable = false
  }

  public struct Address: Codable, Sendable, Equatable {
    public var type: String
    public var address: String
  }

  public struct Endpoint: Codable, Sendable, Equatable {
    @OrEmpty public var port = 0
    enum CodingKeys: String, CodingKey { case port = "Port" }
  }

  public struct Endpoints: Codable, Sendable, Equatable {
    public var kubeletEndpoint: Endpoint?
  }

  public struct Info: Codable, Sendable, Equatable {
    @OrEmpty public var kubeletVersion = ""
    @OrEmpty public var kernelVersion = ""
    @OrEmpty public var containerRuntimeVersion = ""
    @OrEmpty public var operatingSystem = ""
  }

  public struct Status: Codable, Sendable, Equatable {
    @OrEmpty public var capacity: ResourceList = [:]
    @OrEmpty public var allocatable: ResourceList = [:]
    @OrEmpty public var conditions: [Condition] = []
    @OrEmpty public var addresses: [Address] = []
    public var daemonEndpoints: Endpoints?
    public var nodeInfo: Info?
    @OrEmpty public var declaredFeatures: [String] = []
  }

  public var metadata: ObjectMetadata
  public var spec: Spec?
  public var status: Status?

  public var isReady: Bool {
    status?.conditions.contains { $0.type == "Ready" && $0.status == "True" } ?? false
  }

  /// Where the kubelet answers, e.g. `192.0.2.2:10250`; nil before it has registered.
  public var kubeletAddress: String? {
    guard let status, let port = status.daemonEndpoints?.kubeletEndpoint?.port, port > 0 else { return nil }
    let host =
      status.addresses.first { $0.type == "InternalIP" } ?? status.addresses.first { $0.type == "Hostname" }
    return host.map { $0.address.contains(":") ? "[\($0.address)]:\(port)" : "\($0.address):\(port)" }
  }
}

public typealias NodeList = ObjectList<Node>
