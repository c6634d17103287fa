import Autoscaling

/// A place in a group: the pod that has it now, as the loop must know it.
public struct Place: Sendable, Equatable {
  public var description: PodDescription
  /// The limit to lead the pod back to, where it is known better than from its first sample.
  public var original: Millicores?
  /// Whether resizes of this pod are sent; otherwise it is only advised.
  public var isApplied: Bool
  /// The workload that made the pod, `Kind/name`; empty where there is none.
  public var owner: String

  /// A place that no pod has had yet.
  public static let vacant = Place(PodDescription(name: "-"))

  public init(_ description: PodDescription, original: Millicores? = nil, isApplied: Bool = true, owner: String = "") {
    self.description = description
    self.original = original
    self.isApplied = isApplied
    self.owner = owner
  }
}

/// The pods that a control loop drives: real ones behind an API server, or simulated ones.
public protocol ControlledCluster: AnyObject {
  /// Who is driven, in the order of samples and resizes. May grow, never shrinks: a place whose pod has left stays, with an
  /// absent sample, until another pod takes it.
  var places: [Place] { get }

  /// What pods of the pool hold that are there but were never measured, millicores.
  var reserved: Millicores { get }

  /// Seconds on the samples' own clock.
  var now: Double { get }

  /// Waits until the loop's next round is due, `interval` seconds after the last, and returns false when there will be none.
  func awaitRound(interval: Double) throws -> Bool

  /// Rounds that were due and did not take place, because an earlier one took too long.
  var missedRounds: Int { get }

  /// Writes the newest sample of every place.
  func sample(into samples: UnsafeMutableBufferPointer<PodSample>) throws

  /// Whether resizes may be sent at present: false while another instance acts.
  var mayAct: Bool { get }

  /// The group has been replaced by one that knows nothing of resizes on their way: from now on the cluster counts them.
  func noteFreshGroup()

  /// Resizes that may be sent at once; nil for any number.
  var resizesAvailable: Int? { get }

  /// How many of these resizes, from the first, may be sent at once.
  func affordable(_ order: [Int]) -> Int

  /// Whether the cluster wants to be left alone with this pod for a while.
  func isQuiet(_ place: Int) -> Bool

  /// Sends new limits, without waiting for what becomes of them.
  func resize(_ places: [Int], to limits: (Int) -> Millicores) throws

  /// The places whose resize, sent earlier, will not come to pass, as far as that is known by now. Each is told once.
  ///
  /// - Parameter isRoundOver: whether to wait for answers that are about to come.
  func takeRejections(isRoundOver: Bool) throws -> [Int]
}

extension ControlledCluster {
  public var reserved: Millicores { 0 }
  public var missedRounds: Int { 0 }
  public var mayAct: Bool { true }
  public func noteFreshGroup() {}
  public var resizesAvailable: Int? { nil }
  public func affordable(_ order: [Int]) -> Int { order.count }
  public func isQuiet(_ place: Int) -> Bool { false }
  public func takeRejections(isRoundOver: Bool) throws -> [Int] { [] }
}
