import Autoscaling
import Kubernetes

/// What one node's agent has said, and been told, about its part of a pool that spans nodes. It is kept in annotations of the
/// lease by which the agent shows that it is alive; every change of it goes by the lease's resource version, so that neither
/// side ever acts on what the other has already changed.
public struct NodeShare: Sendable, Equatable {
  public static let shareKey = "marlise/share"
  public static let boundKey = "marlise/bound"
  public static let heldKey = "marlise/held"
  public static let wantedKey = "marlise/wanted"
  public static let floorKey = "marlise/floor"
  /// The label by which the leases of one pool are found.
  public static let poolLabel = "marlise/pool"

  /// Granted to the node, millicores; nil before the first grant.
  public var share: Millicores?
  /// The share that the agent acts by. It acts by a larger one only after it has said so here.
  public var bound: Millicores
  /// What its pods have in force or may yet get.
  public var held: Millicores
  /// What its agents ask for.
  public var wanted: Millicores
  /// What its pods need at least.
  public var floor: Millicores

  public init(share: Millicores? = nil, bound: Millicores = 0, held: Millicores, wanted: Millicores, floor: Millicores)
  {
    self.share = share
    self.bound = bound
    self.held = held
    self.wanted = wanted
    self.floor = floor
  }

  /// Reads the annotations; what is missing or no number of millicores counts as 0, an absurd number as very much.
  public init(_ annotations: [String: String]) {
    func number(_ key: String) -> Millicores? {
      annotations[key].flatMap { Int($0) }.map { min(max($0, 0), 1 << 40) }
    }
    share = number(Self.shareKey)
    bound = number(Self.boundKey) ?? 0
    held = number(Self.heldKey) ?? 0
    wanted = number(Self.wantedKey) ?? 0
    floor = number(Self.floorKey) ?? 0
  }

  public func write(to annotations: inout [String: String]) {
    annotations[Self.shareKey] = share.map(String.init)
    annotations[Self.boundKey] = String(bound)
    annotations[Self.heldKey] = String(held)
    annotations[Self.wantedKey] = String(wanted)
    annotations[Self.floorKey] = String(floor)
  }

  /// The most that this node's pods may come to hold before anybody hears of it.
  public var committed: Millicores { max(share ?? 0, bound, held) }
}

/// Hands a pool out to nodes. Pure.
///
/// Whatever nodes want, Σ max(share, bound, held) never grows beyond the pool: a share is raised only by what all commitments
/// leave, and what a lowered share frees is handed on when the node's agent has said that it holds no more.
public struct PoolShares: Sendable, Equatable {
  public var capacity: Millicores
  /// Changes that are smaller than this part of a share are not worth a write, unless somebody lacks CPU.
  public var hysteresis = 0.05

  public init(capacity: Millicores) {
    self.capacity = capacity
  }

  /// The nodes' new shares, in their order; nil where the present one stays.
  public func shares(_ nodes: [NodeShare]) -> [Millicores?] {
    let targets = targets(nodes)
    var committed = nodes.reduce(0) { $0 + $1.committed }
    var shares: [Millicores?] = Array(repeating: nil, count: nodes.count)
    // Cuts first: they cost nothing now and pay for raises later.
    for (index, node) in nodes.enumerated() {
      guard let share = node.share, targets[index] < share, isWorthIt(share, targets[index]) else { continue }
      shares[index] = targets[index]
      committed += max(targets[index], node.bound, node.held) - node.committed
    }
    for (index, node) in nodes.enumerated() where shares[index] == nil {
      let share = node.share ?? 0
      guard targets[index] > share || node.share == nil else { continue }
      // Up to what the node is committed to anyway a raise is free.
      let top = node.committed + max(capacity - committed, 0)
      let new = min(targets[index], top)
      guard node.share == nil || new > share, node.share == nil || isWorthIt(share, new) || share < node.wanted else {
        continue
      }
      shares[index] = new
      committed += max(new, node.bound, node.held) - node.committed
    }
    return shares
  }

  private func isWorthIt(_ from: Millicores, _ to: Millicores) -> Bool {
    abs(to - from) >= max(10, Int(Double(from) * hysteresis))
  }

  /// Where the shares should end: what is wanted, by max–min fairness where that is too much; what is left over goes out in
  /// proportion to what is wanted, so that a burst need not wait for the next round.
  private func targets(_ nodes: [NodeShare]) -> [Millicores] {
    let requests = nodes.map {
      ResourcePool.Request(limit: max($0.wanted, $0.floor), floor: $0.floor, priority: Double(max($0.floor, 1)))
    }
    var grants = Array(repeating: 0, count: nodes.count)
    requests.withUnsafeBufferPointer { requests in
      grants.withUnsafeMutableBufferPointer { ResourcePool(capacity: capacity).grant(requests, into: $0) }
    }
    let granted = grants.reduce(0, +)
    guard granted > 0, capacity > granted else { return grants }
    let left = Double(capacity - granted)
    return grants.map { $0 + Int(left * Double($0) / Double(granted)) }
  }
}
