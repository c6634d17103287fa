import Autoscaling

/// How a pod's sum of CPU depends on one of its containers. Pure.
///
///     sum = max(beside + the container's own, fixed)
///
/// Containers and sidecars (restartable init containers) run together; ordinary init containers run before the containers, one
/// after another, each together with the sidecars that were started before it. The largest of these sums counts.
struct PodShare: Sendable, Equatable {
  /// What the others have in the sums that the container is part of; nil where the sum does not depend on it.
  var beside: Millicores? = 0
  /// The largest sum that it is not part of.
  var fixed: Millicores = 0

  /// Of a container that is looked at alone.
  init() {}

  /// Of a pod whose sum does not depend on its containers.
  init(fixed: Millicores) {
    self.fixed = fixed
    beside = nil
  }

  /// - Parameter amount: what is summed.
  init(_ spec: PodSpec, of name: String, amount: (ResourceRequirements) -> Quantity?) {
    func own(_ container: Container) -> Millicores {
      container.resources.flatMap(amount)?.cpu ?? 0
    }
    var together = 0
    var sidecars = 0
    var isStarted = false
    for container in spec.initContainers {
      if container.restartPolicy != "Always" {
        if isStarted {
          together = max(together, sidecars + own(container))
        } else {
          fixed = max(fixed, sidecars + own(container))
        }
      } else if container.name == name {
        isStarted = true
      } else {
        sidecars += own(container)
      }
    }
    let all = spec.containers.reduce(sidecars) { $1.name == name ? $0 : $0 + own($1) }
    beside = max(together, all)
  }

  func sum(with own: Millicores) -> Millicores { beside.map { max($0 + own, fixed) } ?? fixed }

  /// The largest that the container may have where the sum may be so large.
  func most(ofSum sum: Millicores) -> Millicores { beside.map { sum - $0 } ?? .max }

  /// The least that the container must have where the sum must be so large; 0 where the sum does not depend on it or is large
  /// enough without it.
  func least(ofSum sum: Millicores) -> Millicores {
    fixed >= sum ? 0 : beside.map { max(sum - $0, 0) } ?? 0
  }
}
