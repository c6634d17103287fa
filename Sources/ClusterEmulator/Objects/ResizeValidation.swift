import Kubernetes

/// The API server's rules for a resize, in the order in which it checks them.
enum ResizeValidation {
  /// What is wrong with the wish; empty when it may pass on to admission.
  static func causes(_ wish: PodWish, of pod: PodRecord, version: KubernetesVersion) -> [StatusError.Cause] {
    let names = pod.identity.containers.map(\.name)
    let isSameList = wish.containers.map(\.name) == names
    var causes: [StatusError.Cause] = []
    for (place, container) in wish.containers.enumerated() {
      let field = "spec.containers[\(place)]"
      // What a whole list of containers leaves out of a known one is put back.
      if !container.hasImage, !names.contains(container.name) { causes.append(required(field + ".image")) }
      causes += amounts(container.resources, field: field + ".resources")
    }
    if qualityOfService(wish.containers.map(\.resources)) != pod.identity.qualityOfService {
      causes.append(
        invalid("spec", pod.identity.qualityOfService, "Pod QOS Class may not change as a result of resizing"))
    }
    guard isSameList else {
      causes.append(
        forbidden(
          "spec.containers",
          Set(wish.containers.map(\.name)) == Set(names)
            ? "containers may not be renamed or reordered on resize"
            : "containers may not be added or removed on resize"))
      return causes
    }
    for (place, container) in wish.containers.enumerated() {
      let field = "spec.containers[\(place)].resources"
      let old = pod.desired[place]
      if isMissing(old.requests, in: container.resources.requests) {
        causes.append(forbidden(field + ".requests", "resource requests cannot be removed"))
      }
      if isMissing(old.limits, in: container.resources.limits) {
        causes.append(forbidden(field + ".limits", "resource limits cannot be removed"))
      }
      if !version.allowsMemoryDecrease, let was = old.limits.memory, let wanted = container.resources.limits.memory,
        wanted < was, !pod.identity.containers[place].restartsOnMemory
      {
        causes.append(
          forbidden(field + ".limits", "memory limits cannot be decreased unless resizePolicy is RestartContainer"))
      }
    }
    let changesOthers = zip(wish.containers, pod.desired).contains { container, old in
      container.resources.limits.others != old.limits.others
        || container.resources.requests.others != old.requests.others
    }
    if changesOthers { causes.append(forbidden("spec", "only cpu and memory resources are mutable")) }
    return causes
  }

  private static func isMissing(_ old: Amounts, in new: Amounts) -> Bool {
    (old.cpu != nil && new.cpu == nil) || (old.memory != nil && new.memory == nil)
  }

  private static func amounts(_ resources: Resources, field: String) -> [StatusError.Cause] {
    var causes: [StatusError.Cause] = []
    func notNegative(_ amounts: Amounts, _ field: String) {
      for name in amounts.names {
        guard let value = amounts[name], value.double < 0 else { continue }
        causes.append(invalid("\(field)[\(name)]", value.description, "must be greater than or equal to 0"))
      }
    }
    notNegative(resources.limits, field + ".limits")
    notNegative(resources.requests, field + ".requests")
    for name in resources.requests.names {
      guard let request = resources.requests[name], let limit = resources.limits[name], request > limit else {
        continue
      }
      causes.append(
        invalid(field + ".requests", request.description, "must be less than or equal to \(name) limit of \(limit)"))
    }
    return causes
  }

  static func invalid(_ field: String, _ value: String, _ why: String) -> StatusError.Cause {
    StatusError.Cause(reason: "FieldValueInvalid", message: "Invalid value: \"\(value)\": \(why)", field: field)
  }

  static func forbidden(_ field: String, _ why: String) -> StatusError.Cause {
    StatusError.Cause(reason: "FieldValueForbidden", message: "Forbidden: \(why)", field: field)
  }

  private static func required(_ field: String) -> StatusError.Cause {
    StatusError.Cause(reason: "FieldValueRequired", message: "Required value", field: field)
  }
}
