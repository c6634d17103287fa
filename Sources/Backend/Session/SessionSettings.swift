import Autoscaling
import Control

/// What an operator decides while the loop runs.
public struct SessionSettings: Sendable, Equatable {
  public enum Mode: String, Sendable, CaseIterable {
    /// Decide and resize.
    case apply
    /// Decide and show, change nothing.
    case recommend
  }

  /// Whether the agents act; stopped, the pods have their original limits and are only looked at.
  public var isRunning: Bool
  public var mode: Mode
  /// The algorithm whose shipped agents drive; nil for the policy of choice or a checkpoint of one's own.
  public var algorithm: String?
  /// A file with agents, in place of the shipped ones.
  public var checkpoint: String?
  /// The agent whose weights every pod gets; nil: pod k has agent k's.
  public var hack: Int?
  /// The pool, millicores.
  public var capacity: Millicores
  /// Seconds between decisions.
  public var interval: Double
  /// Bounds of every limit, millicores.
  public var minimum: Millicores
  public var maximum: Millicores
  /// What was said of single pods, by name.
  public var pods: [String: PodOverride] = [:]

  public init(
    isRunning: Bool, mode: Mode, algorithm: String? = nil, checkpoint: String? = nil, hack: Int? = nil,
    capacity: Millicores, interval: Double, minimum: Millicores, maximum: Millicores
  ) {
    self.isRunning = isRunning
    self.mode = mode
    self.algorithm = algorithm
    self.checkpoint = checkpoint
    self.hack = hack
    self.capacity = capacity
    self.interval = interval
    self.minimum = minimum
    self.maximum = maximum
  }

  /// Whether resizes are to be sent.
  public var acts: Bool { isRunning && mode == .apply }
}

/// What an operator says of one pod, in place of what its annotations say.
public struct PodOverride: Sendable, Equatable {
  public var priority: Double?
  public var minimum: Millicores?
  public var maximum: Millicores?
  public var mode: SessionSettings.Mode?

  public init() {}

  public func adjust(_ place: inout Place) {
    if let priority { place.description.priority = priority }
    var low = minimum ?? place.description.bounds.lowerBound
    var high = maximum ?? place.description.bounds.upperBound
    // What was said of one bound alone holds against the other.
    if low > high { if maximum != nil { low = high } else { high = low } }
    if minimum != nil || maximum != nil { place.description.bounds = low...high }
    if let mode { place.isApplied = mode == .apply }
  }
}
