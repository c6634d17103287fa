import FoundationEssentials
import Glibc
import Synchronization

/// Follows the pods of a selection: lists them in pages, then watches with bookmarks, reconnects where it was, lists again
/// when the server has forgotten that place. One thread of its own, for as long as it is wanted.
///
/// A missing right or an expired credential does not end it: it keeps trying at the longest wait, and `failure` tells.
public final class PodWatcher: Sendable {
  private let client: APIClient
  /// nil for all namespaces.
  public let namespace: String?
  private let selectors: [APIRequest.Parameter]
  private let pacing: Pacing
  private let onChange: @Sendable ([PodChange]) -> Void
  private let cancellation = Cancellation()

  private struct State {
    var store = PodStore()
    var isSynced = false
    var failure: ClusterError?
  }

  private let state = Mutex(State())

  /// Seconds after which the server is asked to end a watch; it is renewed from where it was.
  static let watchDuration = 240
  /// Bookmarks come about once a minute; a stream that is silent for longer than this is taken for dead.
  static let silenceMaximum: Double = 90

  /// - Parameters:
  ///   - selectors: label and field selectors.
  ///   - onChange: called on the watcher's thread, never at the same time twice.
  public init(
    client: APIClient, namespace: String?, selectors: [APIRequest.Parameter] = [], pacing: Pacing = .system,
    onChange: @escaping @Sendable ([PodChange]) -> Void = { _ in }
  ) {
    self.client = client
    self.namespace = namespace
    self.selectors = selectors
    self.pacing = pacing
    self.onChange = onChange
  }

  /// The pods as last told, by key.
  public var pods: [String: Pod] { state.withLock { $0.store.pods } }
  /// Whether the first list has come.
  public var isSynced: Bool { state.withLock { $0.isSynced } }
  /// Why the last step failed; nil while all is well.
  public var failure: ClusterError? { state.withLock { $0.failure } }

  /// Begins to follow on a thread of its own.
  public func start() {
    let context = Unmanaged.passRetained(self).toOpaque()
    var thread = pthread_t()
    if pthread_create(&thread, nil, followPods, context) == 0 {
      pthread_detach(thread)
    } else {
      Unmanaged<PodWatcher>.fromOpaque(context).release()
    }
  }

  /// Ends the following, within about a second.
  public func stop() { cancellation.cancel() }

  /// Follows on the calling thread until `stop`.
  func run() {
    // Reading what has become of resizes must not delay sending them. On Linux this is the thread's own priority.
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
    var plan = WatchPlan()
    while !cancellation.isCancelled {
      let outcome: WatchPlan.Outcome
      do throws(ClusterError) {
        outcome = try perform(plan.step)
        state.withLock { $0.failure = nil }
      } catch {
        outcome = .failed(error)
        state.withLock { $0.failure = error }
      }
      rest(plan.proceed(after: outcome, random: pacing.random()))
    }
  }

  /// Sleeps in short pieces, so that `stop` is heard.
  private func rest(_ seconds: Double) {
    var left = seconds
    while left > 0, !cancellation.isCancelled {
      pacing.sleep(min(left, 0.5))
      left -= 0.5
    }
  }

  private func perform(_ step: WatchPlan.Step) throws(ClusterError) -> WatchPlan.Outcome {
    switch step {
    case .list:
      var request = APIRequest(.list, .pods, namespace: namespace)
      request.query += selectors
      let list = try client.list(request, of: Pod.self)
      let changes = state.withLock { $0.store.replace(with: list) }
      if !changes.isEmpty { onChange(changes) }
      // Only now: whoever waits for the list wants its pods told.
      state.withLock { $0.isSynced = true }
      return .listed
    case .watch: return .ended(events: try watch())
    }
  }

  private func watch() throws(ClusterError) -> Int {
    var request = APIRequest(
      .watch, .pods, namespace: namespace,
      query: [
        "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": String(Self.watchDuration),
        "resourceVersion": state.withLock { $0.store.resourceVersion },
      ])
    request.query += selectors
    request.timeout = Double(Self.watchDuration) + 30
    let decoder = JSONDecoder()
    var events = 0
    var failure: ClusterError?
    try client.watch(request, silenceMaximum: Self.silenceMaximum, cancellation: cancellation) { line in
      do {
        let event = try decoder.decode(PodEvent.self, from: line)
        if case .error(let status) = event {
          failure = ClusterError(
            status.code == 410 ? .gone : .server, operation: request.description, message: status.message,
            httpStatus: status.code, status: status)
          return false
        }
        events += 1
        let changes = state.withLock { $0.store.apply(event) }
        if !changes.isEmpty { onChange(changes) }
        return !cancellation.isCancelled
      } catch {
        // What follows would rest on what was missed: list again.
        failure = APIClient.unreadable(request, error, status: 200)
        failure?.kind = .gone
        return false
      }
    }
    if let failure { throw failure }
    return events
  }
}

// A global function: it converts to a C function pointer and belongs to no actor.
private func followPods(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let context { Unmanaged<PodWatcher>.fromOpaque(context).takeRetainedValue().run() }
  return nil
}
