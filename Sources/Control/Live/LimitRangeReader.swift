import Kubernetes
import Synchronization

/// Reads a namespace's LimitRanges again when they have stood in the way: beside the loop, and once in a while only, however
/// many of its pods were refused. A LimitRange that is lowered stands in the way of all of them at once.
final class LimitRangeReader: Sendable {
  /// Seconds between two readings of one namespace.
  static let interval = 10.0

  private struct State {
    var askedAt: [String: Double] = [:]
    var arrived: [String: [LimitRange]] = [:]
  }
  private let state = Mutex(State())

  /// Has the LimitRanges read, unless they were a short while ago.
  ///
  /// - Parameters:
  ///   - time: seconds on the monotonic clock.
  ///   - perform: does work on another thread.
  ///   - read: one attempt. Where it fails, the bounds that are known hold until the next.
  func ask(
    _ namespace: String, at time: Double, perform: (@escaping @Sendable () -> Void) -> Void,
    read: @escaping @Sendable () throws(ClusterError) -> [LimitRange]
  ) {
    let isDue = state.withLock { state in
      if let asked = state.askedAt[namespace], time - asked < Self.interval { return false }
      state.askedAt[namespace] = time
      return true
    }
    guard isDue else { return }
    perform { [self] in
      guard let ranges = try? read() else { return }
      state.withLock { $0.arrived[namespace] = ranges }
    }
  }

  /// What was read since the last call, by namespace.
  func take() -> [String: [LimitRange]] {
    state.withLock { state in
      defer { state.arrived = [:] }
      return state.arrived
    }
  }
}
