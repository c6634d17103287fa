/// Who of several instances acts, by a lease: the rules. Pure: the caller brings what it read and a clock of its own.
///
/// With D the lease's duration, all on the local monotonic clock:
///
///     the holder renews every D/6 and acts until 0.6 · D after it began the last renewal that succeeded;
///     it gives no write more than 0.2 · D, so that its last one lands before 0.8 · D;
///     another claims the lease once it has seen no renewal for 0.85 · D, and acts at once, within D of the last renewal.
///
/// Clocks of different machines are never compared: only how long something has not changed counts. As long as no clock runs
/// 5 % of D fast or slow, no two act at once.
///
/// - Source: the scheme of Kubernetes' client-go (`leaderelection`), with the holder's stop made earlier than the claim.
public struct LeaderElection: Sendable {
  public let identity: String
  public let namespace: String
  public let name: String
  /// D, whole seconds: the API takes no others.
  public let duration: Int

  /// What to do next.
  public enum Step: Sendable, Equatable {
    /// Read the lease.
    case read
    /// Create it.
    case create(Lease)
    /// Replace it; the resource version inside makes that fail if another was faster.
    case update(Lease)
    /// Nothing before so many seconds are over.
    case rest(Double)
  }

  /// The lease as last read or written.
  private var lease: Lease?
  /// When it last changed, on our clock, as far as we have seen.
  private var changedAt = -Double.infinity
  private var readAt = -Double.infinity
  /// When the last successful renewal of ours began; nil while another holds it.
  private var renewedAt: Double?
  private var isAbsent = false

  /// - Parameters:
  ///   - identity: differs between any two processes.
  ///   - duration: seconds, at least 2.
  public init(identity: String, namespace: String, name: String, duration: Int = 15) {
    self.identity = identity
    self.namespace = namespace
    self.name = name
    self.duration = max(2, duration)
  }

  /// Whether this instance may act.
  public func mayAct(at now: Double) -> Bool { renewedAt.map { now < $0 + 0.6 * Double(duration) } ?? false }

  /// The longest that a write of the holder may take, seconds.
  public var writeTimeout: Double { 0.2 * Double(duration) }
  public var renewInterval: Double { Double(duration) / 6 }
  /// How often those who wait look.
  public var lookInterval: Double { Double(duration) / 30 }

  /// Who holds the lease, as far as is known; empty for nobody.
  public var holder: String { lease?.spec.holderIdentity ?? "" }

  public func next(at now: Double, clock: Timestamp) -> Step {
    if let renewedAt, let lease, holder == identity {
      if readAt == -.infinity { return .read }
      let due = renewedAt + renewInterval
      return now < due ? .rest(due - now) : .update(claim(lease, at: clock))
    }
    if isAbsent { return .create(claim(nil, at: clock)) }
    guard let lease, now < readAt + lookInterval else { return .read }
    let isFree = lease.spec.holderIdentity.isEmpty || lease.spec.holderIdentity == identity
    // The holder's own word counts: it may have been started with another duration.
    let patience = 0.85 * Double(max(lease.spec.leaseDurationSeconds, 1))
    if isFree || now >= changedAt + patience { return .update(claim(lease, at: clock)) }
    return .rest(min(readAt + lookInterval, changedAt + patience) - now)
  }

  /// Takes what reading gave; nil for no such lease.
  public mutating func note(read new: Lease?, at now: Double) {
    readAt = now
    isAbsent = new == nil
    if new?.metadata.resourceVersion != lease?.metadata.resourceVersion || new?.spec != lease?.spec { changedAt = now }
    lease = new
    if new?.spec.holderIdentity != identity { renewedAt = nil }
  }

  /// Takes what the server made of our claim or renewal, which began at `began`.
  public mutating func note(written new: Lease, began: Double) {
    lease = new
    isAbsent = false
    changedAt = began
    readAt = began
    renewedAt = new.spec.holderIdentity == identity ? began : nil
  }

  /// Somebody else was faster, or the lease has gone: it must be read again before anything is done. Until then nothing is
  /// known to be ours.
  public mutating func noteConflict() {
    readAt = -.infinity
    isAbsent = false
    renewedAt = nil
    if holder == identity { lease = nil }
  }

  /// Our claim or renewal failed without an answer, or with one that says nothing about the lease. It may have been taken: what
  /// we know of the lease is void, what we may do is not until its time is up.
  public mutating func noteFailure() { readAt = -.infinity }

  /// The lease given up, for the next one to take at once; nil if it is not ours.
  public func release(at clock: Timestamp) -> Lease? {
    guard var lease, lease.spec.holderIdentity == identity else { return nil }
    lease.spec.holderIdentity = ""
    lease.spec.renewTime = MicroTime(clock)
    return lease
  }

  private func claim(_ held: Lease?, at clock: Timestamp) -> Lease {
    var metadata = ObjectMetadata(name: name, namespace: namespace)
    metadata.resourceVersion = held?.metadata.resourceVersion ?? ""
    metadata.uid = held?.metadata.uid ?? ""
    metadata.labels = held?.metadata.labels ?? [:]
    metadata.annotations = held?.metadata.annotations ?? [:]
    let isOurs = held?.spec.holderIdentity == identity
    return Lease(
      metadata: metadata,
      spec: Lease.Spec(
        holderIdentity: identity, leaseDurationSeconds: duration,
        acquireTime: isOurs ? held?.spec.acquireTime?.time ?? clock : clock, renewTime: clock,
        leaseTransitions: (held?.spec.leaseTransitions ?? 0) + (held == nil || isOurs ? 0 : 1)))
  }
}
