/// A value that has an empty form, which stands for "absent" in the API.
public protocol HasEmpty {
  init()
}

extension Array: HasEmpty {}
extension Dictionary: HasEmpty {}
extension String: HasEmpty {}
extension Int: HasEmpty {}
extension Bool: HasEmpty {}

/// A field that the API leaves out (or writes as null) when it is empty: read as empty, not written when empty.
@propertyWrapper
public struct OrEmpty<Value: HasEmpty & Codable & Sendable & Equatable>: Codable, Sendable, Equatable {
  public var wrappedValue: Value

  public init(wrappedValue: Value) {
    self.wrappedValue = wrappedValue
  }

  public init(from decoder: any Decoder) throws {
    wrappedValue = try decoder.singleValueContainer().decode(Value.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue)
  }
}

// The compiler-made Codable conformances of this room pick these up by overload resolution.
extension KeyedDecodingContainer {
  func decode<Value>(_ type: OrEmpty<Value>.Type, forKey key: Key) throws -> OrEmpty<Value> {
    OrEmpty(wrappedValue: try decodeIfPresent(Value.self, forKey: key) ?? Value())
  }
}

extension KeyedEncodingContainer {
  mutating func encode<Value>(_ value: OrEmpty<Value>, forKey key: Key) throws {
    if value.wrappedValue != Value() { try encode(value.wrappedValue, forKey: key) }
  }
}
