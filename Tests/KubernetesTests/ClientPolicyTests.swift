import Testing

@testable import Kubernetes

@Suite("Budget and backoff")
struct ClientPolicyTests {
  @Test("no window ever holds more writes than burst + rate · t", arguments: 0..<40)
  func budgetInvariant(seed: UInt64) {
    var state = seed &+ 0x9e37_79b9_7f4a_7c15
    func uniform() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    let rate = 0.5 + 20 * uniform()
    let burst = 1 + Int(uniform() * 10)
    var budget = WriteBudget(rate: rate, burst: burst)
    var time = 0.0
    var taken: [Double] = []
    for _ in 0..<300 {
      time += uniform() * 0.3 - (uniform() < 0.05 ? 0.2 : 0)  // now and then the clock goes back
      if budget.take(at: time) { taken.append(time) }
    }
    var excess = -Double.infinity
    for first in taken.indices {
      for last in first..<taken.count where taken[last] >= taken[first] {
        // 0.2 s is what a clock gone back can hide in the times we wrote down.
        let allowed = Double(burst) + rate * (taken[last] - taken[first] + 0.2)
        excess = max(excess, Double(last - first + 1) - allowed)
      }
    }
    #expect(excess <= 1e-9)
  }

  @Test("a rest refills up to the burst, and the wait is told")
  func budget() {
    var budget = WriteBudget(rate: 2, burst: 3)
    let atFirst = budget.available(at: 0)
    #expect(atFirst == 3)
    let taken = (0..<4).map { _ in budget.take(at: 0) }
    #expect(taken == [true, true, true, false])
    let wait = budget.wait(at: 0)
    #expect(wait == 0.5)
    let isTaken = budget.take(at: 0.5)
    #expect(isTaken)
    let (rested, none) = (budget.available(at: 100), budget.wait(at: 100))
    #expect(rested == 3)
    #expect(none == 0)
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
