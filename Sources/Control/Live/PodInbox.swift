import Kubernetes
import Synchronization

/// Changes of pods, from the watchers' threads to the loop's.
final class PodInbox: Sendable {
  private struct State {
    var changes: [PodChange] = []
    var newest: UInt64 = 0
  }

  private let state = Mutex(State())

  /// The highest resourceVersion that a pod has come with, where these are numbers.
  var newest: UInt64 { state.withLock { $0.newest } }

  func append(_ new: [PodChange]) {
    state.withLock { state in
      state.changes += new
      for change in new { state.newest = max(state.newest, UInt64(change.pod.metadata.resourceVersion) ?? 0) }
    }
  }

  func take() -> [PodChange] {
    state.withLock { state in
      defer { state.changes = [] }
      return state.changes
    }
  }

  /// Waits until a pod has come with this resourceVersion or a higher one, for a minute at most. Who drives a clock that is not
  /// the world's lets nobody fall behind it so.
  func awaitVersion(_ version: UInt64) {
    let deadline = Pacing.system.now() + 60
    while newest < version, Pacing.system.now() < deadline { Pacing.system.sleep(0.0005) }
  }
}
