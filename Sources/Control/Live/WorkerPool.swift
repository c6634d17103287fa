import Dispatch
import Glibc
import Synchronization

/// A few threads that do blocking work, first come, first served. What is still waiting when the pool goes is not done.
final class WorkerPool: Sendable {
  typealias Job = @Sendable () -> Void

  private struct State {
    var jobs: [Job] = []
    var first = 0
    var isClosed = false
  }

  /// Shared with the threads, which must not keep the pool alive.
  private final class Queue: Sendable {
    let state = Mutex(State())
    let arrived = DispatchSemaphore(value: 0)
    let isBackground: Bool

    init(isBackground: Bool) {
      self.isBackground = isBackground
    }

    func work() {
      // On Linux this is the thread's own. Failing it only costs time.
      if isBackground { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10) }
      while true {
        arrived.wait()
        let job = state.withLock { state -> Job? in
          guard !state.isClosed, state.first < state.jobs.count else { return nil }
          let job = state.jobs[state.first]
          state.first += 1
          if state.first == state.jobs.count {
            state.jobs.removeAll(keepingCapacity: true)
            state.first = 0
          }
          return job
        }
        guard let job else { return }
        job()
      }
    }
  }

  private let queue: Queue
  let threads: Int

  /// - Parameter isBackground: whether others go first where processors are short.
  init(threads: Int, isBackground: Bool = false) {
    self.threads = threads
    queue = Queue(isBackground: isBackground)
    for _ in 0..<threads {
      var thread = pthread_t()
      let context = Unmanaged.passRetained(queue).toOpaque()
      if pthread_create(&thread, nil, workOff, context) == 0 {
        pthread_detach(thread)
      } else {
        Unmanaged<Queue>.fromOpaque(context).release()
      }
    }
  }

  deinit {
    queue.state.withLock { $0.isClosed = true }
    for _ in 0..<threads { queue.arrived.signal() }
  }

  func submit(_ job: @escaping Job) {
    queue.state.withLock { $0.jobs.append(job) }
    queue.arrived.signal()
  }

  fileprivate static func work(_ context: UnsafeMutableRawPointer) {
    Unmanaged<Queue>.fromOpaque(context).takeRetainedValue().work()
  }
}

// A global function: it converts to a C function pointer and belongs to no actor.
private func workOff(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let context { WorkerPool.work(context) }
  return nil
}
