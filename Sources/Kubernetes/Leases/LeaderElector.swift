import FoundationEssentials
import Glibc
import Synchronization

/// What a lease carries beside its holder, in labels and annotations.
public protocol LeaseContent: Sendable {
  /// Before a lease is written.
  func prepare(_ lease: inout Lease)
  /// After it was read, or written by us.
  func take(_ lease: Lease, isOurs: Bool)
}

/// Keeps a lease, or waits for it, on a thread of its own.
///
/// Its requests go by a client of its own: a budget of writes that is used up must never cost the lease.
public final class LeaderElector: Sendable {
  private let client: APIClient
  private let pacing: Pacing
  private let onChange: @Sendable (Change) -> Void
  private let content: (any LeaseContent)?

  /// What people want to know.
  public enum Change: Sendable, Equatable {
    /// This instance acts from now on.
    case leads
    /// It does not any more.
    case follows(holder: String)
    case fails(ClusterError)
  }

  private struct State {
    var election: LeaderElection
    var isStopped = false
    var isRunning = false
    var wasLeader = false
    var holder: String?
    var failure: ClusterError?
    /// Steps whose failure has been told since they last succeeded.
    var complaints: Set<String> = []
  }

  private let state: Mutex<State>

  /// - Parameters:
  ///   - client: with the lease's connection and no budget that others use.
  ///   - content: what the lease carries besides.
  ///   - onChange: called on the elector's thread.
  public init(
    _ election: LeaderElection, client: APIClient, pacing: Pacing = .system, content: (any LeaseContent)? = nil,
    onChange: @escaping @Sendable (Change) -> Void = { _ in }
  ) {
    self.client = client
    self.pacing = pacing
    self.onChange = onChange
    self.content = content
    state = Mutex(State(election: election))
  }

  /// The longest that a write may take, seconds, so that it cannot land when another acts.
  public var writeTimeout: Double { state.withLock { $0.election.writeTimeout } }
  /// `namespace/name`.
  public var lease: String { state.withLock { $0.election.namespace + "/" + $0.election.name } }
  public var identity: String { state.withLock { $0.election.identity } }
  /// Who holds the lease, as far as is known; empty for nobody.
  public var holder: String { state.withLock { $0.election.holder } }
  public var failure: ClusterError? { state.withLock { $0.failure } }

  /// Whether this instance may act now. Cheap, and true only while that is certain: asked before every write.
  public var mayAct: Bool {
    let now = pacing.now()
    return state.withLock { $0.election.mayAct(at: now) }
  }

  /// Looks at the lease and tries, without changing anything, to write it, so that a missing right is known before anything
  /// begins; then keeps the lease or waits for it.
  ///
  /// - Throws: `ClusterError` that will not pass by itself.
  public func start() throws(ClusterError) {
    do throws(ClusterError) {
      let lease = try read()
      state.withLock { $0.election.note(read: lease, at: pacing.now()) }
      try proveWriting(lease)
    } catch {
      if !error.isRetryable { throw error }
    }
    state.withLock { $0.isRunning = true }
    let context = Unmanaged.passRetained(self).toOpaque()
    var thread = pthread_t()
    if pthread_create(&thread, nil, keepElecting, context) == 0 {
      pthread_detach(thread)
    } else {
      Unmanaged<LeaderElector>.fromOpaque(context).release()
    }
  }

  /// Ends the thread, and gives the lease up if it is ours, so that the next one need not wait for its end. Nothing may be
  /// written any more when this is called.
  public func stop() {
    state.withLock { $0.isStopped = true }
    let end = pacing.now() + 5
    while state.withLock({ $0.isRunning }), pacing.now() < end { pacing.sleep(0.01) }
    guard let lease = state.withLock({ $0.election.release(at: .now) }) else { return }
    if let released = try? write(lease) {
      state.withLock { $0.election.note(written: released, began: pacing.now()) }
    }
  }

  func run() {
    while !state.withLock({ $0.isStopped }) {
      let pause = perform()
      announce()
      rest(pause)
    }
    state.withLock { $0.isRunning = false }
  }

