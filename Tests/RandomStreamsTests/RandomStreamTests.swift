import Testing

@testable import RandomStreams

@Suite("Random streams")
struct RandomStreamTests {
  @Test("Philox4x32-10 gives the published known answers")
  func knownAnswers() {
    // Random123's kat_vectors for philox4x32 with 10 rounds.
    let zero = RandomStream.philox(key: (0, 0), counter: (0, 0, 0, 0))
    #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = RandomStream.philox(key: (.max, .max), counter: (.max, .max, .max, .max))
    #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let pi = RandomStream.philox(
      key: (0xa409_3822, 0x299f_31d0), counter: (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344))
    #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x24126ea1))
  }

  @Test("a stream restored from its state goes on where it was", arguments: 0..<9)
  func stateRoundTrip(drawn: Int) {
    var stream = RandomStream(seed: 42, purpose: "test", 3, 7)
    for _ in 0..<drawn { _ = stream.nextWord() }
    #expect(stream.state.drawn == UInt64(drawn))
    var restored = RandomStream(stream.state)
    let expected = (0..<10).map { _ in stream.nextWord() }
    #expect((0..<10).map { _ in restored.nextWord() } == expected)
  }

  @Test("looking ahead and skipping is drawing one by one", arguments: 0..<20)
  func lookAhead(seed: UInt64) {
    var choice = RandomStream(seed: seed, purpose: "choice")
    var (ahead, plain) = (
      RandomStream(.init(seed: 42, stream: seed, drawn: 0xffff_fff0 * 4)),
      RandomStream(.init(seed: 42, stream: seed, drawn: 0xffff_fff0 * 4))
    )
    let words = UnsafeMutablePointer<UInt32>.allocate(capacity: RandomStream.aheadCapacity)
    defer { words.deallocate() }
    for _ in 0..<40 {
      let count = ahead.lookAhead(into: words)
      #expect((16...RandomStream.aheadCapacity).contains(count))
      let drawn = choice.below(count + 1)
      ahead.skip(drawn, of: words)
      #expect((0..<drawn).map { words[$0] } == (0..<drawn).map { _ in plain.nextWord() })
      #expect(ahead.state == plain.state)
      if choice.below(3) == 0 { #expect(ahead.nextWord() == plain.nextWord()) }
    }
  }

  @Test("streams with different names or indices differ")
  func independence() {
    let names: [RandomStream] = [
      RandomStream(seed: 1, purpose: "a"), RandomStream(seed: 1, purpose: "b"), RandomStream(seed: 1, purpose: "a", 1),
      RandomStream(seed: 1, purpose: "a", 0, 1), RandomStream(seed: 2, purpose: "a"),
    ]
    var first = Set<UInt32>()
    for var stream in names { first.insert(stream.nextWord()) }
    #expect(first.count == names.count)
  }

  @Test("moments of the distributions agree with their parameters")
  func moments() {
    var random = RandomStream(seed: 5, purpose: "moments")
    let count = 200_000
    func square(_ x: Double) -> Double { x * x }
    func mean(_ draw: (inout RandomStream) -> Double) -> Double {
      (0..<count).reduce(0) { sum, _ in sum + draw(&random) } / Double(count)
    }
    #expect(abs(mean { $0.uniform() } - 0.5) < 0.005)
    #expect(abs(mean { $0.exponential(mean: 3) } - 3) < 0.05)
    #expect(abs(mean { $0.normal() }) < 0.01)
    #expect(abs(mean { square($0.normal()) } - 1) < 0.02)
    #expect(abs(mean { Double($0.poisson(mean: 2.5)) } - 2.5) < 0.03)
    #expect(abs(mean { Double($0.poisson(mean: 70)) } - 70) < 0.2)
    #expect(abs(mean { $0.logNormal(mean: 2, variation: 1) } - 2) < 0.05)
    #expect(random.poisson(mean: 0) == 0)
    #expect(random.poisson(mean: -1) == 0)
  }

  @Test("a partial shuffle is a sample without replacement")
  func sampling() {
    var random = RandomStream(seed: 9, purpose: "sample")
    var items = (0..<50).map(Int32.init)
    items.withUnsafeMutableBufferPointer { random.shufflePrefix(20, of: $0) }
    #expect(Set(items) == Set(0..<50))
  }
}
