import Autoscaling
import Kubernetes

/// What quotas leave to the pods of one pool. Pure.
enum QuotaRoom {
  /// The most that some of the pods may have together, millicores, and the quota that says so.
  private struct Bound {
    var quota: String
    var most: Millicores
    /// Places of those pods.
    var pods: Set<Int>
  }

  /// - Returns: the most that the pods of one namespace may have together, of what a resize moves, and the quotas that say so;
  ///   nil where no quota bounds them all.
  static func room(
    _ pods: [SelectedPod], _ quotas: [ResourceQuota], _ values: ControlledValues
  ) -> (quotas: [String], room: Millicores)? {
    let bounds = quotas.flatMap { Self.bounds($0, pods, values) }
    let everyPod = Set(pods.indices)
    var best: (quotas: [String], room: Millicores)?
    if let whole = bounds.filter({ $0.pods == everyPod }).min(by: { $0.most < $1.most }) {
      best = ([whole.quota], whole.most)
    }
    // Quotas with scopes share the pods out among them: then each part has its own room.
    if let parts = Self.parts(pods, bounds), parts.room < best?.room ?? .max { best = parts }
    return best
  }

  /// Pods that the same quotas count make a part, which has no more than the tightest of them leaves. One part without a quota can
  /// take whatever the pool has.
  private static func parts(_ pods: [SelectedPod], _ bounds: [Bound]) -> (quotas: [String], room: Millicores)? {
    var parts: [Set<Int>: Bound] = [:]
    for pod in pods.indices {
      let counting = bounds.indices.filter { bounds[$0].pods.contains(pod) }
      guard let tightest = counting.map({ bounds[$0] }).min(by: { $0.most < $1.most }) else { return nil }
      parts[Set(counting)] = tightest
    }
    let quotas = Set(parts.values.map(\.quota)).sorted()
    return (quotas, parts.values.reduce(0) { $0 + $1.most })
  }

  /// What one quota says of limits and of requests, as far as a resize moves them. What it counts as used includes what the
  /// pods have now.
  private static func bounds(_ quota: ResourceQuota, _ pods: [SelectedPod], _ values: ControlledValues) -> [Bound] {
    let counted = pods.indices.filter { quota.counts(pods[$0].pod) }
    func bound(_ resource: String, _ moved: [Int], _ held: (SelectedPod) -> Millicores) -> Bound? {
      guard !moved.isEmpty, let left = quota.cpuLeft(resource) else { return nil }
      let sum = moved.reduce(0) { $0 + min(held(pods[$1]), Quantity.cpuMaximum) }
      return Bound(quota: quota.metadata.name, most: sum + max(min(left, Quantity.cpuMaximum), -sum), pods: Set(moved))
    }
    return [
      bound("limits.cpu", values == .requestsOnly ? [] : counted, \.limit),
      bound("requests.cpu", counted.filter { values.moveRequest(of: pods[$0].pod) }, \.request),
    ].compactMap { $0 }
  }
}

extension ClusterSurvey {
  /// What the namespaces' quotas leave to the pods together, millicores, with the quotas that say so; nil where none bounds
  /// them.
  ///
  /// - Parameter places: so many pods will be driven, the first by name; nil for all. What the others have is theirs.
  public func quotaRoom(_ values: ControlledValues, places: Int? = nil) -> (quota: String, room: Millicores)? {
    var sum = 0
    var names: [String] = []
    for (namespace, pods) in Dictionary(grouping: selected.prefix(places ?? .max), by: \.namespace)
      .sorted(by: { $0.key < $1.key })
    {
      // One namespace without a quota can take whatever the pool has.
      guard let bound = QuotaRoom.room(pods, quotas[namespace] ?? [], values) else { return nil }
      sum += bound.room
      names += bound.quotas.map { namespace + "/" + $0 }
    }
    return names.isEmpty ? nil : (names.joined(separator: ", "), sum)
  }
}
