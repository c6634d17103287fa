import Autoscaling
import ClusterEmulator
import Foundation
import HTTPServer
import Kubernetes
import PodSimulation
import Testing

@testable import Control

@Suite("Choosing where metrics come from")
struct MetricChoiceTests {
  /// Three pods on three nodes, of which the cgroup folder has the containers of the first `local`.
  private func choose(
    _ name: MetricSourceName, local: Int, places: Int? = nil, lacking rights: Set<String> = []
  ) throws -> (name: String, said: [String]) {
    var configuration = try EmulatorConfiguration.threePods()
    configuration.metricsServerInterval = 0
    configuration.housekeeping = 1
    configuration.users = ["secret": EmulatedUser("marlise", mayWrite: true, lacks: rights)]
    let emulator = try ClusterEmulator(configuration, server: Server.Configuration())
    defer { emulator.stop() }
    // The kubelets have looked at their containers.
    for _ in 0..<3 { emulator.cluster.step() }
    let client = APIClient(
      connection: ClusterConnection(
        address: ServerAddress(base: emulator.url), credentials: Credentials(source: .token("secret")),
        namespace: "default", label: "context 'emulated'"))
    let survey = try ClusterSurvey(client, selection: PodSelection(namespaces: ["default"]))
    let folder = try TestFolder()
    try Data("cpu memory".utf8).write(to: URL(fileURLWithPath: folder.path + "/cgroup.controllers"))
    for pod in survey.selected.prefix(local) {
      let container = folder.path + "/kubepods/pod\(pod.uid)/\(pod.containerID)"
      try FileManager.default.createDirectory(atPath: container, withIntermediateDirectories: true)
      try Data("usage_usec 1\n".utf8).write(to: URL(fileURLWithPath: container + "/cpu.stat"))
    }
    var choice = MetricChoice(name)
    choice.cgroupRoot = folder.path
    var said: [String] = []
    let source = try withExtendedLifetime(folder) { try choice.source(survey, places: places) { said.append($0) } }
    return (source.name, said)
  }

  @Test("a node's cgroup files are taken by themselves only where they know every pod")
  func whole() throws {
    let (all, some) = (try choose(.auto, local: 3), try choose(.auto, local: 1))
    #expect(all.name == "cgroup" && all.said == [])
    #expect(some.name == "kubelet" && some.said == [])
    #expect(try choose(.auto, local: 2, places: 2).name == "cgroup", "the third is not driven")
  }

  @Test("where nothing else answers, it is told why the cgroup files are not enough")
  func noneIsWhole() throws {
    let error = #expect(throws: LiveError.self) { try choose(.auto, local: 1, lacking: ["get:nodes/proxy"]) }
    let text = error?.description ?? ""
    #expect(text.contains("cgroup: it does not see 2 of 3 pods (default/web-1 and others); kubelet: "), "\(text)")
    #expect(text.contains("resources: [nodes/proxy]"), "\(text)")
  }

  @Test("who asks for cgroup files is told once which pods they do not show")
  func explicit() throws {
    #expect(try choose(.cgroup, local: 3).said == [])
    let some = try choose(.cgroup, local: 2)
    #expect(some.name == "cgroup")
    #expect(
      some.said == [
        "--metrics cgroup does not see 1 of 3 pods (default/web-2): they are not on this node and keep the limits that they "
          + "have; --node drives this node's pods only, --metrics kubelet reads from anywhere"
      ])
    #expect(throws: LiveError.self) { try choose(.cgroup, local: 0) }
  }
}
