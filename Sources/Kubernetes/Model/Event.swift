/// A note about an object, shown by `kubectl describe`.
public struct Event: Codable, Sendable, Equatable {
  public struct ObjectReference: Codable, Sendable, Equatable {
    @OrEmpty public var apiVersion = ""
    public var kind: String
    @OrEmpty public var namespace = ""
    public var name: String
    @OrEmpty public var uid = ""
  }

  public struct Source: Codable, Sendable, Equatable {
    @OrEmpty public var component = ""
  }

  public var apiVersion: String?
  public var kind: String?
  public var metadata: ObjectMetadata
  /// `Normal` or `Warning`.
  @OrEmpty public var type = ""
  /// One capitalised word for machines.
  @OrEmpty public var reason = ""
  @OrEmpty public var message = ""
  public var involvedObject: ObjectReference
  public var firstTimestamp: Timestamp?
  public var lastTimestamp: Timestamp?
  @OrEmpty public var count = 0
  public var source: Source?
  @OrEmpty public var reportingComponent = ""
  @OrEmpty public var reportingInstance = ""

  /// An event about a pod, counted once.
  public init(
    about pod: Pod, isWarning: Bool = false, reason: String, message: String, at time: Timestamp,
    component: String = "marlise", instance: String
  ) {
    apiVersion = "v1"
    kind = "Event"
    metadata = ObjectMetadata()
    metadata.generateName = component + "-"
    type = isWarning ? "Warning" : "Normal"
    self.reason = reason
    // The API refuses messages above 1 kB.
    self.message = String(decoding: message.utf8.prefix(1000), as: UTF8.self)
    involvedObject = ObjectReference(
      apiVersion: "v1", kind: "Pod", namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid)
    // Events carry whole seconds.
    let whole = Timestamp(nanoseconds: time.nanoseconds / 1_000_000_000 * 1_000_000_000)
    firstTimestamp = whole
    lastTimestamp = whole
    count = 1
    source = Source(component: component)
    reportingComponent = component
    reportingInstance = instance
  }
}
