import Autoscaling

/// A pod's quality-of-service class. It is fixed at creation: a resize that would change it is refused.
public enum QualityOfService: String, Sendable {
  case guaranteed = "Guaranteed"
  case burstable = "Burstable"
  case bestEffort = "BestEffort"

  /// The class a pod has: as the server says, else as its specification implies.
  public init(_ pod: Pod) {
    self = QualityOfService(rawValue: pod.status.qosClass) ?? QualityOfService(spec: pod.spec)
  }

  /// The class that a specification implies.
  ///
  /// Guaranteed: CPU and memory limits in every container, and requests equal to limits. BestEffort: nothing set.
  /// Pod-level resources, where set, take the containers' place.
  ///
  /// - Source: k8s.io/kubernetes, pkg/apis/core/helper/qos.
  public init(spec: PodSpec) {
    let names = ["cpu", "memory"]
    let all: [ResourceRequirements]
    if let podLevel = spec.resources, spec.hasOwnResources {
      all = [podLevel]
    } else {
      all = (spec.containers + spec.initContainers).map { $0.resources ?? ResourceRequirements() }
    }
    func isSet(_ list: ResourceList, _ name: String) -> Bool { (list[name]?.double ?? 0) > 0 }
    if !all.contains(where: { resources in
      names.contains { isSet(resources.limits, $0) || isSet(resources.requests, $0) }
    }) {
      self = .bestEffort
      return
    }
    let isGuaranteed = all.allSatisfy { resources in
      names.allSatisfy { name in
        // A limit without a request is its own request.
        isSet(resources.limits, name) && (resources.requests[name] ?? resources.limits[name]) == resources.limits[name]
      }
    }
    self = isGuaranteed ? .guaranteed : .burstable
  }
}

/// A container's CPU values in force on the node: what the runtime says, else what was asked. The spec alone is a wish.
public struct CPUInForce: Sendable, Equatable {
  /// Millicores; 0 for none.
  public var limit: Millicores
  public var request: Millicores

  public init(_ pod: Pod, container name: String) {
    let wanted = pod.container(name)?.resources
    let status = pod.containerStatus(name)
    limit = (status?.resources?.limits["cpu"] ?? wanted?.limits["cpu"])?.cpu ?? 0
    // The runtime's request is read back from a weight and may be off; what was admitted is exact.
    let admitted = status?.allocatedResources["cpu"] ?? status?.resources?.requests["cpu"]
    request = (admitted ?? wanted?.requests["cpu"])?.cpu ?? 0
  }
}

extension Quantity {
  /// CPU for arithmetic, millicores, 0…`cpuMaximum`. The API takes quantities beyond any machine; sums over all pods of what
  /// leaves here never overflow.
  public var cpu: Millicores { min(max(millicores, 0), Self.cpuMaximum) }

  public static let cpuMaximum: Millicores = 1 << 40
}
