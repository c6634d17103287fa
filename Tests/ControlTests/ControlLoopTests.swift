import Autoscaling
import Testing

@testable import Control

/// A cluster of numbers: usage is what the test says, limits are what the loop sent.
private final class ScriptedCluster: ControlledCluster {
  let podNames = ["a", "b"]
  var limits = [200, 200]
  var now = 0.0
  var refusesPod: Int?
  var roundsLeft = 10

  func awaitRound(interval: Double) throws -> Bool {
    roundsLeft -= 1
    now += interval
    return roundsLeft >= 0
  }

  func sample(into samples: UnsafeMutableBufferPointer<PodSample>) throws {
    for pod in 0..<2 { samples[pod] = PodSample(time: now, limit: limits[pod], request: limits[pod], usage: 100) }
  }

  func resize(pod: Int, to limit: Millicores) throws -> Bool {
    if pod == refusesPod { return false }
    limits[pod] = limit
    return true
  }
}

private struct AlwaysRaise: ScalingPolicy {
  mutating func reset() {}
  mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    for pod in 0..<group.count { wishes[pod] = group.allocations[pod] + 50 }
  }
}

@Suite("Control loop")
struct ControlLoopTests {
  private func run(
    _ cluster: ScriptedCluster, applies: Bool = true, rounds: Int? = 3, shouldStop: () -> Bool = { false }
  ) throws -> [ControlLoop<ScriptedCluster>.Round] {
    let group = PodGroup(pods: cluster.podNames.map { PodDescription(name: $0) }, settings: DecisionSettings())
    let loop = ControlLoop(cluster: cluster, group: group, interval: 1, applies: applies)
    var policy = AlwaysRaise()
    var rounds_: [ControlLoop<ScriptedCluster>.Round] = []
    try loop.run(policy: &policy, rounds: rounds, shouldStop: shouldStop) { round, _ in rounds_.append(round) }
    return rounds_
  }

  @Test("limits follow the decisions, round after round")
  func applies() throws {
    let cluster = ScriptedCluster()
    let rounds = try run(cluster)
    #expect(cluster.limits == [350, 350])
    #expect(rounds.map(\.resizesSent) == [2, 2, 2])
    #expect(rounds.map(\.time) == [1, 2, 3])
  }

  @Test("recommending sends nothing and each time starts from what is in force")
  func recommends() throws {
    let cluster = ScriptedCluster()
    let rounds = try run(cluster, applies: false)
    #expect(cluster.limits == [200, 200])
    #expect(rounds.map(\.resizesSent) == [0, 0, 0])
  }

  @Test("a refused resize is counted and leaves the pod where it is")
  func refused() throws {
    let cluster = ScriptedCluster()
    cluster.refusesPod = 1
    let rounds = try run(cluster)
    #expect(cluster.limits == [350, 200])
    #expect(rounds.map(\.resizesRefused) == [1, 1, 1])
  }

  @Test("the loop ends when the cluster does, when the rounds are done, or when it is told to")
  func ends() throws {
    #expect(try run(ScriptedCluster(), rounds: nil).count == 10)
    #expect(try run(ScriptedCluster(), rounds: 4).count == 4)
    #expect(try run(ScriptedCluster(), shouldStop: { true }).isEmpty)
  }
}
