import Foundation
import Kubernetes
import Synchronization
import Terminal

/// Says on the pod that we run in whether this instance acts, so that a Service can lead to the one that does.
final class LeaderLabel: Sendable {
  static let key = "marlise/leader"

  private let client: APIClient
  private let namespace: String
  private let pod: String
  private let log: Log
  /// One after the other: what is written last must be what is true.
  private let queue = DispatchQueue(label: "leader label")
  /// Counts the changes: an older one that is still being tried gives way.
  private let version = Mutex(0)

  /// - Returns: nil outside a pod that tells its name in POD_NAME and POD_NAMESPACE.
  init?(
    _ connection: ClusterConnection, _ log: Log,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    guard let pod = environment["POD_NAME"], let namespace = environment["POD_NAMESPACE"], !pod.isEmpty,
      !namespace.isEmpty
    else { return nil }
    self.pod = pod
    self.namespace = namespace
    self.log = log
    // One of its own: a budget of writes that is used up must not keep the Service from finding us.
    client = APIClient(connection: connection, budget: WriteBudget(count: 2))
  }

  /// Returns at once; tries until it is written, or until something else is to be.
  func set(_ leads: Bool) {
    let number = version.withLock { version in
      version += 1
      return version
    }
    queue.async { [self] in
      var request = PodNotes.label(namespace: namespace, name: pod, [Self.key: leads ? "true" : "false"])
      request.timeout = 3
      request.writePatience = 2
      var failures = 0
      while version.withLock({ $0 == number }) {
        do throws(ClusterError) {
          _ = try client.send(request)
          return
        } catch {
          failures += 1
          if failures == 1 || !error.isRetryable {
            log.warning("the Service cannot see whether this instance acts", ["because": .text("\(error)")])
          }
          guard error.isRetryable else { return }
          Thread.sleep(forTimeInterval: Backoff(base: 0.5, maximum: 10).delay(failures: failures, random: 0.5))
        }
      }
    }
  }
}
