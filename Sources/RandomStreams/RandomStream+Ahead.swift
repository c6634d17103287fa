/// Words by the dozen: four blocks of Philox side by side take little longer than one, whose rounds wait for each other.
extension RandomStream {
  /// Words that `lookAhead` can write.
  public static let aheadCapacity = 20

  /// Writes the words that come next, in order, without drawing them; `skip` then draws as many as were of use.
  ///
  /// - `words`: room for `aheadCapacity`.
  /// - Returns: how many, at least 16.
  public func lookAhead(into words: UnsafeMutablePointer<UInt32>) -> Int {
    var count = 0
    if used < 1 { words[count] = self.words.0; count += 1 }
    if used < 2 { words[count] = self.words.1; count += 1 }
    if used < 3 { words[count] = self.words.2; count += 1 }
    if used < 4 { words[count] = self.words.3; count += 1 }
    let counters = SIMD4<UInt64>(repeating: block) &+ SIMD4(0, 1, 2, 3)
    var (k0, k1) = (key0, key1)
    var c0 = SIMD4<UInt32>(truncatingIfNeeded: counters)
    var c1 = SIMD4<UInt32>(truncatingIfNeeded: counters &>> 32)
    var c2 = SIMD4<UInt32>(repeating: UInt32(truncatingIfNeeded: stream))
    var c3 = SIMD4<UInt32>(repeating: UInt32(truncatingIfNeeded: stream >> 32))
    for _ in 0..<10 {
      let product0 = SIMD4<UInt64>(truncatingIfNeeded: c0) &* SIMD4(repeating: 0xD251_1F53)
      let product1 = SIMD4<UInt64>(truncatingIfNeeded: c2) &* SIMD4(repeating: 0xCD9E_8D57)
      let next0 = SIMD4<UInt32>(truncatingIfNeeded: product1 &>> 32) ^ c1 ^ SIMD4(repeating: k0)
      let next2 = SIMD4<UInt32>(truncatingIfNeeded: product0 &>> 32) ^ c3 ^ SIMD4(repeating: k1)
      c0 = next0
      c1 = SIMD4<UInt32>(truncatingIfNeeded: product1)
      c2 = next2
      c3 = SIMD4<UInt32>(truncatingIfNeeded: product0)
      k0 = k0 &+ 0x9E37_79B9
      k1 = k1 &+ 0xBB67_AE85
    }
    for lane in 0..<4 {
      words[count] = c0[lane]
      words[count + 1] = c1[lane]
      words[count + 2] = c2[lane]
      words[count + 3] = c3[lane]
      count += 4
    }
    return count
  }

  /// Draws the first `count` of the words that `lookAhead` has just written.
  public mutating func skip(_ count: Int, of words: UnsafePointer<UInt32>) {
    let left = Int(4 - used)
    guard count > left else {
      used += UInt32(count)
      return
    }
    let blocks = (count - left - 1) / 4
    let first = words + left + 4 * blocks
    self.words = (first[0], first[1], first[2], first[3])
    block &+= UInt64(blocks + 1)
    used = UInt32(count - left - 4 * blocks)
  }
}
