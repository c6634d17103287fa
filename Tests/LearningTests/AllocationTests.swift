import AllocationCounter
import NeuralNetwork
import Testing

@testable import Learning

private var isCounting: Bool {
  #if DEBUG
    false
  #else
    allocation_counter_works() != 0
  #endif
}

/// Acting, storing, learning and deciding run as often as a machine can; an allocation there costs more than the arithmetic
/// of a small layer, and a lock between threads.
@Suite(
  "Hot loops allocate nothing",
  .enabled(if: isCounting, "counted in optimised builds without a sanitizer only"))
struct AllocationTests {
  /// Allocations of the calling thread and, where there is a pair, of its second thread, during `body`.
  private func allocations(_ pair: TwoThreads?, during body: () throws -> Void) rethrows -> [UInt64] {
    let counts = Counts()
    pair?.run(once: { counts.other -= Int64(bitPattern: $0 == 1 ? allocation_count() : 0) })
    let before = allocation_count()
    try body()
    let own = allocation_count() - before
    pair?.run(once: { counts.other += Int64(bitPattern: $0 == 1 ? allocation_count() : 0) })
    return [own, UInt64(bitPattern: counts.other)]
  }

  /// Only the second thread changes it.
  private final class Counts {
    var other: Int64 = 0
  }

  @Test("acting, storing and learning", arguments: Algorithms.names, [1, 2])
  func training(name: String, threads: Int) throws {
    for kernels in Kernels.allCases {
      try Kernels.using(kernels) {
        // More rows than one thread acts for alone, rollouts and batches that both end within the count.
        let playground = try Playground(name, agents: 3, clusters: 9, threads: threads)
        try playground.run(40)
        let count = try allocations(playground.group.pair) { try playground.run(60) }
        #expect(count == [0, 0], "\(kernels)")
        #expect(playground.group.diagnostics.count == 3)
      }
    }
  }

  @Test("deciding", arguments: Algorithms.names, [1, 2])
  func inference(name: String, threads: Int) throws {
    for kernels in Kernels.allCases {
      try Kernels.using(kernels) {
        let playground = try Playground(name, agents: 3, clusters: 50, threads: 1)
        let decided = FloatBuffer(150)
        for assignment in [(0..<150).map { $0 / 50 }, (0..<150).map { $0 % 3 }] {
          let policy = try GreedyPolicy(
            algorithm: name, sets: playground.contents, assignment: assignment, threads: threads)
          policy.decide(playground.observations.pointer, into: decided.pointer)
          let count = allocations(policy.pair) {
            for _ in 0..<20 { policy.decide(playground.observations.pointer, into: decided.pointer) }
          }
          #expect(count == [0, 0], "\(kernels)")
        }
      }
    }
  }

  @Test("one allocation per step is seen, on either thread")
  func deliberate() throws {
    let playground = try Playground("mdqn", threads: 2)
    try playground.run(20)
    let pair = try #require(playground.group.pair)
    let kept = Kept()
    let own = try allocations(pair) {
      for _ in 0..<10 {
        try playground.run(1)
        kept.last = [FloatBuffer(16)]
      }
    }
    #expect(own[0] >= 10 && own[1] == 0)
    let other = allocations(pair) {
      for _ in 0..<10 { pair.run(once: { if $0 == 1 { kept.last = [FloatBuffer(16)] } }) }
    }
    #expect(other[1] >= 10)
    withExtendedLifetime(kept) {}
  }

  private final class Kept {
    var last: [FloatBuffer] = []
  }
}
