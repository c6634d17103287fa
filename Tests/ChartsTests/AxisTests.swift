import Testing

@testable import Charts

@Suite("Axes")
struct AxisTests {
  @Test(
    "ticks are multiples of 1, 2 or 5 with just the digits they need",
    arguments: [
      (0.0, 10.0, 5, ["0", "2", "4", "6", "8", "10"]), (0, 1, 5, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
      (-1, 1, 4, ["-1.0", "-0.5", "0.0", "0.5", "1.0"]), (0, 86400, 4, ["0", "20,000", "40,000", "60,000", "80,000"]),
      (950, 1050, 2, ["950", "1000", "1050"]), (0.001, 0.003, 2, ["0.001", "0.002", "0.003"]),
      (0, 4e9, 4, ["0", "1e+09", "2e+09", "3e+09", "4e+09"]),
    ])
  func linear(_ low: Double, _ high: Double, _ count: Int, _ labels: [String]) {
    #expect(Ticks.linear(low, high, count: count).ticks.map(\.label) == labels)
  }

  @Test(
    "logarithmic ticks are powers of ten, and 2 and 5 times them where there are few",
    arguments: [
      (1.0, 100.0, ["1", "2", "5", "10", "20", "50", "100"]),
      (1, 1e5, ["1", "10", "100", "1000", "10,000", "100,000"]),
      (0.01, 0.1, ["0.01", "0.02", "0.05", "0.1"]), (3, 4, ["3.0", "3.2", "3.4", "3.6", "3.8", "4.0"]),
    ])
  func logarithmic(_ low: Double, _ high: Double, _ labels: [String]) {
    #expect(Ticks.logarithmic(low, high, count: 5).ticks.map(\.label) == labels)
  }

  @Test("whatever the range, ticks lie within it, ascend, and are few", arguments: 0..<200 as Range<UInt64>)
  func property(seed: UInt64) {
    var random = TestRandom(state: seed)
    let exponent = Double.random(in: -140...140, using: &random)
    let size = exp10(exponent)
    let low = Double.random(in: -1...1, using: &random) * size
    let high = low + abs(low).ulp * 8 + Double.random(in: 0...1, using: &random) * size
    let ticks = Ticks.linear(low, high, count: 5).ticks.map(\.value)
    #expect(ticks.count <= 21)
    #expect(ticks.allSatisfy { $0 >= low && $0 <= high + (high - low) * 1e-6 })
    #expect(zip(ticks, ticks.dropFirst()).allSatisfy { $0 < $1 })
    guard low > 0 else { return }
    let powers = Ticks.logarithmic(low, high, count: 5).ticks.map(\.value)
    #expect(zip(powers, powers.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test("ends found from data hold all values and never collapse", arguments: 0..<200 as Range<UInt64>)
  func ends(seed: UInt64) {
    var random = TestRandom(state: seed)
    let size = exp10(Double.random(in: -100...100, using: &random))
    let values = (0..<Int.random(in: 1...5, using: &random)).map { _ in Double.random(in: -1...1, using: &random) * size
    }
    for axis in [Axis("x"), Axis("x", includesZero: true), Axis("x", kind: .logarithmic)] {
      for isTight in [false, true] {
        let ends = axis.ends(for: values + [.nan, .infinity, -.infinity], isTight: isTight, ticks: 5)
        #expect(ends.lowerBound < ends.upperBound)
        for value in values where axis.accepts(value) { #expect(ends.contains(value)) }
      }
    }
  }

  @Test("a range that is asked for is kept; nothing to show still gives a range")
  func given() {
    #expect(Axis("x", range: 3...4).ends(for: [100], isTight: false, ticks: 5) == 3...4)
    #expect(Axis("x").ends(for: [], isTight: false, ticks: 5) == 0...1)
    #expect(Axis("x", kind: .logarithmic).ends(for: [0, -1], isTight: false, ticks: 5) == 1...10)
    #expect(Axis("x", includesZero: true).ends(for: [5, 5], isTight: false, ticks: 5).lowerBound == 0)
  }

  @Test("values map to pixels, logarithmic ones by ratio; what has no place has none")
  func scale() {
    let linear = Scale(axis: Axis("x"), ends: 0...10, start: 100, end: 200)
    #expect(linear.place(0) == 100)
    #expect(linear.place(2.5) == 125)
    #expect(linear.place(.nan) == nil)
    #expect(linear.place(1e300) == nil)
    let logarithmic = Scale(axis: Axis("x", kind: .logarithmic), ends: 1...100, start: 0, end: 80)
    #expect(logarithmic.place(10) == 40)
    #expect(logarithmic.place(0) == nil)
  }

  private func exp10(_ exponent: Double) -> Double { Double("1e\(Int(exponent))") ?? 1 }
}

/// SplitMix64.
struct TestRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
