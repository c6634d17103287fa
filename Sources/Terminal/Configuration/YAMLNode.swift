/// A YAML document as a tree with places, so that whoever reads it can say where something is wrong.
public struct YAMLNode: Sendable, Equatable {
  public indirect enum Content: Sendable, Equatable {
    /// - `isPlain`: written without quotes; only such a scalar may be a number, a truth value or null.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    case mapping([YAMLPair])
  }

  public let content: Content
  /// From 1.
  public let line: Int
  /// From 1.
  public let column: Int

  /// `~`, `null`, or nothing at all behind the colon.
  public var isNull: Bool {
    guard case .scalar(let text, isPlain: true) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The text of a scalar, quoted or not.
  public var text: String? {
    if case .scalar(let text, _) = content { text } else { nil }
  }

  /// The text of an unquoted scalar.
  public var plain: String? {
    if case .scalar(let text, isPlain: true) = content { text } else { nil }
  }

  public var bool: Bool? {
    switch plain {
    case "true", "True", "TRUE": true
    case "false", "False", "FALSE": false
    default: nil
    }
  }

  public var items: [YAMLNode]? {
    if case .sequence(let items) = content { items } else { nil }
  }

  public var pairs: [YAMLPair]? {
    if case .mapping(let pairs) = content { pairs } else { nil }
  }

  /// The value under a key of a mapping.
  public subscript(_ key: String) -> YAMLNode? { pairs?.first { $0.key == key }?.value }

  /// For "expected a number, found a list".
  var kindInWords: String {
    switch content {
    case .scalar(let text, _): isNull ? "nothing" : Quote.shell(text)
    case .sequence: "a list"
    case .mapping: "a section"
    }
  }
}

/// One `key: value` of a mapping.
public struct YAMLPair: Sendable, Equatable {
  public let key: String
  public let keyLine: Int
  public let keyColumn: Int
  public let value: YAMLNode
}
