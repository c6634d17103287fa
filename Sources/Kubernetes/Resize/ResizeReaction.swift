/// What to do when the API server does not take a resize (or anything else we send). One name for every kind of failure.
public enum ResizeReaction: Sendable, Equatable {
  /// Send the newest wish again after so many seconds, with jitter.
  case tryLater(seconds: Double?)
  /// Credentials are not known: get others; stop acting until then.
  case renewCredentials
  /// Stop acting and tell which rule to grant.
  case grantRight
  /// The pod (or its namespace) is gone: stop driving it.
  case dropPod
  /// Another pod has taken the name: stop driving this one, judge the other afresh.
  case replacePod
  /// Read the pod again, compute again, send again.
  case readAgain
  /// List again from scratch: a version or page is forgotten.
  case listAgain
  /// The namespace's LimitRange is in the way: read it, and clamp to it.
  case clampToLimitRange
  /// The namespace's quota is used up: back off as when infeasible, and report.
  case waitForQuota
  /// Admission says no for a reason that we do not know, such as a webhook that minds this value or is in trouble: it may let
  /// another through, or the same one later. Back off for longer, and report.
  case waitForAdmission
  /// Larger than the node: only a smaller target may be sent.
  case onlySmaller
  /// This pod can never be resized as it is: stop driving it, and report why.
  case markIneligible
  /// Request and limit, or the class of service, do not fit together: our view of the pod is old. Read it, compute again.
  case recompute
  /// The server lacks what discovery promised: discover again.
  case discoverAgain
  /// We sent nonsense: a fault of ours. Stop acting on this pod and report in full.
  case reportFault

  public init(_ error: ClusterError) {
    self = Self.react(error)
  }

  /// Whether the same values may be taken a little later.
  public var mayPass: Bool {
    switch self {
    case .tryLater, .readAgain, .waitForQuota, .waitForAdmission: true
    case .renewCredentials, .grantRight, .dropPod, .replacePod, .listAgain, .clampToLimitRange, .onlySmaller,
      .markIneligible, .recompute, .discoverAgain, .reportFault:
      false
    }
  }

  private static func react(_ error: ClusterError) -> ResizeReaction {
    let text = error.status?.message ?? error.message
    if isPolicy(text), [.refused, .invalid, .malformedRequest].contains(error.kind) { return .waitForAdmission }
    switch error.kind {
    case .transport, .server: return error.isRetryable ? .tryLater(seconds: error.retryAfter) : .reportFault
    case .tooManyRequests: return .tryLater(seconds: error.retryAfter)
    case .configuration, .unauthorized: return .renewCredentials
    case .missingRight: return .grantRight
    case .gone: return .listAgain
    case .conflict: return .readAgain
    case .notFound: return error.status?.details?.name.isEmpty == false ? .dropPod : .discoverAgain
    case .refused: return refused(error, text)
    case .invalid: return invalid(error, text)
    case .malformedRequest, .unreadable: return .reportFault
    }
  }

  /// A webhook's or an admission policy's no. It comes with whatever code these choose: 400 where a webhook names none, 422 from
  /// a policy without a reason.
  private static func isPolicy(_ text: String) -> Bool {
    (text.contains("admission webhook \"") && text.contains("denied the request"))
      || (text.contains("ValidatingAdmissionPolicy '") && text.contains("denied request"))
  }

  private static func refused(_ error: ClusterError, _ text: String) -> ResizeReaction {
    if error.status?.details?.causes.contains(where: { $0.reason == "NodeCapacity" }) == true { return .onlySmaller }
    if text.contains("exceeded quota") { return .waitForQuota }
    if text.contains(" usage per Container is ") || text.contains(" usage per Pod is ")
      || text.contains("max limit to request ratio")
    {
      return .clampToLimitRange
    }
    if text.contains("being terminated") { return .dropPod }
    return error.isRetryable ? .tryLater(seconds: error.retryAfter) : .waitForAdmission
  }

  private static func invalid(_ error: ClusterError, _ text: String) -> ResizeReaction {
    if text.contains("Precondition failed: UID") || text.contains("metadata.uid") { return .replacePod }
    // A negative value trips the rules below as well.
    if text.contains("must be greater than or equal to 0") { return .reportFault }
    let ineligible = [
      "static pods cannot be resized", "windows pods cannot be resized", "node allocatable resource claims",
      "node without support for resize", "only cpu and memory resources are mutable",
      "Invalid value: \"BestEffort\": Pod QOS Class",
    ]
    if ineligible.contains(where: text.contains) { return .markIneligible }
    let outOfDate = [
      "Pod QOS Class may not change", "must be less than or equal to",
      "must be greater than or equal to aggregate container requests", "cannot be removed",
      "may not be renamed or reordered", "added or removed",
    ]
    if text.contains("pod updates may not change fields") { return .discoverAgain }
    return outOfDate.contains(where: text.contains) ? .recompute : .reportFault
  }
}
