import Testing

@testable import Kubernetes

@Suite("Budget and backoff")
struct ClientPolicyTests {
  @Test("however long writes are on their way, no window at the server holds more than the budget", arguments: 0..<40)
  func budgetInvariant(seed: UInt64) {
    var state = seed &+ 0x9e37_79b9_7f4a_7c15
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    let count = 1 + Int(uniform() * 10)
    let window = 0.2 + 2 * uniform()
    var budget = WriteBudget(count: count, window: window)
    var time = 0.0
    var underWay: [(taken: Double, answered: Double)] = []
    var received: [Double] = []
    var latest = -Double.infinity
    for _ in 0..<1000 {
      time += uniform() * 0.3 - (uniform() < 0.05 ? 0.2 : 0)  // now and then the clock goes back
      latest = max(latest, time)
      for write in underWay.filter({ $0.answered <= latest }).sorted(by: { $0.answered < $1.answered }) {
        budget.finish(at: latest)
        received.append(write.taken + uniform() * (latest - write.taken))
      }
      underWay.removeAll { $0.answered <= latest }
      let available = budget.available(at: time)
      #expect((available > 0) == (budget.wait(at: time) == 0))
      let isTaken = budget.take(at: time)
      #expect(isTaken == (available > 0))
      if isTaken { underWay.append((latest, latest + uniform() * uniform() * 2)) }
    }
    received.sort()
    for first in received.indices where first + count < received.count {
      #expect(received[first + count] > received[first] + window)
    }
    #expect(received.count > 20)
  }

  @Test("a rest gives the whole budget back, and the wait is told")
  func budget() {
    var budget = WriteBudget(count: 3, window: 2)
    #expect(budget.available(at: 0) == 3)
    let taken = [0.0, 0.5, 1, 1.5].map { time in
      defer { if time < 1.5 { budget.finish(at: time) } }
      return budget.take(at: time)
    }
    #expect(taken == [true, true, true, false])
    #expect(abs(budget.wait(at: 1.5) - 0.5) < 1e-9)
    #expect(budget.available(at: 1.5) == 0)
    #expect(budget.available(at: 1.5, within: 1.2) == 2)
    #expect(budget.available(at: 2.4) == 1)
    let again = [budget.take(at: 2.4), budget.take(at: 2.4), budget.take(at: 2.6)]
    #expect(again == [true, false, true])
    #expect(budget.available(at: 100) == 1, "two are still under way")
    for _ in 0..<5 { budget.finish(at: 100) }
    #expect(budget.available(at: 103) == 3)
    #expect(budget.wait(at: 103) == 0)
  }

  @Test("a budget that begins used up gives nothing for a window: a killed predecessor may have written")
  func usedUp() {
    var budget = WriteBudget(count: 2, window: 1, usedUpAt: 10)
    let early = [budget.take(at: 10), budget.take(at: 10.9)]
    #expect(early == [false, false])
    #expect(abs(budget.wait(at: 10.9) - 0.1) < 1e-9)
    let later = [budget.take(at: 11.01), budget.take(at: 11.01), budget.take(at: 11.01)]
    #expect(later == [true, true, false])
  }

  @Test("waits double, stay under the maximum and spread over half their length")
  func backoff() {
    let backoff = Backoff(base: 1, maximum: 10)
    #expect((1...6).map { backoff.delay(failures: $0, random: 0) } == [0.5, 1, 2, 4, 5, 5])
    #expect(backoff.delay(failures: 3, random: 1) == 4)
    #expect(backoff.delay(failures: .max, random: 0.5) == 7.5)
    #expect(backoff.delay(failures: .min, random: 0) == 0.5)
  }

  @Test("the server's wish is a lower bound")
  func retryAfter() {
    let backoff = Backoff(base: 1, maximum: 10)
    #expect(backoff.delay(failures: 1, retryAfter: 7, random: 0) == 7)
    #expect(backoff.delay(failures: 1, retryAfter: 7, random: 1) == 7.25)
    #expect(backoff.delay(failures: 5, retryAfter: 1, random: 1) == 10)
  }
}
