/// What is wrong with a JSON text, in the words of Go's decoder where clients get to see them.
struct JSONError: Error, Equatable, CustomStringConvertible {
  var description: String
  static let end = JSONError(description: "unexpected end of JSON input")
}

extension JSON {
  /// Nesting that is followed; deeper texts are refused.
  private static let depthMaximum = 128

  /// - Throws: `JSONError` for anything but one whole JSON text.
  init(parsing bytes: [UInt8]) throws(JSONError) {
    var parser = Parser(bytes: bytes)
    self = try parser.value(depth: 0)
    parser.skipBlanks()
    if parser.place < bytes.count { throw parser.unexpected("after top-level value") }
  }

  private struct Parser {
    let bytes: [UInt8]
    var place = 0

    mutating func skipBlanks() {
      while place < bytes.count, [32, 9, 10, 13].contains(bytes[place]) { place += 1 }
    }

    func unexpected(_ what: String) -> JSONError {
      guard place < bytes.count else { return .end }
      let shown = bytes[place] == 39 ? "\\'" : String(decoding: [bytes[place]], as: UTF8.self)
      return JSONError(description: "invalid character '\(shown)' \(what)")
    }

    mutating func value(depth: Int) throws(JSONError) -> JSON {
      guard depth < JSON.depthMaximum else { throw JSONError(description: "exceeded max depth") }
      skipBlanks()
      guard place < bytes.count else { throw .end }
      switch bytes[place] {
      case UInt8(ascii: "{"): return try object(depth)
      case UInt8(ascii: "["): return try array(depth)
      case UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "t"): return try literal("true", .bool(true))
      case UInt8(ascii: "f"): return try literal("false", .bool(false))
      case UInt8(ascii: "n"): return try literal("null", .null)
      case UInt8(ascii: "-"), 48...57: return try number()
      default: throw unexpected("looking for beginning of value")
      }
    }

    private mutating func object(_ depth: Int) throws(JSONError) -> JSON {
      place += 1
      var members: [Member] = []
      skipBlanks()
      if place < bytes.count, bytes[place] == UInt8(ascii: "}") {
        place += 1
        return .object(members)
      }
      while true {
        skipBlanks()
        guard place < bytes.count else { throw .end }
        guard bytes[place] == UInt8(ascii: "\"") else { throw unexpected("looking for beginning of object key string") }
        let name = try string()
        skipBlanks()
        guard place < bytes.count else { throw .end }
        guard bytes[place] == UInt8(ascii: ":") else { throw unexpected("after object key") }
        place += 1
        let member = Member(name: name, value: try value(depth: depth + 1))
        // Of two members of one name the last counts, as in Go.
        if let old = members.firstIndex(where: { $0.name == name }) {
          members[old] = member
        } else {
          members.append(member)
        }
        skipBlanks()
        guard place < bytes.count else { throw .end }
        place += 1
        if bytes[place - 1] == UInt8(ascii: "}") { return .object(members) }
        if bytes[place - 1] != UInt8(ascii: ",") {
          place -= 1
          throw unexpected("after object key:value pair")
        }
      }
    }

    private mutating func array(_ depth: Int) throws(JSONError) -> JSON {
      place += 1
      var items: [JSON] = []
      skipBlanks()
      if place < bytes.count, bytes[place] == UInt8(ascii: "]") {
        place += 1
        return .array(items)
      }
      while true {
        items.append(try value(depth: depth + 1))
        skipBlanks()
        guard place < bytes.count else { throw .end }
        place += 1
        if bytes[place - 1] == UInt8(ascii: "]") { return .array(items) }
        if bytes[place - 1] != UInt8(ascii: ",") {
          place -= 1
          throw unexpected("after array element")
        }
      }
    }

    private mutating func literal(_ text: StaticString, _ value: JSON) throws(JSONError) -> JSON {
      let wanted = text.withUTF8Buffer { Array($0) }
      for byte in wanted {
        guard place < bytes.count else { throw .end }
        guard bytes[place] == byte else { throw unexpected("in literal \(text)") }
        place += 1
      }
      return value
    }

    private mutating func number() throws(JSONError) -> JSON {
      let start = place
      func isDigit() -> Bool { place < bytes.count && bytes[place] >= 48 && bytes[place] <= 57 }
      if bytes[place] == UInt8(ascii: "-") { place += 1 }
      guard isDigit() else { throw unexpected("in numeric literal") }
      if bytes[place] == 48 { place += 1 } else { while isDigit() { place += 1 } }
      if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
        place += 1
        guard isDigit() else { throw unexpected("after decimal point in numeric literal") }
        while isDigit() { place += 1 }
      }
      if place < bytes.count, bytes[place] | 32 == UInt8(ascii: "e") {
        place += 1
        if place < bytes.count, bytes[place] == UInt8(ascii: "+") || bytes[place] == UInt8(ascii: "-") { place += 1 }
        guard isDigit() else { throw unexpected("in exponent of numeric literal") }
        while isDigit() { place += 1 }
      }
      return .number(String(decoding: bytes[start..<place], as: UTF8.self))
    }

    private mutating func string() throws(JSONError) -> String {
      place += 1
      var text: [UInt8] = []
      while place < bytes.count {
        let byte = bytes[place]
        if byte == UInt8(ascii: "\"") {
          place += 1
          return String(decoding: text, as: UTF8.self)
        }
        if byte < 32 { throw unexpected("in string literal") }
        place += 1
        guard byte == UInt8(ascii: "\\") else {
          text.append(byte)
          continue
        }
        guard place < bytes.count else { throw .end }
        let escape = bytes[place]
        place += 1
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"): text.append(contentsOf: String(try escapedScalar()).utf8)
        default:
          place -= 1
          throw unexpected("in string escape code")
        }
      }
      throw .end
    }

    /// After `\u`: one scalar, from one code unit or a pair of surrogates; halves of pairs become U+FFFD.
    private mutating func escapedScalar() throws(JSONError) -> Character {
      let first = try codeUnit()
      if UTF16.isLeadSurrogate(first), place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"),
        bytes[place + 1] == UInt8(ascii: "u")
      {
        let back = place
        place += 2
        let second = try codeUnit()
        if UTF16.isTrailSurrogate(second) {
          return Character(UTF16.decode(UTF16.EncodedScalar([first, second])))
        }
        place = back
      }
      return Character(Unicode.Scalar(first) ?? "\u{fffd}")
    }

    private mutating func codeUnit() throws(JSONError) -> UInt16 {
      guard place + 4 <= bytes.count else { throw .end }
      let digits = String(decoding: bytes[place..<(place + 4)], as: UTF8.self)
      guard digits.utf8.allSatisfy({ $0 != 43 && $0 != 45 }), let unit = UInt16(digits, radix: 16) else {
        throw unexpected("in \\u hexadecimal character escape")
      }
      place += 4
      return unit
    }
  }
}
