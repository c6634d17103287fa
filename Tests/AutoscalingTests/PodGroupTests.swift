import RandomStreams
import Testing

@testable import Autoscaling

@Suite("Decision path")
struct PodGroupTests {
  private func sample(_ limit: Int, usage: Double = 100, at time: Double) -> PodSample {
    PodSample(time: time, limit: limit, request: limit, usage: usage)
  }

  private func group(_ count: Int = 3, _ settings: DecisionSettings = DecisionSettings()) -> PodGroup {
    PodGroup(pods: (0..<count).map { PodDescription(name: "pod\($0)") }, settings: settings)
  }

  private func observe(_ group: PodGroup, _ samples: [PodSample], at now: Double) {
    samples.withUnsafeBufferPointer { group.observe($0, at: now) }
  }

  private func decide(_ group: PodGroup, _ actions: [Float]) {
    actions.withUnsafeBufferPointer { actions in
      if let start = actions.baseAddress { group.decide(actions: start, stride: 1) }
    }
  }

  @Test("a raise by 25m accumulates in the allocation while limits stay on whole granules")
  func accumulation() {
    let group = group(1)
    var limit = 100
    var limits: [Int] = []
    for second in 0..<4 {
      observe(group, [sample(limit, at: Double(second))], at: Double(second))
      decide(group, [2])
      limit = group.resizes[0].limit
      group.noteSent(0, at: Double(second))
      limits.append(limit)
    }
    #expect(limits == [120, 150, 170, 200])
    #expect(group.allocations == [200])
  }

  @Test("the fields of a reading are what the pods around it say")
  func fields() {
    let group = group(3)
    observe(
      group, [sample(200, usage: 100, at: 1), sample(300, usage: 30, at: 1), sample(400, usage: 320, at: 1)], at: 1)
    let newest = Array(UnsafeBufferPointer(start: group.observations.row(1), count: 42).suffix(7))
    #expect(newest == [0.3, 0.03, 0.1, 0.1, 0.65, 1, 1])
  }

  @Test("a lone agent sees zeros of its neighbours")
  func alone() {
    let group = group(1)
    observe(group, [sample(200, at: 1)], at: 1)
    #expect(Array(UnsafeBufferPointer(start: group.observations.row(0), count: 7)) == [0.2, 0.1, 0.8, 0.5, 0, 1, 0])
  }

  @Test("a sample that is not newer leaves the observation as it is and is held once it is too old")
  func stale() {
    let group = group(1)
    observe(group, [sample(200, usage: 10, at: 1)], at: 1)
    observe(group, [sample(200, usage: 100, at: 2)], at: 2)
    let before = Array(UnsafeBufferPointer(start: group.observations.row(0), count: 42))
    observe(group, [sample(200, usage: 100, at: 2)], at: 9)
    #expect(Array(UnsafeBufferPointer(start: group.observations.row(0), count: 42)) == before)
    decide(group, [2])
    #expect(group.resizes[0].reasons == .stale)
    #expect(!group.resizes[0].isNeeded)
    #expect(group.utilisation == [50])
    #expect(group.previousUtilisation == [5])
  }

  @Test("one unsettled resize at a time; a foreign change is taken over")
  func settlement() {
    let group = group(1)
    observe(group, [sample(200, at: 1)], at: 1)
    decide(group, [2])
    #expect(group.resizes[0].limit == 220)
    group.noteSent(0, at: 1)
    observe(group, [sample(200, at: 2)], at: 2)
    decide(group, [2])
    #expect(group.resizes[0].reasons == .unsettled)
    #expect(!group.resizes[0].isNeeded)
    observe(group, [sample(220, at: 3)], at: 3)
    decide(group, [2])
    #expect(group.resizes[0].limit == 250)
    group.noteSent(0, at: 3)
    observe(group, [sample(250, at: 4)], at: 4)
    observe(group, [sample(400, at: 5)], at: 5)
    #expect(group.allocations == [400])
  }

  @Test("a resize that never shows is given up after the settlement timeout")
  func settlementTimeout() {
    let group = group(1)
    observe(group, [sample(200, at: 0)], at: 0)
    decide(group, [2])
    group.noteSent(0, at: 0)
    observe(group, [sample(200, at: 31)], at: 31)
    decide(group, [0])
    #expect(group.resizes[0].limit == 170)
    #expect(group.resizes[0].from == 200)
  }

