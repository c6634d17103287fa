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
    // 64-bit lanes of which only the low halves count: a product's high half is then a shift away.
    typealias Lanes = SIMD4<UInt64>
    let low = Lanes(repeating: 0xffff_ffff)
    let counters = Lanes(repeating: block) &+ Lanes(0, 1, 2, 3)
    var (k0, k1) = (UInt64(key0), UInt64(key1))
    var (c0, c1) = (counters, counters &>> 32)
    var (c2, c3) = (Lanes(repeating: stream), Lanes(repeating: stream &>> 32))
    for _ in 0..<10 {
      let product0 = (c0 & low) &* Lanes(repeating: 0xD251_1F53)
      let product1 = (c2 & low) &* Lanes(repeating: 0xCD9E_8D57)
      c0 = (product1 &>> 32) ^ c1 ^ Lanes(repeating: k0)
      c2 = (product0 &>> 32) ^ c3 ^ Lanes(repeating: k1)
      c1 = product1
      c3 = product0
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    for lane in 0..<4 {
      words[count] = UInt32(truncatingIfNeeded: c0[lane])
      words[count &+ 1] = UInt32(truncatingIfNeeded: c1[lane])
      words[count &+ 2] = UInt32(truncatingIfNeeded: c2[lane])
      words[count &+ 3] = UInt32(truncatingIfNeeded: c3[lane])
      count &+= 4
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
