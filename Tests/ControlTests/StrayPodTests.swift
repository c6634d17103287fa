import Autoscaling
import Kubernetes
import Testing

@testable import ClusterEmulator
@testable import Control

@Suite("Pods that leave the selection alive")
struct StrayPodTests {
  /// A run that wants 100m for each of two pods, and has got it.
  private func lowered(
    _ rig: LiveRig, _ survey: ClusterSurvey
  ) throws -> (cluster: KubernetesCluster, loop: ControlLoop<KubernetesCluster, ChosenWishes>) {
    let cluster = try rig.cluster(survey, capacity: 660)
    let loop = try rig.loop(cluster) { _ in 100 }
    try loop.run(rounds: 1000, shouldStop: { rig.emulated.limits == [100, 100] }) { _, _ in }
    return (cluster, loop)
  }

  @Test("a pod whose label is taken off gets its original back at once, and people are told", .timeLimit(.minutes(10)))
  func broughtBack() throws {
    let rig = try LiveRig(pods: 2, limit: 330)
    let (cluster, loop) = try lowered(rig, try rig.survey("app=web"))
    defer { cluster.stop() }
    rig.change("web-0") { $0.labels = ["app": "retired"] }
    try loop.run(rounds: 100_000, shouldStop: { !rig.said.lines.isEmpty }) { _, _ in }
    #expect(rig.said.lines == ["default/web-0 is no longer selected: it has its original CPU values back"])
    #expect(try rig.wanted() == [330, 100])
    let pods = try rig.survey(needsDrivable: false).listed
    #expect(pods.map { OriginalsAnnotation(rig.client).original(of: $0) != nil } == [false, true])
    #expect(cluster.strays.isEmpty)
    // It comes back, and is driven and kept as if it were new.
    rig.change("web-0") { $0.labels = ["app": "web"] }
    try loop.run(rounds: 100_000, shouldStop: { rig.emulated.limits == [100, 100] }) { _, _ in }
    #expect(cluster.restore(within: 60) == KubernetesCluster.Restored(pods: 2))
    #expect(try rig.wanted() == [330, 330])
  }

  @Test(
    "a pod that opts out or is switched off gets its original back at once, too", .timeLimit(.minutes(10)),
    arguments: [true, false])
  func optedOut(byLabel: Bool) throws {
    let rig = try LiveRig(pods: 2, limit: 330) {
      for place in $0.pods.indices { $0.pods[place].labels["marlise/scale"] = "true" }
    }
    let survey = try ClusterSurvey(
      rig.client, selection: PodSelection(namespaces: ["default"], optInLabel: "marlise/scale"))
    let (cluster, loop) = try lowered(rig, survey)
    defer { cluster.stop() }
    rig.change("web-0") {
      if byLabel { $0.labels["marlise/scale"] = nil } else { $0.annotations[PodSettings.modeKey] = "off" }
    }
    try loop.run(rounds: 100_000, shouldStop: { !rig.said.lines.isEmpty }) { _, _ in }
    #expect(rig.said.lines == ["default/web-0 is no longer selected: it has its original CPU values back"])
    #expect(try rig.wanted() == [330, 100])
    #expect(cluster.keys == [nil, "default/web-1"])
  }

  @Test("a pod that opts out after another run has moved it gets its original back as well", .timeLimit(.minutes(10)))
  func inherited() throws {
    let rig = try LiveRig(pods: 2, limit: 330)
    try lowered(rig, try rig.survey("app=web")).cluster.stop()
    // The second wants what is there, and so resizes nothing.
    let second = try rig.cluster(try rig.survey("app=web"), capacity: 660)
    defer { second.stop() }
    let loop = try rig.loop(second) { _ in 100 }
    try loop.run(rounds: 5, shouldStop: { false }) { _, _ in }
    rig.change("web-0") { $0.annotations[PodSettings.modeKey] = "off" }
    try loop.run(rounds: 100_000, shouldStop: { !rig.said.lines.isEmpty }) { _, _ in }
    #expect(rig.said.lines == ["default/web-0 is no longer selected: it has its original CPU values back"])
    #expect(try rig.wanted() == [330, 100])
  }

  @Test("an original that somebody else takes away is kept anew before the next resize", .timeLimit(.minutes(10)))
  func takenAway() throws {
    let rig = try LiveRig(pods: 2, limit: 330)
    let cluster = try rig.cluster(try rig.survey("app=web"), capacity: 660)
    defer { cluster.stop() }
    var wish = 100
    let loop = try rig.loop(cluster) { _ in wish }
    try loop.run(rounds: 100_000, shouldStop: { cluster.tenants.allSatisfy { $0?.isKeptSeen == true } }) { _, _ in }
    rig.change("web-0") { $0.annotations[OriginalsAnnotation.key] = nil }
    try loop.run(rounds: 100_000, shouldStop: { cluster.tenants[0]?.isKept == false }) { _, _ in }
    wish = 120
    try loop.run(rounds: 100_000, shouldStop: { rig.emulated.limits == [120, 120] }) { _, _ in }
    let pods = try rig.survey().listed
    #expect(pods.map { OriginalsAnnotation(rig.client).original(of: $0)?.limit } == [330, 330])
    #expect(cluster.tenants[0]?.isKept == true)
  }

  @Test("what could not be put back at once is put back at the end", .timeLimit(.minutes(10)))
  func putBackAtTheEnd() throws {
    let rig = try LiveRig(pods: 2, limit: 330)
    let (cluster, loop) = try lowered(rig, try rig.survey("app=web"))
    defer { cluster.stop() }
    rig.transport.refuse("pods \\\"web-0\\\" is forbidden: a webhook is in trouble")
    rig.change("web-0") { $0.labels = [:] }
    func complaints() -> [String] {
      rig.said.lines.filter { $0.hasPrefix("default/web-0 is no longer selected and keeps a limit of ours for now: ") }
    }
    try loop.run(rounds: 100_000, shouldStop: { !complaints().isEmpty }) { _, _ in }
    try loop.run(rounds: nil, shouldStop: { cluster.strays.values.allSatisfy { $0.failures > 5 } }) { _, _ in }
    #expect(complaints().count == 1)
    #expect(try rig.wanted()[0] == 100)
    rig.transport.refuse(nil)
    #expect(cluster.restore(within: 60) == KubernetesCluster.Restored(pods: 2))
    #expect(try rig.wanted() == [330, 330])
    #expect(cluster.strays.isEmpty)
  }
}
