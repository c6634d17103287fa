import Autoscaling
import Kubernetes
import Synchronization

/// A node agent's side of a shared pool: says what its pods hold and want with every renewal of its lease, and learns its share
/// from the answer.
public final class ShareHolder: LeaseContent {
  private struct State {
    /// What the loop has told last.
    var held: Millicores = 0
    var wanted: Millicores = 0
    var floor: Millicores = 0
    /// The whole pool.
    var capacity: Millicores = 0
    /// nil until the first share is known and confirmed.
    var inUse: Millicores?
  }

  private let pool: String
  private let state = Mutex(State())

  /// - Parameter pool: its name, for the lease's label.
  public init(pool: String) {
    self.pool = pool
  }

  /// Before anything else.
  ///
  /// - Parameters:
  ///   - capacity: the whole pool, millicores: no share is larger.
  ///   - held: what the node's pods hold at the beginning.
  ///   - floor: what they need at least.
  public func begin(capacity: Millicores, held: Millicores, floor: Millicores) {
    state.withLock { $0 = State(held: held, wanted: held, floor: floor, capacity: capacity) }
  }

  /// The name of the lease of one node's part of a pool.
  public static func leaseName(pool: String, node: String) -> String { "marlise-share-\(pool)-\(node)" }

  /// What of the whole pool is not for this node's pods at present, millicores. Before a share is known they may keep what they
  /// hold, and no more.
  public var withheld: Millicores {
    state.withLock { $0.capacity - min($0.inUse ?? $0.held, $0.capacity) }
  }

  /// The share in use; nil before one is known.
  public var share: Millicores? { state.withLock { $0.inUse } }

  /// After each round: what the pods hold or may yet get, what is asked for them, and what they need at least.
  public func tell(held: Millicores, wanted: Millicores, floor: Millicores) {
    state.withLock { state in
      state.held = held
      state.wanted = wanted
      state.floor = floor
    }
  }

  /// Fills in what is said with a renewal. Whoever gets this lease accepted acts by the share that stands in it.
  public func prepare(_ lease: inout Lease) {
    lease.metadata.labels[NodeShare.poolLabel] = pool
    state.withLock { state in
      var said = NodeShare(lease.metadata.annotations)
      said.held = state.held
      said.wanted = state.wanted
      said.floor = state.floor
      said.bound = said.share ?? said.bound
      said.write(to: &lease.metadata.annotations)
    }
  }

  /// Takes the lease as the server has it now.
  ///
  /// - Parameter isOurs: whether it was written by us, so that the share in it is the one we are bound by.
  public func take(_ lease: Lease, isOurs: Bool) {
    let said = NodeShare(lease.metadata.annotations)
    state.withLock { state in
      guard let share = said.share else { return }
      if isOurs {
        state.inUse = min(said.bound, share)
      } else if let inUse = state.inUse {
        state.inUse = min(inUse, share)
      }
    }
  }

  /// What a round says of the node's pods.
  ///
  /// - Parameter beside: what they hold that the group does not know.
  public func tell(_ round: ControlRound, _ group: PodGroup, beside: Millicores) {
    var wanted = beside
    var floor = beside
    for place in 0..<group.count where group.samples[place].isPresent {
      wanted += max(group.resizes[place].request, group.pods[place].bounds.lowerBound)
      floor += group.pods[place].bounds.lowerBound
    }
    tell(
      held: group.settings.pool.capacity - round.reserved - group.available + beside, wanted: wanted, floor: floor)
  }
}
