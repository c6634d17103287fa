import Autoscaling
import Kubernetes
import Synchronization

/// Asks for the pods' response times beside the loop, one question at a time, and keeps the last answer while it is young: a
/// slow Prometheus makes response times old, never decisions late.
final class ResponseTimeReader: Sendable {
  /// Seconds by `namespace/pod`.
  typealias Question = @Sendable () throws(ClusterError) -> [String: Double]

  private let question: Question
  private let clock: Pacing
  /// How old an answer may be, seconds.
  private let ageMaximum: Double
  private let workers = WorkerPool(threads: 1)

  private struct State {
    var isAsking = false
    var values: [String: Double] = [:]
    var answeredAt = -Double.infinity
    var failure: ClusterError?
  }

  private let state = Mutex(State())

  init(ageMaximum: Double, clock: Pacing, question: @escaping Question) {
    self.ageMaximum = ageMaximum
    self.clock = clock
    self.question = question
  }

  /// Why the last question was not answered.
  var failure: ClusterError? { state.withLock { $0.failure } }

  /// The last answer, if it is young enough; asks anew unless a question is on its way.
  func read() -> [String: Double] {
    let now = clock.now()
    let (values, isDue) = state.withLock { state -> ([String: Double], Bool) in
      let isDue = !state.isAsking
      state.isAsking = true
      return (now - state.answeredAt <= ageMaximum ? state.values : [:], isDue)
    }
    if isDue { workers.submit { [self] in ask() } }
    return values
  }

  private func ask() {
    do throws(ClusterError) {
      let values = try question()
      let now = clock.now()
      state.withLock { $0 = State(values: values, answeredAt: now) }
    } catch {
      state.withLock { state in
        state.failure = error
        state.isAsking = false
      }
    }
  }
}
