import Autoscaling
import Kubernetes
import Testing

@testable import ClusterEmulator
@testable import Control

@Suite("Limits that a run has left behind")
struct LeftBehindTests {
  /// Three pods whose limits a run lowered from 330m to 50m before it was killed.
  private func abandoned(_ originals: (LiveRig) throws -> any OriginalsStore) throws -> LiveRig {
    let rig = try LiveRig(pods: 3, limit: 330)
    let survey = try rig.survey()
    try originals(rig).keep(survey.selected.map { ($0.pod, OriginalValues($0.pod, container: $0.container)) })
    let resizer = PodResizer(rig.client, discovery: survey.discovery)
    for pod in survey.selected { _ = try resizer.send(try PodResize(of: pod.pod, container: "web", to: 50)) }
    for _ in 0..<3 { rig.emulated.step() }
    #expect(rig.emulated.limits == [50, 50, 50])
    return rig
  }

  @Test("the pool is what the pods had before anybody moved them, by annotation or by file")
  func pool() throws {
    let annotated = try abandoned { OriginalsAnnotation($0.client) }
    let survey = try annotated.survey()
    #expect(survey.limitSum == 150)
    #expect(survey.originalSum(OriginalsAnnotation(annotated.client).original) == 990)

    let folder = try TestFolder()
    let path = folder.path + "/originals.json"
    let filed = try abandoned { try OriginalsFile(path: path, server: $0.emulator.url) }
    let kept = OriginalsFile.look(at: path, server: filed.emulator.url)
    #expect(try filed.survey().originalSum { kept[$0.metadata.uid] } == 990)
    #expect(try filed.survey().originalSum(places: 2) { kept[$0.metadata.uid] } == 660, "of the two that are driven")
    #expect(OriginalsFile.look(at: path, server: "https://another") == [:])
    // Somebody has taken one pod's original away: what it has counts.
    #expect(try filed.survey().originalSum { $0.metadata.name == "web-0" ? nil : kept[$0.metadata.uid] } == 710)
  }

  @Test("originals of another container, below 0 or beyond any machine make no nonsense of the pool")
  func strangeOriginals() throws {
    let survey = try LiveRig(pods: 2, limit: 330).survey()
    func sum(_ original: OriginalValues) -> Millicores { survey.originalSum { _ in original } }
    #expect(sum(OriginalValues(container: "other", limit: 500, request: nil)) == 660)
    #expect(sum(OriginalValues(container: "web", limit: nil, request: 100)) == 660)
    #expect(sum(OriginalValues(container: "web", limit: -5, request: nil)) == 0)
    #expect(sum(OriginalValues(container: "web", limit: .max, request: nil)) == 2 << 40)
  }

  @Test("pods that crash, are switched off or cannot be driven for another reason are put back as well")
  func everyPod() throws {
    let rig = try abandoned { OriginalsAnnotation($0.client) }
    rig.change("web-0") { $0.containers[0].waitingReason = "CrashLoopBackOff" }
    rig.change("web-1") { $0.annotations[PodSettings.modeKey] = "off" }
    rig.change("web-2") { $0.annotations[PodSettings.minimumKey] = "nonsense" }
    let error = #expect(throws: LiveError.self) { try rig.survey() }
    #expect(error?.description.contains("web-0 not running (container 'web')") == true)

    let survey = try rig.survey(needsDrivable: false)
    #expect(survey.selected.isEmpty)
    let store = OriginalsAnnotation(rig.client)
    let (touched, untouched) = store.kept(of: survey.listed)
    #expect(touched.map(\.pod.metadata.name) == ["web-0", "web-1", "web-2"] && untouched.isEmpty)
    let restored = Restorer(PodResizer(rig.client, discovery: survey.discovery), originals: store)
      .restore(touched, before: Pacing.system.now() + 20)
    #expect(restored == KubernetesCluster.Restored(pods: 3))
    #expect(try rig.wanted() == [330, 330, 330])
    #expect(try rig.survey(needsDrivable: false).listed.allSatisfy { store.original(of: $0) == nil })
  }

  @Test("pods of another pool are none of ours")
  func otherPool() throws {
    let rig = try abandoned { OriginalsAnnotation($0.client) }
    rig.change("web-0") { $0.annotations[PodSettings.poolKey] = "batch" }
    #expect(try rig.survey(needsDrivable: false).listed.map(\.metadata.name) == ["web-1", "web-2"])
    let error = #expect(throws: LiveError.self) { try rig.survey("app=nothing", needsDrivable: false) }
    #expect(error?.description == "there is no pod with labels app=nothing in namespace default")
  }

  @Test("who waits for pods waits for those that are started beside the first, and no longer than it says")
  func company() throws {
    let rig = try LiveRig(pods: 3, limit: 330)
    rig.change("web-1") { $0.phase = "Pending" }
    rig.change("web-2") { $0.phase = "Pending" }
    func found(within seconds: Double, startsAfter start: Int) throws -> Int? {
      var time = 0.0
      var looks = 0
      let clock = SettableTime()
      var said: [String] = []
      let survey = try ClusterSurvey.awaiting(
        rig.client, selection: PodSelection(namespaces: ["default"]), forCompany: seconds,
        pacing: Pacing(now: { clock.now }, sleep: { clock.now += $0 }, random: { 0.5 }),
        shouldStop: {
          if clock.now > time { looks += 1 }
          time = clock.now
          if looks == start { for pod in ["web-1", "web-2"] { rig.change(pod) { $0.phase = "Running" } } }
          return false
        }, say: { said.append($0) })
      if seconds > 0 { #expect(said == ["default/web-1 and perhaps others are being started"]) }
      return survey?.selected.count
    }
    #expect(try found(within: 0, startsAfter: .max) == 1)
    #expect(try found(within: 60, startsAfter: .max) == 1)
    #expect(try found(within: 60, startsAfter: 20) == 3)
  }

  @Test("where pods are there and none runs, the one who waits may do something about it, once")
  func noneRuns() throws {
    let rig = try LiveRig(pods: 1, limit: 330)
    rig.change("web-0") { $0.containers[0].waitingReason = "CrashLoopBackOff" }
    let clock = SettableTime()
    var calls = 0
    let survey = try ClusterSurvey.awaiting(
      rig.client, selection: PodSelection(namespaces: ["default"]),
      pacing: Pacing(now: { clock.now }, sleep: { clock.now += $0 }, random: { 0.5 }),
      shouldStop: {
        if clock.now > 40 { rig.change("web-0") { $0.containers[0].waitingReason = nil } }
        return false
      }, whenNoneRuns: { calls += 1 }, say: { _ in })
    #expect(survey?.selected.count == 1)
    #expect(calls == 1)
  }
}
