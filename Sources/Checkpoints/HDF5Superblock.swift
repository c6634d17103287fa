/// The header of an HDF5 file in memory, put into the state that closing the file would give it.
///
/// `H5Fget_file_image` of HDF5 1.10 clears the flag "open for writing" in the copy but leaves the checksum that was
/// computed with it, so that no HDF5 opens the image.
///
/// - Source: HDF5 File Format Specification 3.0, §II.A "Superblock", version 3.
enum HDF5Superblock {
  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
  /// Signature, version, sizes of offsets and lengths, flags, four addresses.
  private static let checkedBytes = 44
  private static let flags = 11

  /// - Returns: false when there is no superblock of version 3 with 8-byte addresses at `start`.
  static func finish(_ bytes: inout [UInt8], at start: Int) -> Bool {
    guard bytes.count >= start + checkedBytes + 4, bytes[start...].starts(with: signature + [3, 8, 8]) else {
      return false
    }
    bytes[start + flags] = 0
    let words = (0..<checkedBytes / 4).map { word in
      (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + 4 * word + $1]) << UInt32(8 * $1) }
    }
    let sum = lookup3(words)
    for byte in 0..<4 {
      bytes[start + checkedBytes + byte] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * byte))
    }
    return true
  }

  /// Jenkins' lookup3 hash of one or more little-endian words.
  ///
  /// - Source: Bob Jenkins, lookup3.c, 2006, public domain.
  static func lookup3(_ words: [UInt32]) -> UInt32 {
    func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { (word << count) | (word >> (32 - count)) }
    var a = 0xdead_beef &+ UInt32(truncatingIfNeeded: 4 * words.count)
    var b = a
    var c = a
    var rest = words[...]
    while rest.count > 3 {
      a &+= rest.removeFirst()
      b &+= rest.removeFirst()
      c &+= rest.removeFirst()
      a = (a &- c) ^ rotate(c, 4)
      c &+= b
      b = (b &- a) ^ rotate(a, 6)
      a &+= c
      c = (c &- b) ^ rotate(b, 8)
      b &+= a
      a = (a &- c) ^ rotate(c, 16)
      c &+= b
      b = (b &- a) ^ rotate(a, 19)
      a &+= c
      c = (c &- b) ^ rotate(b, 4)
      b &+= a
    }
    a &+= rest.popFirst() ?? 0
    b &+= rest.popFirst() ?? 0
    c &+= rest.popFirst() ?? 0
    c = (c ^ b) &- rotate(b, 14)
    a = (a ^ c) &- rotate(c, 11)
    b = (b ^ a) &- rotate(a, 25)
    c = (c ^ b) &- rotate(b, 16)
    a = (a ^ c) &- rotate(c, 4)
    b = (b ^ a) &- rotate(a, 14)
    c = (c ^ b) &- rotate(b, 24)
    return c
  }
}