  /// One step; returns the seconds to wait after it.
  func perform() -> Double {
    let now = pacing.now()
    let step = state.withLock { $0.election.next(at: now, clock: .now) }
    let look = state.withLock { $0.election.lookInterval }
    let name = if case .read = step { "read" } else { "write" }
    do throws(ClusterError) {
      switch step {
      case .rest(let seconds): return min(seconds, look)
      case .read:
        let lease = try read()
        state.withLock { $0.election.note(read: lease, at: pacing.now()) }
        if let lease { content?.take(lease, isOurs: false) }
      case .create(let lease):
        let made = try create(lease)
        state.withLock { $0.election.note(written: made, began: now) }
        content?.take(made, isOurs: true)
      case .update(let lease):
        let made = try write(lease)
        state.withLock { $0.election.note(written: made, began: now) }
        content?.take(made, isOurs: true)
      }
      state.withLock { state in
        state.failure = nil
        state.complaints.remove(name)
      }
      return 0
    } catch {
      let isNew = state.withLock { state -> Bool in
        switch error.kind {
        // Another was faster: that is how elections go, not a failure.
        case .conflict, .notFound, .gone:
          state.election.noteConflict()
          return false
        default: state.election.noteFailure()
        }
        state.failure = error
        return state.complaints.insert(name).inserted
      }
      if isNew { onChange(.fails(error)) }
      return look * (0.5 + pacing.random())
    }
  }

  private func announce() {
    let now = pacing.now()
    let change = state.withLock { state -> Change? in
      let leads = state.election.mayAct(at: now)
      let holder = state.election.holder
      defer {
        state.wasLeader = leads
        state.holder = holder
      }
      if leads { return state.wasLeader ? nil : .leads }
      return state.wasLeader || state.holder != holder ? .follows(holder: holder) : nil
    }
    if let change { onChange(change) }
  }

  private func rest(_ seconds: Double) {
    var left = seconds
    while left > 0, !state.withLock({ $0.isStopped }) {
      pacing.sleep(min(left, 0.1))
      left -= 0.1
    }
  }

  // MARK: Requests

  private var place: (namespace: String, name: String, timeout: Double) {
    state.withLock { ($0.election.namespace, $0.election.name, min($0.election.writeTimeout, 5)) }
  }

  private func read() throws(ClusterError) -> Lease? {
    let place = place
    var request = APIRequest(.get, .leases, namespace: place.namespace, name: place.name)
    request.timeout = place.timeout
    do throws(ClusterError) {
      return try client.send(request, as: Lease.self)
    } catch {
      if error.kind == .notFound { return nil }
      throw error
    }
  }

  private func proveWriting(_ lease: Lease?) throws(ClusterError) {
    let step = state.withLock { $0.election.next(at: pacing.now(), clock: .now) }
    var request = APIRequest(.update, .leases, namespace: place.namespace, name: place.name)
    var trial = lease
    if case .create(let new) = step {
      request = APIRequest(.create, .leases, namespace: place.namespace)
      trial = new
    }
    guard let trial else { return }
    request.query.append(.init(name: "dryRun", value: "All"))
    do throws(ClusterError) {
      _ = try send(request, trial)
    } catch {
      // Whatever else is the matter, the election will meet it.
      if error.kind == .missingRight { throw error }
    }
  }

  private func create(_ lease: Lease) throws(ClusterError) -> Lease {
    try send(APIRequest(.create, .leases, namespace: lease.metadata.namespace), lease)
  }

  private func write(_ lease: Lease) throws(ClusterError) -> Lease {
    try send(APIRequest(.update, .leases, namespace: lease.metadata.namespace, name: lease.metadata.name), lease)
  }

  private func send(_ request: APIRequest, _ lease: Lease) throws(ClusterError) -> Lease {
    var request = request
    var lease = lease
    request.timeout = place.timeout
    // A renewal may come on the heels of the one before.
    request.writePatience = 1
    content?.prepare(&lease)
    do {
      request.body = try JSONEncoder().encode(lease)
    } catch {
      throw ClusterError(.configuration, operation: request.description, message: "\(error)")
    }
    return try client.send(request, as: Lease.self)
  }
}

// A global function: it converts to a C function pointer and belongs to no actor.
private func keepElecting(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let context { Unmanaged<LeaderElector>.fromOpaque(context).takeRetainedValue().run() }
  return nil
}
