import Dispatch
import Kubernetes
import Synchronization

/// Reads a metric source without ever making the loop wait long for it: every node (or the whole, where the source answers for
/// all at once) is read by a thread of its own; what comes in time counts for this round, what comes late for the next. A node
/// that does not answer holds up nobody else.
final class MetricGatherer: Sendable {
  let source: any MetricSource
  /// Whether the nodes' pods are read separately.
  private let isByNode: Bool
  private let workers: WorkerPool

  private struct State {
    var arrived = MetricSnapshot()
    /// Parts that are being read: nodes, or "".
    var busy: Set<String> = []
    var failures: [String: ClusterError] = [:]
  }

  private let state = Mutex(State())
  /// All readings that are under way, of whatever round.
  private let readings = DispatchGroup()

  init(_ source: any MetricSource, workers: Int = 4) {
    self.source = source
    isByNode = source.isReadByNode
    self.workers = WorkerPool(threads: isByNode ? workers : 1)
  }

  /// Why the last reading of some part failed; nil while all parts answer.
  var failure: ClusterError? { state.withLock { $0.failures.values.first } }

  /// Waits until no part is being read any more.
  func awaitReadings() { readings.wait() }

  /// Starts reading every part that is not being read yet, waits for them at most so long (seconds), and returns all that has
  /// come since the last call.
  func gather(_ pods: [SelectedPod], waitingAtMost patience: Double) -> MetricSnapshot {
    var parts: [String: [SelectedPod]] = [:]
    if isByNode {
      for pod in pods { parts[pod.node, default: []].append(pod) }
    } else if !pods.isEmpty {
      parts[""] = pods
    }
    let due = state.withLock { state -> [String] in
      state.failures = state.failures.filter { parts[$0.key] != nil }
      let due = parts.keys.filter { state.busy.insert($0).inserted }
      return due.sorted()
    }
    let group = DispatchGroup()
    for part in due {
      guard let pods = parts[part] else { continue }
      group.enter()
      readings.enter()
      workers.submit { [self] in
        read(part, pods)
        group.leave()
        readings.leave()
      }
    }
    _ = group.wait(timeout: .now() + .nanoseconds(Int(min(max(patience, 0), 1e6) * 1e9)))
    return state.withLock { state in
      defer { state.arrived = MetricSnapshot() }
      return state.arrived
    }
  }

  private func read(_ part: String, _ pods: [SelectedPod]) {
    do throws(ClusterError) {
      let snapshot = try source.read(pods)
      state.withLock { state in
        state.arrived.merge(snapshot)
        state.failures[part] = nil
        state.busy.remove(part)
      }
    } catch {
      state.withLock { state in
        state.failures[part] = error
        state.busy.remove(part)
      }
    }
  }
}
