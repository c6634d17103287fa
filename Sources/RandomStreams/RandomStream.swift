/// A counter-based random number generator: Philox4x32-10.
///
/// Draw number *i* of stream *s* under seed *k* is a pure function of (*k*, *s*, *i*): streams never overlap, any number
/// of them can be made without coordination, and the state is three integers that a checkpoint can hold. One stream per
/// pod, per agent and per purpose is what makes results independent of thread count and vectorisation width.
///
/// - Source: Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
@frozen
public struct RandomStream: Sendable, Equatable {
  @usableFromInline let key0: UInt32
  @usableFromInline let key1: UInt32
  /// Names the stream; the high half of Philox's 128-bit counter.
  @usableFromInline let stream: UInt64
  /// Blocks made so far; the low half of the counter.
  @usableFromInline var block: UInt64 = 0
  /// Words of the current block that have been handed out, 0…4.
  @usableFromInline var used: UInt32 = 4
  @usableFromInline var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)

  /// - Parameters:
  ///   - seed: the run's seed; every stream of a run shares it.
  ///   - stream: which of the 2⁶⁴ independent streams.
  @inlinable
  public init(seed: UInt64, stream: UInt64) {
    key0 = UInt32(truncatingIfNeeded: seed)
    key1 = UInt32(truncatingIfNeeded: seed >> 32)
    self.stream = stream
  }

  /// A stream named by a purpose and up to two indices, e.g. `("arrivals", pod, episode)`.
  @inlinable
  public init(seed: UInt64, purpose: StaticString, _ first: Int = 0, _ second: Int = 0) {
    // FNV-1a over the name, then the indices through a 64-bit finaliser (Stafford's mix 13), so that near indices
    // give unrelated stream names.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    purpose.withUTF8Buffer { bytes in
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    for index in [first, second] {
      hash = (hash ^ UInt64(bitPattern: Int64(index))) &+ 0x9e37_79b9_7f4a_7c15
      hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
      hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
      hash ^= hash >> 31
    }
    self.init(seed: seed, stream: hash)
  }

  public static func == (a: RandomStream, b: RandomStream) -> Bool { a.state == b.state }

  // MARK: State

  /// Everything that decides the draws to come: (seed, stream, words drawn so far).
  public struct State: Sendable, Hashable, Codable {
    public var seed: UInt64
    public var stream: UInt64
    public var drawn: UInt64

    public init(seed: UInt64, stream: UInt64, drawn: UInt64) {
      self.seed = seed
      self.stream = stream
      self.drawn = drawn
    }
  }

  public var state: State {
    State(seed: UInt64(key1) << 32 | UInt64(key0), stream: stream, drawn: block &* 4 &- UInt64(4 - used))
  }

  public init(_ state: State) {
    self.init(seed: state.seed, stream: state.stream)
    block = state.drawn / 4
    let partial = UInt32(state.drawn % 4)
    if partial > 0 {
      refill()
      used = partial
    }
  }

  // MARK: Draws

  /// 32 uniform bits.
  @inlinable
  public mutating func nextWord() -> UInt32 {
    if used == 4 { refill() }
    let word: UInt32
    switch used {
    case 0: word = words.0
    case 1: word = words.1
    case 2: word = words.2
    default: word = words.3
    }
    used &+= 1
    return word
  }

  /// Uniform in [0, 1) with 24 bits.
  @inlinable
  public mutating func uniform() -> Float {
    Float(nextWord() >> 8) * 0x1p-24
  }

  /// Uniform in [0, 1) with 53 bits.
  @inlinable
  public mutating func uniform() -> Double {
    let high = UInt64(nextWord())
    let low = UInt64(nextWord())
    return Double((high << 32 | low) >> 11) * 0x1p-53
  }

  /// Uniform in 0..<`bound`, without bias worth naming (Lemire's multiply-shift; bias below `bound` · 2⁻³²).
  ///
  /// - Precondition: 0 < `bound` ≤ 2³².
  @inlinable
  public mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0 && bound <= 1 << 32, "below(\(bound)): the bound must be in 1…2^32")
    return Int((UInt64(nextWord()) &* UInt64(bound)) >> 32)
  }

  /// One block of Philox4x32-10 for a key and a counter.
  @inlinable
  static func philox(
    key: (UInt32, UInt32), counter: (UInt32, UInt32, UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (k0, k1) = key
    var (c0, c1, c2, c3) = counter
    for _ in 0..<10 {
      let product0 = UInt64(0xD251_1F53) &* UInt64(c0)
      let product1 = UInt64(0xCD9E_8D57) &* UInt64(c2)
      let next0 = UInt32(truncatingIfNeeded: product1 >> 32) ^ c1 ^ k0
      let next2 = UInt32(truncatingIfNeeded: product0 >> 32) ^ c3 ^ k1
      c0 = next0
      c1 = UInt32(truncatingIfNeeded: product1)
      c2 = next2
      c3 = UInt32(truncatingIfNeeded: product0)
      k0 = k0 &+ 0x9E37_79B9
      k1 = k1 &+ 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }

  @inlinable
  mutating func refill() {
    words = Self.philox(
      key: (key0, key1),
      counter: (
        UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32),
        UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)
      ))
    block &+= 1
    used = 0
  }
}
