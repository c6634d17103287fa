import Autoscaling
import Dispatch
import Kubernetes
import Synchronization

/// Putting back what was there before.
extension KubernetesCluster {
  /// What a restore achieved.
  public struct Restored: Sendable, Equatable {
    public var pods = 0
    /// `namespace/name`: still not as they were, with the reason.
    public var failed: [String: String] = [:]
  }

  /// Gives every pod that was touched, by this run or an earlier one, its original values again, and returns when all have
  /// them or `grace` seconds are over. Resizes that are still on their way are waited for first: one that came later would
  /// undo it.
  public func restore(within grace: Double) -> Restored {
    let deadline = clock.pacing.now() + grace
    for answer in sender.takeAnswers(waitingAtMost: min(grace / 2, 6)) { noteAnswer(answer) }
    let changes = inbox.take()
    noteStrays(changes, isRestoring: true)
    apply(roster.apply(changes))
    for (pod, restored) in returns.take() { noteReturn(of: pod, restored, at: deadline) }
    let (touched, untouched) = kept
    let restored = Restorer(sender.resizer, originals: originals, pacing: clock.pacing).restore(
      touched, before: deadline)
    try? originals.forget(untouched)
    strays = strays.filter { restored.failed[$0.value.pod.key] != nil }
    return restored
  }

  /// Lets go of the pods for the time being: puts back what `restore` does, and begins with them afresh, should they be resized
  /// again.
  public func release(within grace: Double) -> Restored {
    let restored = restore(within: grace)
    for place in tenants.indices {
      guard var tenant = tenants[place], restored.failed[tenant.key] == nil else { continue }
      tenant.isTouched = false
      tenant.forgetKept()
      tenant.record = nil
      tenant.ticket = nil
      tenant.lost = nil
      tenant.asked = nil
      tenant.settledAt = nil
      tenant.settlement = .settled
      tenant.isWithdrawing = false
      tenants[place] = tenant
    }
    return restored
  }

  /// All pods whose originals are kept, whether they have a place now or not (one whose container restarts at this moment has
  /// none), and those that have left the selection: those to be put back, and those that have their values still.
  private var kept: (touched: [(pod: Pod, original: OriginalValues)], untouched: [Pod]) {
    let kept = originals.kept(of: known.filter { $0.poolName == configuration.poolName })
    var touched = Dictionary(kept.touched.map { ($0.pod.metadata.uid, $0) }, uniquingKeysWith: { $1 })
    var untouched = Dictionary(kept.untouched.map { ($0.metadata.uid, $0) }, uniquingKeysWith: { $1 })
    for (uid, stray) in strays { touched[uid] = (stray.pod, stray.original) }
    // What was sent may be newer than what the watch has told.
    for place in tenants.indices {
      guard let tenant = tenants[place], tenant.isTouched, let pod = roster.places[place] else { continue }
      touched[pod.uid] = (pod.pod, tenant.original)
      untouched[pod.uid] = nil
    }
    return (touched.values.sorted { PodSelection.isBefore($0.pod, $1.pod) }, Array(untouched.values))
  }

  /// An answer that comes while nothing is decided any more: only what it says of the pod counts.
  private func noteAnswer(_ answer: PatchSender.Answer) {
    if case .accepted(_, let pod) = answer.outcome { roster.refresh(answer.place, with: pod) }
  }
}

/// Puts original values back and forgets them.
public struct Restorer: Sendable {
  private let resizer: PodResizer
  private let originals: any OriginalsStore
  private let pacing: Pacing

  public init(_ resizer: PodResizer, originals: any OriginalsStore, pacing: Pacing = .system) {
    self.resizer = resizer
    self.originals = originals
    self.pacing = pacing
  }

  /// - Parameter deadline: seconds on the pacing's clock.
  public func restore(
    _ pods: [(pod: Pod, original: OriginalValues)], before deadline: Double
  ) -> KubernetesCluster.Restored {
    var outcome = KubernetesCluster.Restored()
    var open = pods
    var done: [Pod] = []
    var round = 0
    while true {
      var left: [(pod: Pod, original: OriginalValues)] = []
      for (item, error) in zip(open, putBack(open, before: deadline)) {
        outcome.failed[item.pod.key] = error?.description
        let reaction = error.map(ResizeReaction.init)
        switch reaction {
        case nil:
          outcome.pods += 1
          done.append(item.pod)
        case .dropPod, .replacePod:
          // Gone, and with it what there was to put back.
          outcome.failed[item.pod.key] = nil
          if originals.isLocal { done.append(item.pod) }
        // What admission refuses now it may take when other pods have given back what they hold.
        default: if reaction?.mayPass == true { left.append(item) }
        }
      }
      open = left
      let time = deadline - pacing.now()
      guard !open.isEmpty, time > 0 else { break }
      round += 1
      pacing.sleep(min(Backoff(base: 0.2, maximum: 2).delay(failures: round, random: pacing.random()), time))
    }
    // Should this fail, the next run finds values that are in force already.
    try? originals.forget(done)
    return outcome
  }

  /// All pods side by side; an error or nil for each.
  private func putBack(
    _ pods: [(pod: Pod, original: OriginalValues)], before deadline: Double
  ) -> [ClusterError?] {
    let errors = Mutex<[ClusterError?]>(Array(repeating: nil, count: pods.count))
    DispatchQueue.concurrentPerform(iterations: min(8, pods.count)) { part in
      for index in stride(from: part, to: pods.count, by: min(8, pods.count)) {
        do throws(ClusterError) {
          try putBack(pods[index].original, on: pods[index].pod, before: deadline)
        } catch {
          errors.withLock { $0[index] = error }
        }
      }
    }
    return errors.withLock { $0 }
  }

  private func putBack(_ original: OriginalValues, on pod: Pod, before deadline: Double) throws(ClusterError) {
    guard
      let resize = PodResize(
        restoring: pod, container: original.container, limit: original.limit, request: original.request)
    else { return }
    while true {
      do throws(ClusterError) {
        _ = try resizer.send(resize)
        return
      } catch {
        // Our own budget of writes, or the server, asks for a moment.
        guard error.kind == .tooManyRequests, pacing.now() < deadline else { throw error }
        pacing.sleep(min(max(error.retryAfter ?? 0.05, 0.005), max(deadline - pacing.now(), 0)))
      }
    }
  }
}
