import Autoscaling
import ClusterEmulator
import HTTPServer
import PodSimulation
import Synchronization
import Testing

@testable import Control
@testable import Kubernetes

@Suite("Handing a pool out to nodes")
struct ShareKeeperTests {
  @Test("agents get what they want over their leases, and what a silent one's pods hold is left to them")
  func shares() throws {
    var pod = PodParameters()
    pod.limit = 300
    var configuration = EmulatorConfiguration(
      pods: EmulatorConfiguration.pods(4, named: "web", nodes: 2, limit: 300, request: 50),
      simulation: PodClusterConfiguration(pods: Array(repeating: pod, count: 4), seed: 1),
      workload: try Workload(WorkloadSettings("constant", mean: 5, minimum: 1)))
    configuration.nodes = 2
    configuration.clock = .virtual
    let emulator = try ClusterEmulator(configuration, server: Server.Configuration())
    defer { emulator.stop() }
    let connection = ClusterConnection(
      address: ServerAddress(base: emulator.url), credentials: Credentials(source: .none), namespace: "default",
      label: "context 'emulated'")
    let client = APIClient(connection: connection)
    let capacity = 2000
    let time = Mutex(0.0)
    let pacing = Pacing(now: { time.withLock { $0 } }, sleep: { _ in }, random: { 0.5 })
    var agents: [(holder: ShareHolder, elector: LeaderElector)] = []
    for node in ["node-0", "node-1"] {
      let holder = ShareHolder(pool: "web")
      holder.begin(capacity: capacity, held: 600, floor: 100)
      let elector = LeaderElector(
        LeaderElection(
          identity: node, namespace: "default", name: ShareHolder.leaseName(pool: "web", node: node), duration: 15),
        client: client, pacing: pacing, content: holder)
      agents.append((holder, elector))
    }
    func turn() {
      time.withLock { $0 += 3 }
      for agent in agents {
        // A look and a claim, or a renewal.
        _ = agent.elector.perform()
        _ = agent.elector.perform()
      }
    }
    let keeper = ShareKeeper(
      client: client, namespace: "default", pool: "web", poolName: nil, capacity: capacity,
      selection: PodSelection(namespaces: ["default"]), pacing: pacing)
    for agent in agents { #expect(agent.holder.withheld == capacity - 600) }
    turn()
    agents[0].holder.tell(held: 600, wanted: 1500, floor: 100)
    agents[1].holder.tell(held: 300, wanted: 300, floor: 100)
    turn()
    #expect(try keeper.perform(mayAct: false).changed == 0)
    #expect(try keeper.perform(mayAct: true).changed == 2)
    turn()
    turn()
    let shares = agents.map { $0.holder.share ?? 0 }
    #expect(shares.reduce(0, +) <= capacity)
    #expect(shares[0] >= 1500 && shares[1] >= 300)

    // The second agent goes: its two pods hold 300 each, whatever it said.
    agents[1].elector.stop()
    agents.removeLast()
    let round = try keeper.perform(mayAct: true)
    #expect(round.silent == ["marlise-share-web-node-1"])
    turn()
    turn()
    let left = try client.send(
      APIRequest(.get, .leases, namespace: "default", name: "marlise-share-web-node-1"), as: Lease.self)
    #expect(NodeShare(left.metadata.annotations).committed >= 600)
    #expect((agents[0].holder.share ?? 0) <= capacity - 600)
  }
}
