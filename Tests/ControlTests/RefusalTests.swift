import Autoscaling
import Kubernetes
import Testing

@testable import ClusterEmulator
@testable import Control

@Suite("Resizes that are refused")
struct RefusalTests {
  @Test(
    "a refusal that passes costs a pod its place in no case: it is resized when the reason is gone",
    .timeLimit(.minutes(10)),
    arguments: [
      "status unknown for quota: q, resources: limits.cpu",
      "admission webhook \\\"a.b\\\" denied the request: not 100m",
    ])
  func passes(message: String) throws {
    let rig = try LiveRig(pods: 1, limit: 330)
    let cluster = try rig.cluster(try rig.survey(), capacity: 330)
    defer { cluster.stop() }
    let loop = try rig.loop(cluster) { _ in 100 }
    rig.transport.refuse("pods \\\"web-0\\\" is forbidden: " + message)
    try loop.run(rounds: 40, shouldStop: { false }) { _, _ in }
    #expect(cluster.keys == ["default/web-0"])
    let refused = cluster.statistics.resizesRefused
    #expect((2...20).contains(refused), "\(refused) in 40 s: it backs off")
    #expect(rig.emulated.limits == [330])
    rig.transport.refuse(nil)
    try loop.run(rounds: 400, shouldStop: { rig.emulated.limits == [100] }) { _, _ in }
    #expect(rig.emulated.limits == [100])
    #expect(rig.said.lines.count == (message.contains("webhook") ? 1 : 0), "\(rig.said.lines)")
  }

  @Test(
    "putting back goes on when admission has said no", .timeLimit(.minutes(10)),
    arguments: ["status unknown for quota: q, resources: limits.cpu", "exceeded quota: q", "no webhook answers"])
  func restores(message: String) throws {
    let rig = try LiveRig(pods: 1, limit: 330)
    let survey = try rig.survey()
    let original = OriginalValues(survey.selected[0].pod, container: "web")
    rig.transport.refuse("pods \\\"web-0\\\" is forbidden: " + message)
    let (time, transport) = (SettableTime(), rig.transport)
    let pacing = Pacing(
      now: { time.now },
      sleep: {
        time.now += $0
        if time.now > 10 { transport.refuse(nil) }
      }, random: { 0.5 })
    let restorer = Restorer(
      PodResizer(rig.client, discovery: survey.discovery), originals: OriginalsAnnotation(rig.client), pacing: pacing)
    #expect(
      restorer.restore([(survey.selected[0].pod, original)], before: 30) == KubernetesCluster.Restored(pods: 1))
    #expect(time.now > 10 && time.now < 15)
  }

  @Test(
    "a Guaranteed pod on a node with the static CPU manager is asked once, taken back, said once and left alone",
    .timeLimit(.minutes(10)))
  func staticPolicy() throws {
    let patches = WriteCount()
    let rig = try LiveRig(pods: 1, limit: 500, isGuaranteed: true) {
      $0.hasStaticCPUPolicy = true
      $0.audit = { if $0.contains("/resize") { patches.add() } }
    }
    let cluster = try rig.cluster(try rig.survey(), capacity: 500, awaitsWatch: true)
    defer { cluster.stop() }
    let loop = try rig.loop(cluster) { _ in 300 }
    try loop.run(rounds: 500, shouldStop: { false }) { _, _ in }
    #expect(patches.count == 2, "the wish, and its end")
    #expect(try rig.wanted() == [500])
    #expect(rig.said.lines.count == 1)
    #expect(
      rig.said.lines.first?.hasPrefix(
        "default/web-0 cannot be resized on its node and is left as it is; tried again every 10 min: Resize is infeasible"
      )
        == true)
    #expect(rig.emulated.limits == [500])
    #expect(cluster.note(ofPlace: 0).contains("alongside CPU Manager policy"))
  }

  @Test("a node that refuses even less for ever is believed after three answers", .timeLimit(.minutes(10)))
  func refusesLess() throws {
    let patches = WriteCount()
    let rig = try LiveRig(pods: 1, limit: 500, isGuaranteed: true) {
      $0.version = try #require(KubernetesVersion("1.35"))
      $0.nodeCPU = 90
      $0.audit = { if $0.contains("/resize") { patches.add() } }
    }
    // The node has admitted less than what is in force, and can never admit what is asked.
    rig.change("web-0") { $0.allocated[0].requests.cpu = Quantity(millicores: 100) }
    let cluster = try rig.cluster(try rig.survey(), capacity: 500, awaitsWatch: true)
    defer { cluster.stop() }
    let loop = try rig.loop(cluster) { _ in 300 }
    try loop.run(rounds: 500, shouldStop: { false }) { _, _ in }
    #expect(patches.count == 4, "three wishes, and the end of the last, which the node refuses as well")
    #expect(try rig.wanted() == [500])
    #expect(rig.said.lines.count == 1)
  }

  @Test(
    "asking for more than the node has ends at what it has, and never drives a pod down", .timeLimit(.minutes(10)),
    arguments: ["1.31", "1.33", "1.35"])
  func aboveNode(version: String) throws {
    let patches = WriteCount()
    let rig = try LiveRig(pods: 1, limit: 200, isGuaranteed: true) {
      $0.version = try #require(KubernetesVersion(version))
      $0.nodeCPU = 600
      $0.audit = { if $0.contains("\"limits\"") { patches.add() } }
    }
    let cluster = try rig.cluster(try rig.survey(), capacity: 1000, values: .requestsAndLimits, awaitsWatch: true)
    defer { cluster.stop() }
    let loop = try rig.loop(cluster) { _ in 900 }
    var least = 1000
    try loop.run(rounds: 300, shouldStop: { false }) { _, _ in least = min(least, rig.emulated.limits[0]) }
    #expect(least == 200)
    #expect(rig.emulated.limits[0] > 500)
    #expect(patches.count < 60, "\(patches.count) in 300 s")
  }
}
