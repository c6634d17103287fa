import Kubernetes
import Testing

@testable import ClusterEmulator

@Suite("Resize")
struct ResizeTests {
  private func cluster(_ change: (inout EmulatorConfiguration) -> Void = { _ in }) throws -> EmulatedCluster {
    var configuration = try Emulated.configuration(pods: [
      Emulated.pod("localization-api1", cpu: ("500m", "500m"), simulated: 0),
      Emulated.pod("localization-api2", cpu: ("500m", "500m"), simulated: 1),
      Emulated.pod("burst", cpu: ("400m", "200m"), memory: ("128Mi", "64Mi")),
    ])
    change(&configuration)
    return try EmulatedCluster(configuration)
  }

  private let path = "/api/v1/namespaces/default/pods/localization-api1"

  @Test("a resize without latency is in force at once: specification, admitted, applied, kernel")
  func atOnce() throws {
    let cluster = try cluster()
    let answer = try cluster.send("PATCH", path + "/resize", resizeBody(cpu: ("250m", "250m")))
    #expect(answer.status == 200)
    #expect(answer.json.at("metadata", "generation")?.integer == 2)
    #expect(answer.json.at("status", "observedGeneration")?.integer == 1)
    let pod = try cluster.send("GET", path).json
    #expect(pod.at("status", "observedGeneration")?.integer == 2)
    let status = pod.at("status", "containerStatuses")?.items.first
    #expect(status?.at("resources", "limits", "cpu")?.text == "250m")
    #expect(status?.at("allocatedResources", "cpu")?.text == "250m")
    #expect(
      pod.at("status", "conditions")?.items.contains { $0["type"]?.text?.hasPrefix("PodResize") == true } == false)
    cluster.step()
    #expect(cluster.limits == [250, 500])
  }

  @Test("with latency the resize is in progress until the kernel has it")
  func latency() throws {
    let cluster = try cluster { $0.simulation.resizeLatency = .init(1.5, 1.5) }
    _ = try cluster.send("PATCH", path + "/resize", resizeBody(cpu: ("250m", "250m")))
    func condition() throws -> JSON? {
      try cluster.send("GET", path).json.at("status", "conditions")?.items.first
    }
    #expect(try condition()?["type"]?.text == "PodResizeInProgress")
    #expect(try condition()?["observedGeneration"]?.integer == 2)
    cluster.step()
    #expect(cluster.limits[0] == 500)
    #expect(try condition()?["type"]?.text == "PodResizeInProgress")
    cluster.step()
    #expect(cluster.limits[0] == 250)
    #expect(try condition()?["type"]?.text == "PodReadyToStartContainers")
  }

  @Test("what does not fit now is deferred, and applied by itself when another pod shrinks")
  func deferred() throws {
    let cluster = try cluster()
    _ = try cluster.send("PATCH", path + "/resize", resizeBody(cpu: ("1400m", "1400m")))
    let condition = try cluster.send("GET", path).json.at("status", "conditions")?.items.first
    #expect(condition?["reason"]?.text == "Deferred")
    #expect(
      condition?["message"]?.text == "Node didn't have enough resource: cpu, requested: 1400, used: 700, capacity: 2000"
    )
    _ = try cluster.send(
      "PATCH", "/api/v1/namespaces/default/pods/localization-api2/resize", resizeBody(cpu: ("300m", "300m")))
    let pod = try cluster.send("GET", path).json
    #expect(pod.at("status", "resources", "limits", "cpu")?.text == "1400m")
    #expect(pod.at("status", "conditions")?.items.first?["type"]?.text == "PodReadyToStartContainers")
  }

  @Test("taking a deferred resize back clears it")
  func withdrawn() throws {
    let cluster = try cluster()
    _ = try cluster.send("PATCH", path + "/resize", resizeBody(cpu: ("1400m", "1400m")))
    _ = try cluster.send("PATCH", path + "/resize", resizeBody(cpu: ("500m", "500m")))
    let pod = try cluster.send("GET", path).json
    #expect(pod.at("status", "conditions")?.items.first?["type"]?.text == "PodReadyToStartContainers")
    #expect(pod.at("status", "observedGeneration")?.integer == 3)
  }

  @Test("before 1.36 it is the kubelet that says infeasible; since then the API server refuses")
  func infeasible() throws {
    let old = try cluster { $0.version = KubernetesVersion("1.35") ?? .recorded }
    #expect(try old.send("PATCH", path + "/resize", resizeBody(cpu: ("4", "4"))).status == 200)
    #expect(try old.send("GET", path).json.at("status", "conditions")?.items.first?["reason"]?.text == "Infeasible")
    let new = try cluster()
    let answer = try new.send("PATCH", path + "/resize", resizeBody(cpu: ("4", "4")))
    #expect(answer.status == 403)
    #expect(answer.json.at("details", "causes")?.items.first?["reason"]?.text == "NodeCapacity")
  }

  @Test("a limit alone needs no room on the node")
  func limitOnly() throws {
    let cluster = try cluster()
    let answer = try cluster.send(
      "PATCH", "/api/v1/namespaces/default/pods/burst/resize", resizeBody(cpu: ("16", nil)))
    #expect(answer.status == 200)
    let pod = try cluster.send("GET", "/api/v1/namespaces/default/pods/burst").json
    #expect(pod.at("status", "resources", "limits", "cpu")?.text == "16")
  }

  @Test("before 1.32 the pod itself is patched and one word tells how it stands")
  func oldVersions() throws {
    let cluster = try cluster {
      $0.version = KubernetesVersion("1.31") ?? .recorded
      $0.simulation.resizeLatency = .init(2, 2)
    }
    #expect(try cluster.send("PATCH", path + "/resize", resizeBody(cpu: ("250m", "250m"))).status == 404)
    #expect(!(try cluster.send("GET", "/api/v1")).text.contains("pods/resize"))
    #expect(try cluster.send("PATCH", path, resizeBody(cpu: ("250m", "250m"))).status == 200)
    let pod = try cluster.send("GET", path).json
    #expect(pod.at("status", "resize")?.text == "InProgress")
    #expect(pod.at("metadata", "generation") == nil)
    #expect(pod.at("status", "conditions")?.items.first?["type"]?.text == "PodReadyToStartContainers")
    for _ in 0..<3 { cluster.step() }
    #expect(try cluster.send("GET", path).json.at("status", "resize") == nil)
    #expect(cluster.limits[0] == 250)
  }

  @Test("labels and annotations change through the pod, not through its resize")
  func metadata() throws {
    let cluster = try cluster()
    let body = "{\"metadata\":{\"annotations\":{\"marlise/limit\":\"500m\"},\"labels\":{\"app\":null}}}"
    let type = "application/merge-patch+json"
    #expect(try cluster.send("PATCH", path + "/resize", body, type: type).json.at("metadata", "annotations") == nil)
    let pod = try cluster.send("PATCH", path, body, type: type).json
    #expect(pod.at("metadata", "annotations", "marlise/limit")?.text == "500m")
    #expect(pod.at("metadata", "labels") == nil)
    #expect(pod.at("metadata", "generation")?.integer == 1)
  }

  @Test("a dry run changes nothing; a patch to what is there neither")
  func nothing() throws {
    let cluster = try cluster()
    let before = try cluster.send("GET", path).text
    let dry = try cluster.send("PATCH", path + "/resize?dryRun=All", resizeBody(cpu: ("250m", "250m")))
    #expect(dry.json.at("metadata", "generation")?.integer == 2)
    #expect(try cluster.send("GET", path).text == before)
    #expect(try cluster.send("PATCH", path + "/resize", resizeBody(cpu: ("0.5", "500m"))).text == before)
  }
}
