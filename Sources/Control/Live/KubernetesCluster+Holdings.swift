import Autoscaling
import Kubernetes

/// What counts against the pool beside the limits in force of the pods that are driven.
extension KubernetesCluster {
  public func noteFreshGroup() { ticketsOfFormerGroup = tickets }

  public var reserved: Millicores {
    let known = configuration.withheld() + heldBeside
    return known + doubted(beside: known)
  }

  /// All that is free of the pool, as long as a pod that was not measured yet shows a resize which the kubelet has not told the
  /// end of. A process that was killed may have asked several things of it one after the other, and neither the
  /// specification nor the status has the one that is in force. A node that stays silent is not waited for longer than half a
  /// minute from our beginning: that would be worse for the others than what may be missed.
  private func doubted(beside known: Millicores) -> Millicores {
    guard clock.pacing.now() < began + Self.doubtMaximum, tenants.indices.contains(where: isInDoubt) else { return 0 }
    var held = 0
    for case let tenant? in tenants where tenant.sample != nil {
      held += max(tenant.sample?.limit ?? 0, tenant.asked ?? 0)
    }
    return max(configuration.capacity - known - held, 0)
  }

  /// Seconds.
  static let doubtMaximum = 30.0

  private func isInDoubt(_ place: Int) -> Bool {
    guard let tenant = tenants[place], tenant.sample == nil, let selected = roster.places[place] else { return false }
    let (metadata, status) = (selected.pod.metadata, selected.pod.status)
    return selected.pod.container(selected.container)?.resources?.limits["cpu"]?.cpu != selected.limit
      || status.condition("PodResizeInProgress") != nil
      || status.observedGeneration > 0 && status.observedGeneration < metadata.generation
  }

  /// What these pods hold, or may yet get, beside the limits that the group knows.
  public var heldBeside: Millicores {
    var sum = 0
    for place in tenants.indices {
      guard let tenant = tenants[place], let pod = roster.places[place] else { continue }
      guard let sample = tenant.sample, !departed.contains(place) else {
        // What the kubelet tells may be older than what is in force: a raise that it has not told of yet counts.
        sum += pod.limit + Self.pending(pod, measured: pod.limit)
        continue
      }
      if configuration.values == .requestsOnly { continue }
      if tenant.record == nil, tenant.ticket == nil {
        sum += Self.pending(pod, measured: sample.limit)
      } else if tenant.lastTicket <= ticketsOfFormerGroup, let asked = tenant.asked {
        sum += max(asked - sample.limit, 0)
      }
    }
    return absentees.values.reduce(sum) { $0 + $1.limit }
  }

  /// What somebody else, such as an instance that acted before this one, has asked for a pod beyond what is in force. It may
  /// come into force at any moment; not, though, what the node has called impossible.
  private static func pending(_ pod: SelectedPod, measured: Millicores) -> Millicores {
    guard let wanted = pod.pod.container(pod.container)?.resources?.limits["cpu"]?.cpu,
      pod.pod.status.condition("PodResizePending")?.reason != "Infeasible"
    else { return 0 }
    let difference = wanted - measured
    return difference >= 10 ? difference : 0
  }

  /// A pod that had a place and is still there, but is not driven now: its container restarts, or it is beyond us. What it
  /// holds is the pool's.
  struct Absentee {
    var key: String
    var container: String
    var limit: Millicores

    init(_ tenant: Tenant) {
      key = tenant.key
      container = tenant.container
      limit = max(tenant.asked ?? 0, tenant.sample?.limit ?? 0)
    }
  }

  /// Forgets those that have ended, and takes what the API server knows of the others.
  func dropAbsentees() {
    guard !absentees.isEmpty else { return }
    let pods = watchers.map(\.pods)
    for (uid, absentee) in absentees {
      guard let pod = pods.lazy.compactMap({ $0[absentee.key] }).first, pod.metadata.uid == uid,
        pod.metadata.deletionTimestamp == nil, pod.status.phase != "Succeeded", pod.status.phase != "Failed"
      else {
        absentees[uid] = nil
        continue
      }
      let wanted = pod.container(absentee.container)?.resources?.limits["cpu"]?.cpu ?? 0
      absentees[uid]?.limit = max(absentee.limit, wanted)
    }
  }
}
