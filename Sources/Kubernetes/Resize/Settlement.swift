import Autoscaling

/// What was asked of a pod, to be found again in its status.
public struct ResizeRecord: Sendable, Equatable {
  public var uid: String
  public var container: String
  /// Millicores; nil where not set.
  public var limit: Millicores?
  public var request: Millicores?
  /// `metadata.generation` that the patch answered; 0 where the server does not count.
  public var generation: Int

  /// From the pod that the server answered to the patch.
  public init(answer: Pod, container: String) {
    uid = answer.metadata.uid
    self.container = container
    let resources = answer.container(container)?.resources
    limit = resources?.limits["cpu"]?.millicores
    request = resources?.requests["cpu"]?.millicores
    generation = answer.metadata.generation
  }
}

/// Where a resize is between the patch and the kernel. Every pod has at most one that is not settled.
public enum Settlement: Sendable, Equatable {
  /// Accepted by the API server; the kubelet has not looked yet. Times are seconds on the caller's clock.
  case requested(since: Double)
  /// Admitted by the kubelet and being applied.
  case inProgress(since: Double)
  /// In force.
  case settled
  /// Fits the node, but not now. The kubelet tries again; a smaller target may be sent at any time.
  case deferred(String, since: Double)
  /// Can never fit as asked. Only another target helps.
  case infeasible(String)
  /// The runtime failed, or memory is in the way. The kubelet tries again: transient, never remembered as infeasible.
  case failing(String, since: Double)
  /// Somebody else has written other values.
  case superseded
  /// The pod is gone, ended, ending or replaced.
  case lost

  /// Whether the pool must count the larger of the old and the new limit.
  public var isUnsettled: Bool {
    switch self {
    case .requested, .inProgress, .deferred, .failing: true
    case .settled, .infeasible, .superseded, .lost: false
    }
  }

  /// When the present state of an unsettled resize was entered; nil otherwise.
  public var since: Double? {
    switch self {
    case .requested(let since), .inProgress(let since), .deferred(_, let since), .failing(_, let since): since
    case .settled, .infeasible, .superseded, .lost: nil
    }
  }

  /// Whether an `infeasible` with this message concerns every value, not only the one that was asked: pods of this class cannot be
  /// resized on their node, whose CPU or memory manager has given them cores or memory of their own.
  public static func isForGood(_ message: String) -> Bool {
    message.contains("infeasible for Guaranteed Pods alongside")
  }

  /// The one transition: from the pod's newest status (nil: it is gone).
  public func next(_ record: ResizeRecord, observing pod: Pod?, at now: Double) -> Settlement {
    guard let pod, pod.metadata.uid == record.uid, pod.metadata.deletionTimestamp == nil,
      pod.status.phase != "Succeeded", pod.status.phase != "Failed", let container = pod.container(record.container)
    else { return .lost }
    // A status from before the patch says nothing about it.
    if pod.metadata.generation < record.generation { return self }
    if let limit = record.limit, container.resources?.limits["cpu"]?.millicores != limit { return .superseded }
    if let request = record.request, container.resources?.requests["cpu"]?.millicores != request { return .superseded }

    func counts(_ condition: Condition) -> Bool {
      condition.observedGeneration == 0 || condition.observedGeneration >= record.generation
    }
    if let pending = pod.status.condition("PodResizePending"), counts(pending) {
      if pending.reason == "Infeasible" { return .infeasible(pending.message) }
      return deferred(pending.message, now)
    }
    if let progress = pod.status.condition("PodResizeInProgress"), counts(progress) {
      if progress.reason == "Error" { return failing(progress.message, now) }
      return inProgress(now)
    }
    // 1.27 to 1.32 tell in one word.
    switch pod.status.resize {
    case "Proposed": return requested(now)
    case "InProgress": return inProgress(now)
    case "Deferred": return deferred("", now)
    case "Infeasible": return .infeasible("")
    default: break
    }
    if pod.status.observedGeneration < record.generation { return requested(now) }
    let allocated = pod.containerStatus(record.container)?.allocatedResources ?? [:]
    if let request = record.request, let cpu = allocated["cpu"]?.millicores, cpu != request { return requested(now) }
    return .settled
  }

  // The time of entry is kept while the state stays.

  private func requested(_ now: Double) -> Settlement {
    if case .requested = self { return self }
    return .requested(since: now)
  }

  private func inProgress(_ now: Double) -> Settlement {
    if case .inProgress = self { return self }
    return .inProgress(since: now)
  }

  private func deferred(_ message: String, _ now: Double) -> Settlement {
    if case .deferred(_, let since) = self { return .deferred(message, since: since) }
    return .deferred(message, since: now)
  }

  private func failing(_ message: String, _ now: Double) -> Settlement {
    if case .failing(_, let since) = self { return .failing(message, since: since) }
    return .failing(message, since: now)
  }
}