  @Test("a refused resize gives the allocation back")
  func refused() {
    let group = group(1)
    observe(group, [sample(200, at: 1)], at: 1)
    decide(group, [2])
    group.noteRefused(0)
    #expect(group.allocations == [200])
    #expect(group.available == 800)
  }

  @Test("under upstream compatibility a reset leaves the queue of readings as it was")
  func upstreamReset() {
    let group = group(1, DecisionSettings(compatibility: .upstream))
    func row() -> [Float] { Array(UnsafeBufferPointer(start: group.observations.row(0), count: 42)) }
    observe(group, [sample(100, at: 1)], at: 1)
    #expect(row()[0] == 0.1)
    observe(group, [sample(100, at: 2)], at: 2)
    #expect(row().prefix(28).allSatisfy { $0 == 0 })
    group.reset()
    observe(group, [sample(300, at: 3)], at: 3)
    #expect(row()[0] == 0.3)
    observe(group, [sample(300, at: 4)], at: 4)
    #expect(stride(from: 0, to: 42, by: 7).map { row()[$0] } == [0, 0, 0.1, 0.1, 0.3, 0.3])
  }

  @Test("an absent pod holds nothing of the pool, and is taken over like a new one when it is there")
  func absence() {
    let group = group(3)
    observe(group, [sample(300, at: 1), sample(300, at: 1), sample(400, usage: 40, at: 1)], at: 1)
    #expect(group.available == 0)
    observe(group, [sample(300, usage: 300, at: 2), .absent(at: 2), sample(400, usage: 40, at: 2)], at: 2)
    #expect(group.available == 300 && group.allocations == [300, 0, 400])
    // The mean of the others is that of those who are there.
    let newest = Array(UnsafeBufferPointer(start: group.observations.row(0), count: 42).suffix(7))
    #expect(newest == [0.3, 0.3, 0.3, 1, 0.1, 1, 1])
    decide(group, [2, 2, 2])
    #expect(group.resizes.map(\.isNeeded) == [true, false, true])
    #expect(group.resizes[1].limit == 0 && group.resizes[0].limit == 320)
    for pod in [0, 2] { group.noteSent(pod, at: 2) }
    observe(group, [sample(320, at: 3), sample(200, usage: 100, at: 3), sample(420, at: 3)], at: 3)
    #expect(group.allocations == [325, 200, 425])
    let arrived = Array(UnsafeBufferPointer(start: group.observations.row(1), count: 42))
    #expect(stride(from: 0, to: 42, by: 7).allSatisfy { arrived[$0] == 0.2 && arrived[$0 + 3] == 0.5 })
    decide(group, [1, 2, 1])
    #expect(group.resizes[1].from == 200 && group.resizes[1].limit == 220)
  }

  @Test("whatever a policy says, limits stay in bounds, in steps and in the pool", arguments: 0..<60)
  func hostilePolicy(seed: UInt64) {
    var random = RandomStream(seed: seed, purpose: "hostile")
    let count = 1 + random.below(6)
    let capacity = count * 50 + random.below(3000)
    let step = random.below(2) == 0 ? nil : 10 * (1 + random.below(20))
    let kinds: [ActionSpace.Kind] = [.increments, .factors(count: 5), .factors(count: 11), .delta, .instant]
    let group = group(
      count,
      DecisionSettings(
        pool: ResourcePool(capacity: capacity), action: ActionSpace(kind: kinds[random.below(kinds.count)]),
        shield: SafetyShield(stepMaximum: step), compatibility: random.below(2) == 0 ? .none : .upstream))
    var limits = Array(repeating: 50, count: count)
    for second in 0..<500 {
      let now = Double(second)
      observe(group, limits.map { sample($0, usage: random.uniform() * 500, at: now) }, at: now)
      let actions = (0..<count).map { _ -> Float in
        switch random.below(6) {
        case 0: .nan
        case 1: .infinity
        case 2: -1e30
        case 3: 1e30
        default: Float(random.normal()) * 4
        }
      }
      decide(group, actions)
      for pod in 0..<count where group.resizes[pod].isNeeded {
        let limit = group.resizes[pod].limit
        #expect((50...1000).contains(limit))
        #expect(limit % 10 == 0)
        if let step { #expect(abs(limit - limits[pod]) < step + 10) }
        limits[pod] = limit
        group.noteSent(pod, at: now)
      }
      #expect(limits.reduce(0, +) <= capacity)
    }
  }
}
