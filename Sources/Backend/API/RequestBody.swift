import FoundationEssentials
import HTTPServer

/// A request's JSON object, taken apart strictly: what is unknown, of another type or out of range is refused with one sentence,
/// and nothing is done.
struct RequestBody: Sendable {
  /// One member that a body may have.
  struct Field: Sendable {
    enum Kind: Sendable {
      case bool
      case integer(ClosedRange<Int>)
      case number(ClosedRange<Double>)
      /// Of a list of words; empty for any text.
      case text([String])
    }
    var name: String
    var kind: Kind
    var isRequired = false
    /// null is a value too.
    var isNullable = false
    var summary: String
  }

  private var members: [String: JSONValue] = [:]

  /// - Throws: `APIFailure` for a body that is not what `fields` says.
  init(_ request: ServerRequest, fields: [Field]) throws(APIFailure) {
    guard !fields.isEmpty else {
      // The published clients send anything or nothing where nothing is expected.
      return
    }
    let type = request.contentType
    guard type.isEmpty || type == "application/json" || type.hasSuffix("+json") else {
      throw APIFailure(415, "unsupported_media_type", "the body is \(type), expected application/json")
    }
    guard !request.body.isEmpty else {
      throw APIFailure(
        422, "missing_body", "the body is empty, expected an object with \(Self.list(fields.map(\.name)))")
    }
    let value: JSONValue
    do {
      value = try JSONDecoder().decode(JSONValue.self, from: Data(request.body))
    } catch {
      throw APIFailure(400, "invalid_json", "the body is no JSON")
    }
    guard case .object(let members) = value else {
      throw APIFailure(422, "invalid_body", "the body is \(value.kind), expected an object")
    }
    for name in members.keys.sorted() where !fields.contains(where: { $0.name == name }) {
      throw APIFailure(
        422, "unknown_field", "'\(name.prefix(60))' is not known here, expected \(Self.list(fields.map(\.name)))",
        field: String(name.prefix(60)))
    }
    for field in fields {
      guard let value = members[field.name] else {
        if field.isRequired { throw .invalid(field.name, "'\(field.name)' is missing") }
        continue
      }
      try Self.check(value, field)
    }
    self.members = members
  }

  private static func list(_ names: [String]) -> String {
    names.count == 1 ? names[0] : "some of " + names.joined(separator: ", ")
  }

  private static func check(_ value: JSONValue, _ field: Field) throws(APIFailure) {
    if value == .null, field.isNullable { return }
    switch (field.kind, value) {
    case (.bool, .bool): return
    case (.integer(let range), _):
      // As published, a text that is a number counts as one.
      guard let number = integer(value) else {
        throw .invalid(field.name, "'\(field.name)' is \(value.kind), expected a whole number")
      }
      guard range.contains(number) else {
        throw .invalid(field.name, "'\(field.name)' is \(number), expected \(range.lowerBound) to \(range.upperBound)")
      }
    case (.number(let range), .number(let number)):
      guard range.contains(number) else {
        throw .invalid(field.name, "'\(field.name)' is \(number), expected \(range.lowerBound) to \(range.upperBound)")
      }
    case (.text(let words), .string(let text)):
      guard text.utf8.count <= 4096 else { throw .invalid(field.name, "'\(field.name)' is too long") }
      guard words.isEmpty || words.contains(text) else {
        throw .invalid(
          field.name, "'\(field.name)' is '\(text.prefix(60))', expected one of \(words.joined(separator: ", "))")
      }
    default:
      let expected =
        switch field.kind {
        case .bool: "true or false"
        case .integer: "a whole number"
        case .number: "a number"
        case .text: "a text"
        }
      throw .invalid(field.name, "'\(field.name)' is \(value.kind), expected \(expected)")
    }
  }

  private static func integer(_ value: JSONValue) -> Int? {
    switch value {
    case .number(let number): Int(exactly: number)
    case .string(let text): text.utf8.count <= 20 ? Int(text) : nil
    default: nil
    }
  }

  /// Whether there is such a member, null included.
  func has(_ name: String) -> Bool { members[name] != nil }
  func int(_ name: String) -> Int? { members[name].flatMap(Self.integer) }

  func bool(_ name: String) -> Bool? {
    if case .bool(let value)? = members[name] { return value }
    return nil
  }

  func number(_ name: String) -> Double? {
    if case .number(let value)? = members[name] { return value }
    return nil
  }

  func text(_ name: String) -> String? {
    if case .string(let value)? = members[name] { return value }
    return nil
  }
}
