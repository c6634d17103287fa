/// One record of a TensorBoard event file: an `Event` in protobuf's encoding, framed by its length and two checks.
///
///     length: UInt64 · masked CRC of length: UInt32 · event · masked CRC of event: UInt32      (little-endian)
///
/// - Source: TensorFlow's `record_writer.h`, `event.proto` and `summary.proto`, as far as scalars need them.
enum EventRecord {
  /// The first record of every file.
  static func version(wallTime: Double) -> [UInt8] {
    var event = fixed(field: 1, wallTime.bitPattern)
    event += bytes(field: 3, Array("brain.Event:2".utf8))
    return framed(event)
  }

  /// The scalars of one step.
  ///
  /// - Parameters:
  ///   - wallTime: seconds since 1970.
  ///   - step: not negative.
  static func scalars(_ values: [(tag: String, value: Float)], step: Int, wallTime: Double) -> [UInt8] {
    var summary: [UInt8] = []
    for (tag, value) in values {
      var one = bytes(field: 1, Array(tag.utf8))
      one.append(2 << 3 | 5)
      one += littleEndian(value.bitPattern)
      summary += bytes(field: 1, one)
    }
    var event = fixed(field: 1, wallTime.bitPattern)
    event.append(2 << 3)
    event += variable(UInt64(max(step, 0)))
    event += bytes(field: 5, summary)
    return framed(event)
  }

  /// How many bytes of a file's beginning are whole records of steps before `step`.
  static func length(ofStepsBefore step: Int, in file: [UInt8]) -> Int {
    var place = 0
    while let event = event(at: place, in: file), self.step(of: file[event]) < step { place = event.upperBound + 4 }
    return place
  }

  // MARK: Frames

  private static func framed(_ event: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(event.count))
    return length + littleEndian(CRC32C.masked(length)) + event + littleEndian(CRC32C.masked(event))
  }

  /// Where the event of the record that begins at `place` is; nil where there is no whole one.
  private static func event(at place: Int, in file: [UInt8]) -> Range<Int>? {
    guard file.count - place >= 16 else { return nil }
    let length = file[place..<place + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(file.count - place - 16) else { return nil }
    let event = place + 12..<place + 12 + Int(length)
    guard Array(file[event.upperBound..<event.upperBound + 4]) == littleEndian(CRC32C.masked(file[event])) else {
      return nil
    }
    return event
  }

  /// The step of one of our events: its second field, behind the time; −1 in the first record, which has none.
  private static func step(of event: ArraySlice<UInt8>) -> Int {
    let rest = event.dropFirst(9)
    guard rest.first == 2 << 3 else { return -1 }
    var step: UInt64 = 0
    for (index, byte) in rest.dropFirst().prefix(9).enumerated() {
      step |= UInt64(byte & 0x7f) << UInt64(7 * index)
      if byte < 0x80 { break }
    }
    return Int(step)
  }

  // MARK: Protobuf

  private static func variable(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func fixed(field: UInt8, _ bits: UInt64) -> [UInt8] { [field << 3 | 1] + littleEndian(bits) }

  private static func bytes(field: UInt8, _ content: [UInt8]) -> [UInt8] {
    [field << 3 | 2] + variable(UInt64(content.count)) + content
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
