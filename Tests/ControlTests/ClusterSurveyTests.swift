import Autoscaling
import HTTPServer
import Kubernetes
import PodSimulation
import Testing

@testable import ClusterEmulator
@testable import Control

@Suite("What is looked at before anything is touched")
struct ClusterSurveyTests {
  private func survey(
    _ change: (inout EmulatorConfiguration) throws -> Void, check: (ClusterSurvey) throws -> Void
  ) throws {
    var configuration = try EmulatorConfiguration.threePods()
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

  @Test("limits beyond any machine count as something very large, and sums of them do not overflow")
  func hugeLimits() throws {
    let rig = try LiveRig(pods: 2, limit: 330)
    let huge = try Quantity("9E")
    for pod in ["web-0", "web-1"] { rig.change(pod) { $0.desired[0].limits.cpu = huge } }
    let blind = try rig.cluster(try rig.survey(), capacity: 660, source: BlindSource())
    #expect(blind.heldBeside == 2 << 40)
    // Pods that are away from their places hold what was asked for them.
    let loop = try rig.loop(blind) { _ in 330 }
    for pod in ["web-0", "web-1"] { rig.change(pod) { $0.containers[0].waitingReason = "CrashLoopBackOff" } }
    try loop.run(rounds: 100_000, shouldStop: { blind.absentees.count == 2 }) { _, _ in }
    #expect(blind.heldBeside == 2 << 40)
    blind.stop()

    for pod in ["web-0", "web-1"] {
      rig.change(pod) {
        $0.containers[0].waitingReason = nil
        $0.actual[0].limits.cpu = huge
        $0.annotations = [PodSettings.minimumKey: "9E", PodSettings.maximumKey: "9E"]
      }
    }
    let survey = try rig.survey()
    #expect(survey.limitSum == 2 << 40)
    let live = LiveConfiguration(
      selection: survey.selection, capacity: 660, shield: SafetyShield(minimum: 50, maximum: .max))
    let error = #expect(throws: LiveError.self) { try survey.check(live, applies: false) }
    #expect(
      error?.description.hasPrefix("the pool of 660m is too small: 2 pods need at least \(2 * ((1 << 40) / 10 * 10))m")
        == true)
  }
}
