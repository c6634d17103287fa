import Autoscaling
import ClusterEmulator
import HTTPServer
import Kubernetes
import PodSimulation
import Testing

@testable import Control

@Suite("What is looked at before anything is touched")
struct ClusterSurveyTests {
  private func survey(
    _ change: (inout EmulatorConfiguration) throws -> Void, check: (ClusterSurvey) throws -> Void
  ) throws {
    var pod = PodParameters()
    pod.limit = 300
    var configuration = EmulatorConfiguration(
      pods: EmulatorConfiguration.pods(3, named: "web", nodes: 3, limit: 300, request: 50),
      simulation: PodClusterConfiguration(pods: Array(repeating: pod, count: 3), seed: 1),
      workload: try Workload(WorkloadSettings("constant", mean: 5, minimum: 1)))
    configuration.nodes = 3
    configuration.clock = .virtual
    try change(&configuration)
    let emulator = try ClusterEmulator(configuration, server: Server.Configuration())
    defer { emulator.stop() }
    let client = APIClient(
      connection: ClusterConnection(
        address: ServerAddress(base: emulator.url), credentials: Credentials(source: .none), namespace: "default",
        label: "context 'emulated'"))
    try check(try ClusterSurvey(client, selection: PodSelection(namespaces: ["default"])))
  }

  @Test("a quota leaves the pods what they have and what is left of it; without one there is no bound")
  func quota() throws {
    try survey({
      $0.quotas = [
        QuotaRule(
          namespace: "default", name: "cpu", limits: try Quantity("1200m"), requests: try Quantity("400m"))
      ]
    }) { survey in
      let limits = try #require(survey.quotaRoom(.limitsOnly))
      #expect(limits.quota == "default/cpu" && limits.room == 1200)
      #expect(survey.quotaRoom(.requestsOnly)?.room == 400)
      #expect(survey.quotaRoom(.requestsAndLimits)?.room == 400)
      #expect(survey.quotaRoom(.limitsOnly, places: 2)?.room == 900, "the third is not driven, and keeps what it has")
    }
    try survey({ _ in }) { #expect($0.quotaRoom(.limitsOnly) == nil) }
  }
}
