import Autoscaling
import Dispatch
import Kubernetes
import Synchronization

/// Sends resizes from a few threads, each with a connection of its own, and keeps the answers until the loop asks for them. A
/// server that hangs holds up a thread, never the loop.
final class PatchSender: Sendable {
  /// One resize to send.
  struct Order: Sendable {
    var place: Int
    /// Tells this order's answer from those of earlier tenants of the place.
    var ticket: Int
    var resize: PodResize
    var pod: Pod
    /// What must be kept durably before; nil where that has been done.
    var original: OriginalValues?
  }

  struct Answer: Sendable {
    var place: Int
    var ticket: Int
    var outcome: Outcome
    /// Seconds on the monotonic clock at which the patch was handed to the wire; nil for one that was not, and for a later look.
    var sentAt: Double?
    /// Whether the order asked to keep the pod's original first.
    var keptOriginal: Bool
  }

  /// What became of an order.
  enum Outcome: Sendable {
    case accepted(ResizeRecord, Pod)
    /// The server refused, or it was not sent at all.
    case refused(ClusterError)
    /// No answer came, but the pod shows that it was not taken.
    case notTaken(ClusterError)
    /// No answer came, and the pod could not be looked at: it may or may not have been taken.
    case unknown(ClusterError, Order)
    /// The original could not be kept, so nothing was sent.
    case notKept(String)
  }

  let resizer: PodResizer
  private let originals: any OriginalsStore
  private let pacing: Pacing
  /// Seconds that a patch may wait for its turn within the budget of writes.
  private let patience: Double
  private let workers: WorkerPool
  private let readers = WorkerPool(threads: 1, isBackground: true)
  private let answers = Mutex<[Answer]>([])
  private let open = DispatchGroup()

  init(_ resizer: PodResizer, originals: any OriginalsStore, pacing: Pacing, patience: Double, threads: Int) {
    self.resizer = resizer
    self.originals = originals
    self.pacing = pacing
    self.patience = patience
    workers = WorkerPool(threads: threads)
  }

  /// Sends a resize. Its answer is read elsewhere: a patch must not stand behind another's paper work.
  func send(_ order: Order) {
    open.enter()
    workers.submit { [self] in
      if let refusal = keepOriginal(order) { return finish(order, refusal, sentAt: nil) }
      var time: Double?
      do throws(ClusterError) {
        let response = try resizer.transmit(order.resize, patience: patience) { time = $0 }
        let sentAt = time
        readers.submit { [self] in finish(order, read(response, to: order), sentAt: sentAt) }
      } catch {
        let sentAt = time
        guard Self.isUncertain(error) else { return finish(order, .refused(error), sentAt: sentAt) }
        workers.submit { [self] in finish(order, lookUp(order, after: error), sentAt: sentAt) }
      }
    }
  }

  /// Looks again for what became of an order whose answer was lost.
  func lookUp(_ order: Order, lost error: ClusterError) {
    open.enter()
    workers.submit { [self] in finish(order, lookUp(order, after: error), sentAt: nil) }
  }

  /// Other requests of little weight: events, notes. Their failures are nobody's concern.
  func send(note request: APIRequest) {
    workers.submit { [self] in _ = try? resizer.client.send(request) }
  }

  /// Any other work that waits for the server.
  func perform(_ job: @escaping @Sendable () -> Void) { workers.submit(job) }

  /// The answers that have come since the last call.
  ///
  /// - Parameter patience: seconds to wait until none is open any more.
  func takeAnswers(waitingAtMost patience: Double) -> [Answer] {
    if patience > 0 { _ = open.wait(timeout: .now() + .nanoseconds(Int(min(patience, 1e6) * 1e9))) }
    return answers.withLock { answers in
      defer { answers = [] }
      return answers
    }
  }

  private func finish(_ order: Order, _ outcome: Outcome, sentAt: Double?) {
    answers.withLock {
      $0.append(
        Answer(
          place: order.place, ticket: order.ticket, outcome: outcome, sentAt: sentAt,
          keptOriginal: order.original != nil))
    }
    open.leave()
  }

  /// Nil once the original is kept.
  private func keepOriginal(_ order: Order) -> Outcome? {
    guard let original = order.original else { return nil }
    do {
      try originals.keep([(order.pod, original)])
      return nil
    } catch let error as ClusterError {
      return .refused(error)
    } catch {
      return .notKept("\(error)")
    }
  }

  private func read(_ response: HTTPResponse, to order: Order) -> Outcome {
    do throws(ClusterError) {
      let (record, pod) = try resizer.read(response, of: order.resize)
      return .accepted(record, pod)
    } catch {
      return lookUp(order, after: error)
    }
  }

  /// Whether the patch may have been taken although it failed for us.
  private static func isUncertain(_ error: ClusterError) -> Bool {
    switch error.kind {
    case .transport(let kind): kind != .unreachable
    case .server, .unreadable: true
    default: false
    }
  }

  /// Reads the pod, which tells whether an unanswered patch was taken.
  private func lookUp(_ order: Order, after error: ClusterError) -> Outcome {
    let resize = order.resize
    do throws(ClusterError) {
      let pod = try resizer.client.send(
        APIRequest(.get, .pods, namespace: resize.namespace, name: resize.name), as: Pod.self)
      guard pod.metadata.uid == resize.uid else { return .notTaken(error) }
      let now = OriginalValues(pod, container: resize.container)
      let isTaken =
        (!resize.changesLimit || now.limit == resize.limit) && (!resize.changesRequest || now.request == resize.request)
      return isTaken ? .accepted(ResizeRecord(answer: pod, container: resize.container), pod) : .notTaken(error)
    } catch let failure {
      // A pod that is gone took nothing.
      return failure.kind == .notFound ? .refused(failure) : .unknown(error, order)
    }
  }
}
