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
    /// Seconds on the monotonic clock at which the patch was handed to the wire.
    var sentAt: Double
  }

  enum Outcome: Sendable {
    case accepted(ResizeRecord, Pod)
    /// The server refused, or it was not sent at all.
    case refused(ClusterError)
    /// No answer came: it may or may not have been taken.
    case unknown(ClusterError)
    /// The original could not be kept, so nothing was sent.
    case notKept(String)
  }

  let resizer: PodResizer
  private let originals: any OriginalsStore
  private let pacing: Pacing
  private let workers: WorkerPool
  private let answers = Mutex<[Answer]>([])
  private let open = DispatchGroup()

  init(_ resizer: PodResizer, originals: any OriginalsStore, pacing: Pacing, threads: Int) {
    self.resizer = resizer
    self.originals = originals
    self.pacing = pacing
    workers = WorkerPool(threads: threads)
  }

  func send(_ order: Order) {
    open.enter()
    workers.submit { [self] in
      let (outcome, sentAt) = perform(order)
      answers.withLock {
        $0.append(Answer(place: order.place, ticket: order.ticket, outcome: outcome, sentAt: sentAt))
      }
      open.leave()
    }
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

  private func perform(_ order: Order) -> (Outcome, sentAt: Double) {
    if let original = order.original {
      do {
        try originals.keep([(order.pod, original)])
      } catch let error as ClusterError {
        return (.refused(error), pacing.now())
      } catch {
        return (.notKept("\(error)"), pacing.now())
      }
    }
    let sentAt = pacing.now()
    do throws(ClusterError) {
      let (record, pod) = try resizer.send(order.resize)
      return (.accepted(record, pod), sentAt)
    } catch {
      return (Self.isUncertain(error) ? lookUp(order, after: error) : .refused(error), sentAt)
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
      guard pod.metadata.uid == resize.uid else { return .refused(error) }
      let now = OriginalValues(pod, container: resize.container)
      let isTaken =
        (!resize.changesLimit || now.limit == resize.limit) && (!resize.changesRequest || now.request == resize.request)
      return isTaken ? .accepted(ResizeRecord(answer: pod, container: resize.container), pod) : .refused(error)
    } catch {
      return .unknown(error)
    }
  }
}
