import CMarlise

/// Runs one piece of work on two threads at once, the caller's and one that waits for it; or on the caller's alone.
final class TwoThreads {
  private let worker: OpaquePointer?
  /// Called with 0 on the caller's thread and 1 on the other.
  private var body: (Int) -> Void

  /// - Throws: `LearningError.threads` when there is no second thread to be had.
  init(threads: Int, body: @escaping (Int) -> Void) throws {
    self.body = body
    if threads < 2 {
      worker = nil
      return
    }
    guard let worker = marlise_worker_create() else { throw LearningError.threads }
    self.worker = worker
  }

  deinit { if let worker { marlise_worker_destroy(worker) } }

  var isParallel: Bool { worker != nil }

  /// Runs `body(0)` and `body(1)` side by side, or `body(0)` and then `body(1)` when there is one thread.
  ///
  /// - Precondition: with one thread the body does not `meet`.
  func run() {
    guard let worker else {
      body(0)
      body(1)
      return
    }
    let context = Unmanaged.passUnretained(self).toOpaque()
    marlise_worker_run(
      worker,
      { context, thread in
        guard let context else { return }
        Unmanaged<TwoThreads>.fromOpaque(context).takeUnretainedValue().body(Int(thread))
      }, context)
  }

  /// As `run`, this once with another body: to look at what a thread has of its own, such as its counters.
  func run(once other: @escaping (Int) -> Void) {
    let usual = body
    body = other
    run()
    body = usual
  }

  /// Inside the body, on thread `thread`: waits until both threads are here.
  func meet(_ thread: Int) {
    if let worker { marlise_worker_meet(worker, Int32(thread)) }
  }
}
