/// A minor version of Kubernetes, and what it changes for whoever resizes pods.
///
/// - Source: reference of in-place resize, KEP-1287, KEP-5067.
public struct KubernetesVersion: Sendable, Hashable, CustomStringConvertible {
  public let minor: Int

  /// The newest one of which there are recorded answers.
  public static let recorded = KubernetesVersion(knownMinor: 36)
  public static let supported = 27...37

  private init(knownMinor: Int) { minor = knownMinor }

  /// Reads `1.36`; nil for anything but 1.27 to 1.37.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0] == "1", let minor = Int(parts[1]), Self.supported.contains(minor) else {
      return nil
    }
    self.minor = minor
  }

  public var description: String { "1.\(minor)" }
  var gitVersion: String { minor == 36 ? "v1.36.2" : "v1.\(minor).0" }

  /// Resources change through `pods/resize`, no longer through the pod.
  var hasResizeSubresource: Bool { minor >= 32 }
  /// Conditions tell how a resize stands; before, it is the word `status.resize`.
  var hasResizeConditions: Bool { minor >= 33 }
  var hasGenerations: Bool { minor >= 34 }
  /// In 1.32 behind a gate of its own that is off.
  var hasAllocatedResources: Bool { minor != 32 }
  var hasPodLevelStatus: Bool { minor >= 35 }
  /// Written into every container's specification by default while the feature was young.
  var hasResizePolicies: Bool { minor <= 32 }
  /// Lowering a memory limit without a restart.
  var allowsMemoryDecrease: Bool { minor >= 34 || minor <= 32 }
  /// The API server itself turns away what is larger than the node.
  var refusesAboveNode: Bool { minor >= 36 }
  var hasResizeEvents: Bool { minor >= 35 }
  /// Seconds after an applied resize until the pod's status shows it, at most: the kubelet lists the containers anew every
  /// second and syncs; since 1.36 it looks at once.
  var statusDelay: Double { minor >= 36 ? 0.2 : 1.8 }
}
