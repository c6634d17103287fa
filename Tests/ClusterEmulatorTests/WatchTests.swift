import HTTPServer
import Kubernetes
import PodSimulation
import Testing

@testable import ClusterEmulator

@Suite("Lists, watches, selectors")
struct WatchTests {
  private func cluster(_ change: (inout EmulatorConfiguration) -> Void = { _ in }) throws -> EmulatedCluster {
    var configuration = try Emulated.configuration(
      pods: EmulatorConfiguration.pods(5, named: "demo", nodes: 2, limit: 330, request: 50))
    configuration.nodes = 2
    change(&configuration)
    return try EmulatedCluster(configuration)
  }

  private let path = "/api/v1/namespaces/default/pods"

  @Test("pages together are the list, at one version, whatever happens in between")
  func pages() throws {
    let cluster = try cluster()
    let first = try cluster.send("GET", path + "?limit=2").json
    #expect(first.at("metadata", "remainingItemCount")?.integer == 3)
    _ = try cluster.send("PATCH", path + "/demo-4/resize", resizeBody("demo", cpu: ("200m", nil)))
    var names = (first["items"]?.items ?? []).compactMap { $0.at("metadata", "name")?.text }
    var token = first.at("metadata", "continue")?.text
    while let next = token {
      let page = try cluster.send("GET", path + "?limit=2&continue=" + next).json
      #expect(page.at("metadata", "resourceVersion") == first.at("metadata", "resourceVersion"))
      for item in page["items"]?.items ?? [] {
        names.append(item.at("metadata", "name")?.text ?? "")
        #expect(item.at("metadata", "generation")?.integer == 1)
      }
      token = page.at("metadata", "continue")?.text
    }
    #expect(names == ["demo-0", "demo-1", "demo-2", "demo-3", "demo-4"])
  }

  @Test(
    "selectors",
    arguments: [
      ("labelSelector=app%3Ddemo", 5), ("labelSelector=app+in+(demo,x)", 5), ("labelSelector=app!%3Ddemo", 0),
      ("labelSelector=!app", 0), ("labelSelector=app+notin+(x)", 5), ("fieldSelector=spec.nodeName%3Dnode-1", 2),
      ("fieldSelector=metadata.name!%3Ddemo-0", 4), ("labelSelector=app,tier", 0),
    ])
  func selectors(query: String, count: Int) throws {
    #expect(try cluster().send("GET", path + "?" + query).json["items"]?.items.count == count)
  }

  @Test("a watch tells what changed since its version, in order")
  func watch() throws {
    let cluster = try cluster()
    let version = try cluster.send("GET", path).json.at("metadata", "resourceVersion")?.text ?? ""
    _ = try cluster.send("PATCH", path + "/demo-1/resize", resizeBody("demo", cpu: ("200m", nil)))
    let stream = try cluster.watch(path + "?watch=1&resourceVersion=" + version)
    _ = try cluster.send("PATCH", path + "/demo-2/resize", resizeBody("demo", cpu: ("100m", nil)))
    let lines = stream.drain()
    #expect(lines.map { $0["type"]?.text } == Array(repeating: "MODIFIED", count: 6))
    #expect(
      lines.map { $0.at("object", "metadata", "name")?.text }
        == ["demo-1", "demo-1", "demo-1", "demo-2", "demo-2", "demo-2"])
    let versions = lines.compactMap { Int($0.at("object", "metadata", "resourceVersion")?.text ?? "") }
    #expect(versions == versions.sorted() && Set(versions).count == 6)
  }

  @Test("pods that arrive, restart and leave are told, and a new pod has a new identity")
  func schedule() throws {
    let cluster = try cluster {
      $0.simulation.schedules = [
        PodSchedule(restarts: [2]), PodSchedule(end: 3), PodSchedule(start: 4), PodSchedule(), PodSchedule(),
      ]
    }
    let stream = try cluster.watch(path + "?watch=1&resourceVersion=0")
    #expect(stream.drain().count == 4)
    for _ in 0..<6 { cluster.step() }
    let lines = stream.drain()
    #expect(lines.map { $0["type"]?.text } == ["MODIFIED", "MODIFIED", "DELETED", "ADDED"])
    #expect(lines.first?.at("object", "status", "containerStatuses")?.items.first?["restartCount"]?.integer == 1)
    #expect(lines.last?.at("object", "metadata", "name")?.text == "demo-2")
    // The restarted container's counters began at 0 again.
    #expect(cluster.withLock { cluster.metrics.recent(0) }.count <= 4)
  }

  @Test("a version that is forgotten gets 410 and the end of the stream")
  func gone() throws {
    let cluster = try cluster()
    cluster.withLock { cluster.store.compact(to: cluster.nextResourceVersion()) }
    let stream = try cluster.watch(path + "?watch=1&resourceVersion=2")
    #expect(stream.drain().first?.at("object", "code")?.integer == 410)
    #expect(!stream.isOpen)
  }

  @Test("under all faults at once, every answer is one that a client may meet, and limits stay those asked for")
  func faults() throws {
    let cluster = try cluster { $0.faults = (try? FaultPlan(["all=0.2", "timeouts=0", "latency=0"])) ?? FaultPlan() }
    var asked: Set<Int> = [500]
    for second in 0..<100 {
      let limit = 100 + second % 10 * 20
      asked.insert(limit)
      let answer = try cluster.send("PATCH", path + "/demo-0/resize", resizeBody("demo", cpu: ("\(limit)m", nil)))
      #expect([200, 429, 500].contains(answer.status))
      #expect([200, 429, 500].contains(try cluster.send("GET", path).status))
      #expect(
        [200, 429, 500, 503].contains(try cluster.send("GET", "/api/v1/nodes/node-0/proxy/metrics/cadvisor").status))
      cluster.step()
      #expect(asked.contains(cluster.limits[0]))
    }
  }

  @Test("a fault plan that is none is refused", arguments: ["nothing", "429=2", "429=x", "=1"])
  func plans(term: String) { #expect(throws: FaultPlanError.self) { _ = try FaultPlan([term]) } }
}

extension ResponseStream {
  /// The JSON lines that wait to be sent.
  func drain() -> [JSON] {
    waiting().split(separator: 10).compactMap { try? JSON(parsing: Array($0)) }
  }
}
