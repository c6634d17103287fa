import Autoscaling

/// The pods that a control loop drives: real ones behind an API server, or simulated ones.
public protocol ControlledCluster: AnyObject {
  /// The pods' names, in the order of samples and resizes.
  var podNames: [String] { get }

  /// Seconds on the samples' own clock.
  var now: Double { get }

  /// Waits until the loop's next round is due, `interval` seconds after the last, and returns false when there will be none.
  func awaitRound(interval: Double) throws -> Bool

  /// Writes the newest sample of every pod.
  func sample(into samples: UnsafeMutableBufferPointer<PodSample>) throws

  /// Sets one pod's limit; returns whether it was accepted.
  func resize(pod: Int, to limit: Millicores) throws -> Bool
}
