import Autoscaling
import Kubernetes
import Synchronization

/// Pods that leave the selection alive: somebody takes the label off that the selector asks for, and the server tells of them no
/// more; or the opt-in label, or switches them off. They get their original values back at once; where that fails, again and again until the end of the run.
extension KubernetesCluster {
  struct Stray {
    var pod: Pod
    var original: OriginalValues
    /// Seconds on the monotonic clock.
    var nextTry: Double
    /// In a row.
    var failures = 0
    /// While an answer is awaited.
    var isOnItsWay = false
  }

  /// Looks for such pods among what the watchers have told; before the roster forgets them.
  ///
  /// - Parameter isRestoring: the limits are being put back, whether this instance goes on acting or not.
  func noteStrays(_ changes: [PodChange], isRestoring: Bool = false) {
    guard configuration.applies, isRestoring || mayAct else { return }
    for change in changes {
      switch change {
      case .appeared: continue
      case .changed(_, let pod):
        // Still listed, but without the opt-in label or switched off: what had a place here is ours to take back.
        guard case .failure(.notWanted) = configuration.selection.judge(pod),
          let original = tenant(of: pod)?.original(ifMovedIn: pod)
        else { continue }
        noteStray(pod, original)
      case .vanished(let pod):
        guard pod.metadata.deletionTimestamp == nil, pod.status.phase != "Succeeded", pod.status.phase != "Failed",
          pod.poolName == configuration.poolName
        else { continue }
        let kept = originals.original(of: pod).flatMap { $0.isInForce(in: pod) ? nil : $0 }
        if let original = tenant(of: pod)?.original(ifMovedIn: pod) ?? kept { noteStray(pod, original) }
      }
    }
  }

  /// Whether pods that left the selection still wait for their original values.
  public var hasStrays: Bool { !strays.isEmpty }

  private func tenant(of pod: Pod) -> Tenant? {
    let tenant = roster.place(ofKey: pod.key).flatMap { tenants[$0] }
    return tenant?.uid == pod.metadata.uid ? tenant : nil
  }

  private func noteStray(_ pod: Pod, _ original: OriginalValues) {
    // A patch of ours that is still on its way would undo what comes before it.
    let wait = tenant(of: pod)?.ticket == nil ? 0 : configuration.resizeTimeout + configuration.writePatience + 1
    strays[pod.metadata.uid] = Stray(pod: pod, original: original, nextTry: clock.pacing.now() + wait)
  }

  /// Sends those that are due, side by side with everything else.
  func bringBackStrays(at time: Double) {
    for (pod, restored) in returns.take() { noteReturn(of: pod, restored, at: time) }
    // A few at a time: each may wait for its turn to write, on a thread that sends resizes. Also while the agents do not act:
    // what is noted is ours to put back, and who may not write is held back by the client.
    let room = Self.straysAtOnce - strays.values.count(where: \.isOnItsWay)
    guard room > 0 else { return }
    let restorer = Restorer(sender.resizer, originals: originals, pacing: clock.pacing)
    let due = strays.values.filter { !$0.isOnItsWay && $0.nextTry <= time }
      .sorted { ($0.nextTry, $0.pod.metadata.uid) < ($1.nextTry, $1.pod.metadata.uid) }
    for stray in due.prefix(room) {
      strays[stray.pod.metadata.uid]?.isOnItsWay = true
      sender.perform { [returns] in
        // Tried once: waiting is the loop's.
        returns.append(stray.pod, restorer.restore([(stray.pod, stray.original)], before: -.infinity))
      }
    }
  }

  func noteReturn(of pod: Pod, _ restored: Restored, at time: Double) {
    let uid = pod.metadata.uid
    guard let reason = restored.failed[pod.key] else {
      strays[uid] = nil
      complaints.remove("stray \(uid)")
      // What was kept is forgotten with it: should the pod have come back meanwhile, it is kept anew.
      for place in tenants.indices where tenants[place]?.uid == uid { tenants[place]?.forgetKept() }
      // A pod that turned out to be gone is nothing to speak of.
      if restored.pods > 0 {
        configuration.say("\(pod.key) is no longer selected: it has its original CPU values back")
      }
      return
    }
    guard var stray = strays[uid] else { return }
    stray.failures += 1
    stray.isOnItsWay = false
    stray.nextTry = time + Self.strayInterval
    strays[uid] = stray
    // Once is no news: a server may be busy, our own budget used up.
    guard stray.failures > 1 else { return }
    complain(once: "stray \(uid)", "\(pod.key) is no longer selected and keeps a limit of ours for now: \(reason)")
  }

  static let straysAtOnce = 2
  /// Seconds between two tries.
  static let strayInterval = 10.0
}

extension KubernetesCluster.Tenant {
  mutating func forgetKept() {
    isKept = false
    isKeptSeen = false
  }

  /// What is to be put back on a pod that this run has resized, or another whose place it has taken; nil for any other.
  fileprivate func original(ifMovedIn pod: Pod) -> OriginalValues? {
    isTouched || (isKept && !original.isInForce(in: pod)) ? original : nil
  }
}

/// What became of pods that were brought back, from the senders' threads to the loop's.
final class StrayReturns: Sendable {
  private let outcomes = Mutex<[(Pod, KubernetesCluster.Restored)]>([])

  func append(_ pod: Pod, _ restored: KubernetesCluster.Restored) { outcomes.withLock { $0.append((pod, restored)) } }

  func take() -> [(Pod, KubernetesCluster.Restored)] {
    outcomes.withLock { outcomes in
      defer { outcomes = [] }
      return outcomes
    }
  }
}
