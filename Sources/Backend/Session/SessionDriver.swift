import Autoscaling
import Control

/// Where the pods are, for people.
public struct ClusterFacts: Sendable, Equatable {
  /// `kubernetes` or `simulated`.
  public var kind: String
  public var server: String?
  public var version: String?
  /// The source of metrics.
  public var metrics: String?

  public init(kind: String, server: String? = nil, version: String? = nil, metrics: String? = nil) {
    self.kind = kind
    self.server = server
    self.version = version
    self.metrics = metrics
  }
}

/// Who acts, where several instances elect one.
public struct ElectionFacts: Sendable, Equatable {
  public var identity: String
  public var leader: String
  public var isLeader: Bool
  public var lease: String

  public init(identity: String, leader: String, isLeader: Bool, lease: String) {
    self.identity = identity
    self.leader = leader
    self.isLeader = isLeader
    self.lease = lease
  }
}

/// What became of the resizes so far.
public struct ResizeCounts: Sendable, Equatable {
  public var sent = 0
  public var refused = 0
  public var unanswered = 0

  public init(sent: Int = 0, refused: Int = 0, unanswered: Int = 0) {
    self.sent = sent
    self.refused = refused
    self.unanswered = unanswered
  }
}

/// A control loop with its cluster, as a session drives it: used by the session's thread only.
public protocol SessionDriver: AnyObject {
  var facts: ClusterFacts { get }
  var election: ElectionFacts? { get }
  var group: PodGroup { get }
  var counts: ResizeCounts { get }

  /// Waits for the next round and performs it; nil when it was woken before, or there will be none. `seconds` is what the round
  /// took, without the wait.
  func perform() throws -> (round: ControlRound, seconds: Double)?

  /// Goes on with other settings. Throws one sentence, and has changed nothing then.
  func change(to settings: SessionSettings) throws

  /// Whether pods that left still wait for their original limits, though the agents do not act.
  var owesLimits: Bool { get }

  /// Puts all original limits back, and lets the pods be. Returns how many, and which failed for what reason.
  func release() -> (restored: Int, failed: [String: String])

  /// Lowers every pod, or one, to its minimum in the next round, whatever the agents want, and whether they act or not.
  ///
  /// - Parameter pod: its name; nil for all.
  func lowerOnce(_ pod: String?)

  /// Why nothing moves on a place; empty when all is well.
  func note(_ place: Int) -> String
}
