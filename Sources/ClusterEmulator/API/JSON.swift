/// A JSON value as it was written: the order of members and the spelling of numbers are kept.
enum JSON: Equatable, Sendable {
  struct Member: Equatable, Sendable {
    var name: String
    var value: JSON
  }

  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSON])
  case object([Member])

  subscript(name: String) -> JSON? {
    get {
      guard case .object(let members) = self else { return nil }
      return members.last { $0.name == name }?.value
    }
    set {
      guard case .object(var members) = self else { return }
      let place = members.lastIndex { $0.name == name }
      if let newValue {
        if let place { members[place].value = newValue } else { members.append(Member(name: name, value: newValue)) }
      } else if let place {
        members.remove(at: place)
      }
      self = .object(members)
    }
  }

  /// The value at a path of names.
  func at(_ path: String...) -> JSON? {
    var value: JSON? = self
    for name in path { value = value?[name] }
    return value
  }

  var text: String? { if case .string(let text) = self { text } else { nil } }
  var items: [JSON] { if case .array(let items) = self { items } else { [] } }
  var members: [Member] { if case .object(let members) = self { members } else { [] } }
  var integer: Int? { if case .number(let text) = self { Int(text) } else { nil } }

  static func object(_ members: KeyValuePairs<String, JSON>) -> JSON {
    .object(members.map { Member(name: $0.key, value: $0.value) })
  }

  static func strings(_ values: [String: String]) -> JSON {
    .object(values.sorted { $0.key < $1.key }.map { Member(name: $0.key, value: .string($0.value)) })
  }

  /// The members that are texts.
  var stringValues: [String: String] {
    var values: [String: String] = [:]
    for member in members { values[member.name] = member.value.text }
    return values
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return bytes
  }

  func write(to bytes: inout [UInt8]) {
    switch self {
    case .null: bytes.put("null")
    case .bool(let value): bytes.put(value ? "true" : "false")
    case .number(let text): bytes.put(text)
    case .string(let text): bytes.putQuoted(text)
    case .array(let items):
      bytes.append(UInt8(ascii: "["))
      for (place, item) in items.enumerated() {
        if place > 0 { bytes.append(UInt8(ascii: ",")) }
        item.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (place, member) in members.enumerated() {
        if place > 0 { bytes.append(UInt8(ascii: ",")) }
        bytes.putQuoted(member.name)
        bytes.append(UInt8(ascii: ":"))
        member.value.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  /// As Go's `%v` shows it, which is how the API server quotes a patch it cannot read: `map[spec:map[…]]`.
  var goText: String {
    switch self {
    case .null: "<nil>"
    case .bool(let value): value ? "true" : "false"
    case .number(let text): text
    case .string(let text): text
    case .array(let items): "[" + items.map(\.goText).joined(separator: " ") + "]"
    case .object(let members):
      "map["
        + members.sorted { $0.name < $1.name }.map { "\($0.name):\($0.value.goText)" }.joined(separator: " ") + "]"
    }
  }
}

extension [UInt8] {
  mutating func put(_ text: String) { append(contentsOf: text.utf8) }

  mutating func put(_ text: StaticString) {
    text.withUTF8Buffer { append(contentsOf: $0) }
  }

  mutating func put(_ number: Int) {
    var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
    Swift.withUnsafeMutableBytes(of: &digits) { space in
      var place = space.count
      var left = number.magnitude
      repeat {
        place -= 1
        space[place] = 48 + UInt8(left % 10)
        left /= 10
      } while left > 0
      if number < 0 {
        place -= 1
        space[place] = UInt8(ascii: "-")
      }
      append(contentsOf: UnsafeRawBufferPointer(rebasing: space[place...]))
    }
  }

  /// A JSON string, quotes included; escapes as Go's encoder does.
  mutating func putQuoted(_ text: String) {
    append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): put("\\\"")
      case UInt8(ascii: "\\"): put("\\\\")
      case 10: put("\\n")
      case 13: put("\\r")
      case 9: put("\\t")
      case 0..<32:
        put("\\u00")
        let hex = Array<UInt8>("0123456789abcdef".utf8)
        append(hex[Int(byte >> 4)])
        append(hex[Int(byte & 15)])
      default: append(byte)
      }
    }
    append(UInt8(ascii: "\""))
  }
}
