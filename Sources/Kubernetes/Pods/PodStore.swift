/// What has happened to a pod.
public enum PodChange: Sendable, Equatable {
  case appeared(Pod)
  case changed(from: Pod, to: Pod)
  /// Deleted, or no longer matching the selector.
  case vanished(Pod)

  /// The pod as told.
  public var pod: Pod {
    switch self {
    case .appeared(let pod), .changed(_, let pod), .vanished(let pod): pod
    }
  }
}

/// The pods as the API server last told them, keyed by namespace and name. Pure: fed with lists and events.
public struct PodStore: Sendable, Equatable {
  public private(set) var pods: [String: Pod] = [:]
  /// To watch from; empty before the first list.
  public private(set) var resourceVersion = ""

  public init() {}

  /// Takes a whole list: what is not in it has vanished.
  public mutating func replace(with list: PodList) -> [PodChange] {
    var changes: [PodChange] = []
    let listed = Set(list.items.map(\.key))
    for (key, pod) in pods.sorted(by: { $0.key < $1.key }) where !listed.contains(key) {
      changes.append(.vanished(pod))
      pods[key] = nil
    }
    for pod in list.items { changes += put(pod) }
    resourceVersion = list.metadata.resourceVersion
    return changes
  }

  /// Takes one line of a watch.
  public mutating func apply(_ event: PodEvent) -> [PodChange] {
    switch event {
    case .added(let pod), .modified(let pod):
      resourceVersion = pod.metadata.resourceVersion
      return put(pod)
    case .deleted(let pod):
      resourceVersion = pod.metadata.resourceVersion
      // A deletion that comes after the same name was taken by another pod concerns the old one.
      guard let held = pods[pod.key], held.metadata.uid == pod.metadata.uid else { return [] }
      pods[pod.key] = nil
      return [.vanished(pod)]
    case .bookmark(let version, _):
      resourceVersion = version
      return []
    case .error: return []
    }
  }

  private mutating func put(_ pod: Pod) -> [PodChange] {
    let held = pods.updateValue(pod, forKey: pod.key)
    guard let held else { return [.appeared(pod)] }
    if held.metadata.uid != pod.metadata.uid { return [.vanished(held), .appeared(pod)] }
    return held.metadata.resourceVersion == pod.metadata.resourceVersion && held == pod
      ? [] : [.changed(from: held, to: pod)]
  }
}

/// What a follower of pods does next: list, or watch from where it is, and how long it rests before. Pure.
public struct WatchPlan: Sendable, Equatable {
  public enum Step: Sendable, Equatable {
    case list
    case watch
  }

  /// How the last step ended.
  public enum Outcome: Sendable, Equatable {
    case listed
    /// A watch ended in order, after so many events.
    case ended(events: Int)
    case failed(ClusterError)
  }

  public private(set) var step = Step.list
  /// Failures in a row.
  public private(set) var failures = 0
  private let backoff: Backoff

  public init(backoff: Backoff = Backoff(base: 0.5, maximum: 30)) {
    self.backoff = backoff
  }

  /// - Parameter random: uniform in [0, 1).
  /// - Returns: seconds to rest before the next step.
  public mutating func proceed(after outcome: Outcome, random: Double) -> Double {
    switch outcome {
    case .listed:
      failures = 0
      step = .watch
      return 0
    case .ended(let events):
      failures = 0
      step = .watch
      // Servers that end every watch at once must not be called in a tight loop.
      return events > 0 ? 0 : backoff.delay(failures: 1, random: random)
    case .failed(let error):
      failures += 1
      if error.kind == .gone {
        // Our version is forgotten: list again, at once the first time.
        step = .list
        if failures == 1 { return 0 }
      }
      return backoff.delay(failures: failures, retryAfter: error.retryAfter, random: random)
    }
  }
}
