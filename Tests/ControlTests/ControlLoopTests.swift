import Autoscaling
import Testing

@testable import Control

/// A cluster of numbers: usage is what the test says, limits are what the loop sent.
final class ScriptedCluster: ControlledCluster {
  var places = ["a", "b"].map { Place(PodDescription(name: $0)) }
  var limits = [200, 200]
  var now = 0.0
  /// Places whose resizes are refused at the end of the round.
  var refused: Set<Int> = []
  var quiet: Set<Int> = []
  var absent: Set<Int> = []
  var resizesAvailable: Int?
  /// What is held beside the group before the round's samples and after them.
  var reservedBefore = 0
  var reserved = 0
  var roundsLeft = 10
  private var rejections: [Int] = []

  func awaitRound(interval: Double) throws -> Bool {
    roundsLeft -= 1
    now += interval
    return roundsLeft >= 0
  }

  func sample(into samples: UnsafeMutableBufferPointer<PodSample>) throws {
    reserved -= reservedBefore
    reservedBefore = 0
    for place in samples.indices {
      samples[place] =
        absent.contains(place)
        ? .absent(at: now) : PodSample(time: now, limit: limits[place], request: limits[place], usage: 100)
    }
  }

  func isQuiet(_ place: Int) -> Bool { quiet.contains(place) }

  func resize(_ places: [Int], to limits: (Int) -> Millicores) throws {
    for place in places {
      if refused.contains(place) { rejections.append(place) } else { self.limits[place] = limits(place) }
    }
  }

  func takeRejections(isRoundOver: Bool) throws -> [Int] {
    guard isRoundOver else { return [] }
    defer { rejections = [] }
    return rejections
  }
}

struct AlwaysRaise: ScalingPolicy {
  mutating func reset() {}
  mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    for pod in 0..<group.count { wishes[pod] = group.allocations[pod] + 50 }
  }
}

@Suite("Control loop")
struct ControlLoopTests {
  private func run(
    _ cluster: ScriptedCluster, applies: Bool = true, rounds: Int? = 3, shouldStop: () -> Bool = { false }
  ) throws -> [ControlRound] {
    let loop = try ControlLoop(cluster: cluster, settings: DecisionSettings(), interval: 1, applies: applies) { _ in
      AlwaysRaise()
    }
    var done: [ControlRound] = []
    try loop.run(rounds: rounds, shouldStop: shouldStop) { round, _ in done.append(round) }
    return done
  }

  @Test("limits follow the decisions, round after round")
  func applies() throws {
    let cluster = ScriptedCluster()
    let rounds = try run(cluster)
    #expect(cluster.limits == [350, 350])
    #expect(rounds.map(\.sent) == [[0, 1], [0, 1], [0, 1]])
    #expect(rounds.map(\.time) == [1, 2, 3])
  }

  @Test("recommending sends nothing and each time starts from what is in force")
  func recommends() throws {
    let cluster = ScriptedCluster()
    let rounds = try run(cluster, applies: false)
    #expect(cluster.limits == [200, 200])
    #expect(rounds.allSatisfy { $0.sent.isEmpty })
  }

  @Test("a refused resize is told and leaves the pod where it is")
  func refused() throws {
    let cluster = ScriptedCluster()
    cluster.refused = [1]
    let rounds = try run(cluster)
    #expect(cluster.limits == [350, 200])
    #expect(rounds.map(\.rejected) == [[1], [1], [1]])
  }

  @Test("where not all may be sent, cuts go first, then whoever has waited longest")
  func budget() throws {
    let cluster = ScriptedCluster()
    cluster.places = ["a", "b", "c"].map { Place(PodDescription(name: $0)) }
    cluster.limits = [200, 200, 200]
    cluster.resizesAvailable = 1
    let rounds = try run(cluster, rounds: 4)
    #expect(rounds.map(\.sent) == [[0], [1], [2], [0]])
    #expect(rounds.map(\.heldBack) == [[1, 2], [0, 2], [0, 1], [1, 2]])
  }

