import Foundation
import Testing

@testable import Kubernetes

/// The first pod of a recorded list: running, Guaranteed, 500m.
func recordedPod(_ change: (inout Pod) -> Void = { _ in }) throws -> Pod {
  var pod = try Fixture.load("pods/get").decode(Pod.self)
  change(&pod)
  return pod
}

@Suite("Pod selection")
struct PodSelectionTests {
  @Test("a running pod with a limit is taken with its values in force")
  func takes() throws {
    let pod = try recordedPod { $0.metadata.annotations = ["marlise/min": "0.1", "marlise/priority": "2.5"] }
    let selected = try PodSelection(labelSelector: "app=localization-api").judge(pod).get()
    #expect(selected.container == "localization-api")
    #expect(selected.limit == 500)
    #expect(selected.request == 500)
    #expect(selected.node == "node-a")
    #expect(selected.containerID.count == 64)
    #expect(selected.settings == PodSettings(minimum: 100, priority: 2.5))
  }

  @Test("the limit in force is the runtime's, not the wish")
  func inForce() throws {
    let pod = try Fixture.load("pending/deferred-pod").decode(Pod.self)
    let selected = try PodSelection().judge(pod).get()
    let wish = pod.container("localization-api")?.resources?.limits["cpu"]?.millicores
    #expect(wish == 1100)
    #expect(selected.limit < 1100)
  }

  @Test("a pod that cannot be driven says why")
  func reasons() throws {
    func reason(
      _ selection: PodSelection = PodSelection(), _ change: (inout Pod) -> Void
    ) throws -> PodSelection.Reason? {
      if case .failure(let reason) = selection.judge(try recordedPod(change)) { return reason }
      return nil
    }
    #expect(try reason { $0.status.phase = "Succeeded" } == .notRunning("Succeeded"))
    #expect(try reason { $0.metadata.deletionTimestamp = .now } == .notRunning("terminating"))
    #expect(try reason { $0.metadata.annotations["kubernetes.io/config.mirror"] = "x" } == .staticPod)
    #expect(try reason { $0.spec.os = .init(name: "windows") } == .windows)
    #expect(try reason { $0.status.qosClass = "BestEffort" } == .bestEffort)
    #expect(try reason { $0.status.containerStatuses[0].resources = nil } == .nodeWithoutResize)
    #expect(
      try reason {
        $0.spec.containers[0].resizePolicy = [.init(resourceName: "cpu", restartPolicy: "RestartContainer")]
      } == .restartsOnResize("localization-api"))
    #expect(
      try reason { $0.spec.containers[0].resources?.claims = [.init(name: "gpu")] } == .deviceClaims("localization-api")
    )
    #expect(
      try reason { $0.spec.containers.append(Container(name: "b")) } == .severalContainers(["localization-api", "b"]))
    #expect(try reason(PodSelection(container: "web")) { _ in } == .noSuchContainer("web", has: ["localization-api"]))
    #expect(try reason(PodSelection(namespaces: ["shop"])) { _ in } == .notWanted)
    #expect(try reason(PodSelection(optInLabel: "marlise")) { _ in } == .notWanted)
    #expect(try reason(PodSelection(optInLabel: "marlise")) { $0.metadata.labels["marlise"] = "true" } == nil)
    #expect(try reason { $0.metadata.annotations["marlise/mode"] = "off" } == .notWanted)
    #expect(
      try reason {
        $0.spec.containers[0].resources?.limits["cpu"] = nil
        $0.status.qosClass = "Burstable"
      } == .noLimit("localization-api"))
    #expect(
      try reason { $0.status.containerStatuses[0].state?.running = nil } == .notRunning("container 'localization-api'"))
  }

  @Test(
    "annotations that say nothing sensible are told",
    arguments: [
      ("marlise/min", "lots"), ("marlise/max", "0"), ("marlise/min", "2"), ("marlise/priority", "-1"),
      ("marlise/priority", "nan"), ("marlise/mode", "maybe"),
    ])
  func annotations(_ key: String, _ value: String) {
    var annotations = ["marlise/max": "1"]
    annotations[key] = value
    let error = #expect(throws: PodSettings.Failure.self) { try PodSettings(annotations: annotations) }
    #expect(error?.description.hasPrefix("annotation \(key)=") == true)
  }

  @Test("the first N by name, numbers by value")
  func firstByName() throws {
    let names = ["api10", "api2", "api1", "api02", "web-0"]
    let pods = try names.map { name in try recordedPod { $0.metadata.name = name } }
    let choice = PodSelection(countMaximum: 4).choose(from: pods)
    #expect(choice.selected.map(\.name) == ["api1", "api2", "api02", "api10"])
    #expect(choice.others.map(\.pod.metadata.name) == ["web-0"])
  }

  @Test("a sidecar can be chosen by its name")
  func sidecar() throws {
    let pod = try recordedPod { pod in
      var sidecar = Container(name: "proxy", resources: pod.spec.containers[0].resources)
      sidecar.restartPolicy = "Always"
      pod.spec.initContainers = [sidecar, Container(name: "init", resources: sidecar.resources)]
      var status = pod.status.containerStatuses[0]
      status.name = "proxy"
      pod.status.initContainerStatuses = [status]
    }
    #expect(try PodSelection(container: "proxy").judge(pod).get().limit == 500)
    #expect(throws: PodSelection.Reason.self) { try PodSelection(container: "init").judge(pod).get() }
    let resize = try PodResize(of: pod, container: "proxy", to: 300)
    #expect(String(decoding: resize.patch, as: UTF8.self).contains("\"initContainers\":[{\"name\":\"proxy\""))
  }
}

@Suite("Discovery")
struct DiscoveryTests {
  func discover(_ minor: String, resize: Bool) throws -> Discovery {
    let resources = resize ? [APIResource(name: "pods/resize", verbs: ["get", "patch", "update"])] : []
    return try Discovery(
      version: VersionInfo(major: "1", minor: minor, gitVersion: "v1.\(minor).0"),
      resources: APIResourceList(resources: resources), groups: APIGroupList())
  }

  @Test("the discovery document decides, the version only where it must")
  func endpoint() throws {
    #expect(try discover("36", resize: true).resizeEndpoint == .subresource)
    #expect(try discover("", resize: true).resizeEndpoint == .subresource)
    #expect(try discover("27", resize: false).resizeEndpoint == .pod)
    #expect(try discover("31+", resize: false).resizeEndpoint == .pod)
  }

  @Test("a server without in-place resize is told", arguments: [("26", "cannot resize"), ("33", "feature gate")])
  func refuses(_ minor: String, _ words: String) {
    let error = #expect(throws: ClusterError.self) { try discover(minor, resize: false) }
    #expect(error?.description.contains(words) == true)
  }

  @Test("three questions are asked")
  func run() throws {
    let answers = [
      "/version": HTTPResponse(try Fixture.load("discovery/version")),
      "/api/v1": HTTPResponse(try Fixture.load("discovery/api-v1")),
      "/apis": HTTPResponse(try Fixture.load("discovery/apis")),
    ]
    let transport = ScriptedTransport { request, _ in .success(answers[request.target] ?? HTTPResponse(status: 404)) }
    let found = try Discovery.run(APIClient(connection: .test(), transport: transport, pacing: FakePacing().pacing))
    #expect(found.gitVersion == "v1.36.2")
    #expect(found.minorVersion == 36)
    #expect(found.resizeEndpoint == .subresource)
    #expect(!found.hasMetricsAPI)
  }
}
