import Autoscaling
import FoundationEssentials
import Kubernetes

/// The central side of a pool that spans nodes: reads what the node agents say, hands out shares, and takes back those of agents
/// that are heard of no more.
///
/// All state is in the leases: another instance goes on where this one ended.
public final class ShareKeeper {
  /// What one round found and did.
  public struct Round: Sendable, Equatable {
    public var nodes = 0
    /// Agents that are not heard of.
    public var silent: [String] = []
    public var changed = 0
    public var committed: Millicores = 0
  }

  public let namespace: String
  public let pool: String
  private let poolName: String?
  private let client: APIClient
  private let shares: PoolShares
  private let pacing: Pacing
  /// Which pods count on a node whose agent is silent.
  private let selection: PodSelection

  /// When each lease was last seen to change, on our clock.
  private struct Sighting {
    var spec: Lease.Spec
    var at: Double
  }

  private var sightings: [String: Sighting] = [:]

  /// - Parameters:
  ///   - pool: as in the leases' label.
  ///   - poolName: as in the pods' annotation; nil for pods that name none.
  ///   - selection: which pods count on a node whose agent is silent.
  public init(
    client: APIClient, namespace: String, pool: String, poolName: String?, capacity: Millicores,
    selection: PodSelection, pacing: Pacing = .system
  ) {
    self.client = client
    self.namespace = namespace
    self.pool = pool
    self.poolName = poolName
    self.selection = selection
    self.pacing = pacing
    shares = PoolShares(capacity: capacity)
  }

  /// Reads all, decides, and writes what changes.
  ///
  /// - Throws: `ClusterError` when the leases cannot be read. A write that fails is made up for in a later round.
  public func perform(mayAct: Bool) throws(ClusterError) -> Round {
    let request = APIRequest(
      .list, .leases, namespace: namespace, query: ["labelSelector": "\(NodeShare.poolLabel)=\(pool)"])
    let leases = try client.list(request, of: Lease.self).items.sorted { $0.metadata.name < $1.metadata.name }
    let now = pacing.now()
    var round = Round(nodes: leases.count)
    var nodes: [NodeShare] = []
    var isSilent: [Bool] = []
    for lease in leases {
      var node = NodeShare(lease.metadata.annotations)
      let silent = isSilentNow(lease, at: now)
      if silent {
        // Its agent has ended, or cannot reach the server, and has not acted since: what its pods hold is what counts.
        let name = lease.metadata.name
        round.silent.append(name)
        let held = try heldByPods(of: nodeName(ofLease: name))
        node.held = held
        node.bound = min(node.bound, held)
        node.wanted = held
        node.floor = held
      }
      nodes.append(node)
      isSilent.append(silent)
    }
    sightings = sightings.filter { entry in leases.contains { $0.metadata.name == entry.key } }
    round.committed = nodes.reduce(0) { $0 + $1.committed }
    guard mayAct else { return round }
    let new = shares.shares(nodes)
    // Cuts first. A raise may rest on any of them: if one fails there are none before the next look.
    var isSafe = true
    for isCut in [true, false] where isSafe {
      for index in nodes.indices {
        guard let share = new[index], (share < nodes[index].share ?? 0) == isCut else { continue }
        var node = nodes[index]
        node.share = share
        if write(node, to: leases[index]) { round.changed += 1 } else if isCut { isSafe = false }
      }
    }
    return round
  }

  private func write(_ node: NodeShare, to lease: Lease) -> Bool {
    var lease = lease
    node.write(to: &lease.metadata.annotations)
    var request = APIRequest(.update, .leases, namespace: namespace, name: lease.metadata.name)
    request.timeout = 3
    request.writePatience = 0.5
    guard let body = try? JSONEncoder().encode(lease) else { return false }
    request.body = body
    return (try? client.send(request)) != nil
  }

  /// An agent acts for 0.85 of its lease at most after its last renewal: see `LeaderElection`.
  private func isSilentNow(_ lease: Lease, at now: Double) -> Bool {
    let name = lease.metadata.name
    if lease.spec.holderIdentity.isEmpty { return true }
    guard let seen = sightings[name], seen.spec == lease.spec else {
      sightings[name] = Sighting(spec: lease.spec, at: now)
      return false
    }
    return now - seen.at > Double(max(lease.spec.leaseDurationSeconds, 1))
  }

  private func nodeName(ofLease name: String) -> String {
    String(name.dropFirst(ShareHolder.leaseName(pool: pool, node: "").count))
  }

  /// What the pool's pods on a node have in force or may yet get, millicores.
  private func heldByPods(of node: String) throws(ClusterError) -> Millicores {
    var sum = 0
    var selection = selection
    selection.node = node
    let namespaces: [String?] = selection.namespaces.isEmpty ? [nil] : selection.namespaces
    for namespace in namespaces {
      var request = APIRequest(.list, .pods, namespace: namespace)
      request.query += selection.selectors
      for pod in try client.list(request, of: Pod.self).items {
        guard pod.status.phase == "Running" || pod.status.phase == "Pending",
          (try? PodSettings(annotations: pod.metadata.annotations))?.pool == poolName
        else { continue }
        for container in pod.spec.containers where container.name == selection.container ?? container.name {
          let wanted = container.resources?.limits["cpu"]?.cpu ?? 0
          let inForce = pod.containerStatus(container.name)?.resources?.limits["cpu"]?.cpu ?? 0
          sum += max(wanted, inForce)
        }
      }
    }
    return sum
  }
}