  @Test("pods that are only advised, and pods that want their quiet, are not resized")
  func quiet() throws {
    let cluster = ScriptedCluster()
    cluster.places[0].isApplied = false
    cluster.quiet = [1]
    let rounds = try run(cluster)
    #expect(cluster.limits == [200, 200])
    #expect(rounds.map(\.heldBack) == [[0, 1], [0, 1], [0, 1]])
  }

  @Test("when the cluster grows, the group grows with it and keeps what it knows")
  func grows() throws {
    let cluster = ScriptedCluster()
    let loop = try ControlLoop(cluster: cluster, settings: DecisionSettings(), interval: 1, applies: true) { _ in
      AlwaysRaise()
    }
    try loop.run(rounds: 2, shouldStop: { false }) { _, _ in }
    let before = loop.group
    cluster.places.append(Place(PodDescription(name: "c")))
    cluster.limits.append(100)
    try loop.run(rounds: 3, shouldStop: { false }) { _, _ in }
    #expect(loop.group.count == 3)
    #expect(loop.group.allocations == [350, 350, 150])
    #expect(loop.group.pods.map(\.name) == ["a", "b", "c"])
    // Five readings moved up by one, the sixth is new.
    for element in 0..<35 {
      #expect(loop.group.observations.row(0)[element] == before.observations.row(0)[element + 7])
    }
  }

  @Test("what pods hold that were never measured is not given away")
  func reserved() throws {
    let cluster = ScriptedCluster()
    cluster.reserved = 550
    _ = try run(cluster)
    #expect(cluster.limits.reduce(0, +) == 440)
  }

  @Test("a pod that is measured for the first time is not counted twice")
  func measuredFirst() throws {
    let cluster = ScriptedCluster()
    cluster.reserved = 900
    cluster.reservedBefore = 900
    let rounds = try run(cluster, rounds: 1)
    #expect(rounds.map(\.reserved) == [0])
    #expect(cluster.limits == [250, 250])
  }

  @Test("the loop ends when the cluster does, when the rounds are done, or when it is told to")
  func ends() throws {
    #expect(try run(ScriptedCluster(), rounds: nil).count == 10)
    #expect(try run(ScriptedCluster(), rounds: 4).count == 4)
    #expect(try run(ScriptedCluster(), shouldStop: { true }).isEmpty)
  }
}

@Suite("Ticks")
struct TickScheduleTests {
  /// When ticks are due for somebody who takes so long after each.
  private func dues(_ work: [Double], interval: Double = 1) -> (dues: [Double], missed: Int) {
    var schedule = TickSchedule(start: 100, interval: interval)
    var now = 100.0
    var dues: [Double] = []
    for seconds in work {
      let due = schedule.next(at: now)
      dues.append(due)
      now = max(now, due) + seconds
    }
    return (dues, schedule.missed)
  }

  @Test("however long the work takes within the interval, ticks stay on their grid")
  func grid() {
    let outcome = dues([0.1, 0.9, 0.5, 0.0, 0.99])
    #expect(outcome.dues == [101, 102, 103, 104, 105])
    #expect(outcome.missed == 0)
  }

  @Test("a tick that is merely late takes place; one whose interval has passed is missed, and the grid stays")
  func missed() {
    let outcome = dues([1.5, 0.1, 3.2, 0.1, 0.1])
    // 101 → 102.5: the tick of 102 is late. 103 → 106.2: 104 and 105 are missed, 106 is late.
    #expect(outcome.dues == [101, 102, 103, 106, 107])
    #expect(outcome.missed == 2)
  }

  @Test("ten thousand ticks do not drift")
  func drift() {
    #expect(dues(Array(repeating: 0.05, count: 10_000), interval: 0.1).dues.last == 100 + 10_000 * 0.1)
  }
}
