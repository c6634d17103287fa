/// The cyclic redundancy check of Castagnoli's polynomial, which guards the records of TensorBoard's files.
///
/// - Source: RFC 3720, appendix B.4, which has test vectors.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? (value >> 1) ^ 0x82f6_3b78 : value >> 1 }
  }

  static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { value, byte in (value >> 8) ^ table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] }
  }

  /// As it stands in a file: rotated and shifted, so that a check over data that holds checks still means something.
  static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let value = of(bytes)
    return (value >> 15 | value << 17) &+ 0xa282_ead8
  }
}
