/// JSON as it is written, straight into bytes: what is told of hundreds of pods every second goes through here.
struct JSONBytes {
  private(set) var bytes: [UInt8] = []
  private var needsComma = false

  init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

  private mutating func begin() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  mutating func key(_ name: StaticString) {
    begin()
    bytes.append(UInt8(ascii: "\""))
    name.withUTF8Buffer { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: ":")])
    needsComma = false
  }

  mutating func key(_ name: String) {
    begin()
    quote(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  mutating func object(_ body: (inout JSONBytes) -> Void) { nest("{", "}", body) }
  mutating func array(_ body: (inout JSONBytes) -> Void) { nest("[", "]", body) }

  private mutating func nest(_ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout JSONBytes) -> Void) {
    begin()
    bytes.append(UInt8(ascii: open))
    needsComma = false
    body(&self)
    bytes.append(UInt8(ascii: close))
    needsComma = true
  }

  mutating func null() { raw("null") }
  mutating func put(_ value: Bool) { raw(value ? "true" : "false") }
  mutating func put(_ value: Int) { raw(String(value)) }

  /// Rounded to `digits` decimals; what is no number is null.
  mutating func put(_ value: Double, digits: Int = 3) {
    guard value.isFinite, value.magnitude < 1e15 else { return null() }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value * scale).rounded()
    if scaled.magnitude < 9e15, scaled.truncatingRemainder(dividingBy: scale) == 0 {
      raw(String(Int(scaled / scale)))
    } else {
      raw("\(scaled / scale)")
    }
  }

  mutating func put(_ value: String) {
    begin()
    quote(value)
  }

  mutating func put(_ value: Int?) { if let value { put(value) } else { null() } }
  mutating func put(_ value: Double?, digits: Int = 3) { if let value { put(value, digits: digits) } else { null() } }
  mutating func put(_ value: String?) { if let value { put(value) } else { null() } }

  /// What is JSON already.
  mutating func put(json: [UInt8]) {
    begin()
    bytes.append(contentsOf: json)
  }

  private mutating func raw(_ text: String) {
    begin()
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func quote(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
      case 10: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
      case 0..<32:
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(contentsOf: Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
