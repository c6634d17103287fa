import CLibYAML
import FoundationEssentials

/// A text that is not the YAML we take.
struct YAMLError: Error, CustomStringConvertible, Sendable, Equatable {
  var line: Int
  var column: Int
  var message: String

  var description: String { "line \(line), column \(column): \(message)" }
}

/// A YAML document as a tree, read through libyaml. Duplicate keys, deep nesting and alias bombs are refused.
indirect enum YAMLNode: Sendable, Equatable {
  case scalar(String, isPlain: Bool)
  case sequence([YAMLNode])
  case mapping([String: YAMLNode])

  static let depthMaximum = 32
  static let nodesMaximum = 100_000

  init(_ text: Data) throws(YAMLError) {
    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) == 1 else { throw YAMLError(line: 0, column: 0, message: "no memory") }
    defer { yaml_parser_delete(&parser) }
    let outcome = text.withUnsafeBytes { bytes -> Result<YAMLNode, YAMLError> in
      yaml_parser_set_input_string(&parser, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
      var document = yaml_document_t()
      guard yaml_parser_load(&parser, &document) == 1 else {
        let problem = parser.problem.map { String(cString: $0) } ?? "not YAML"
        let mark = parser.problem_mark
        return .failure(YAMLError(line: Int(mark.line) + 1, column: Int(mark.column) + 1, message: problem))
      }
      defer { yaml_document_delete(&document) }
      var left = Self.nodesMaximum
      guard let root = yaml_document_get_root_node(&document) else { return .success(.mapping([:])) }
      return Result { () throws(YAMLError) in try Self.tree(root, &document, depth: 0, left: &left) }
    }
    self = try outcome.get()
  }

  private static func tree(
    _ node: UnsafeMutablePointer<yaml_node_t>, _ document: UnsafeMutablePointer<yaml_document_t>, depth: Int,
    left: inout Int
  ) throws(YAMLError) -> YAMLNode {
    let mark = node.pointee.start_mark
    func failure(_ message: String) -> YAMLError {
      YAMLError(line: Int(mark.line) + 1, column: Int(mark.column) + 1, message: message)
    }
    left -= 1
    guard left > 0, depth < depthMaximum else { throw failure("too deep or too large") }
    func child(_ index: Int32) throws(YAMLError) -> YAMLNode {
      guard let next = yaml_document_get_node(document, index) else { throw failure("damaged document") }
      return try tree(next, document, depth: depth + 1, left: &left)
    }
    switch node.pointee.type {
    case YAML_SCALAR_NODE:
      let scalar = node.pointee.data.scalar
      let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      return .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
    case YAML_SEQUENCE_NODE:
      let items = node.pointee.data.sequence.items
      var children: [YAMLNode] = []
      var item = items.start
      while let index = item, index != items.top {
        children.append(try child(index.pointee))
        item = index + 1
      }
      return .sequence(children)
    case YAML_MAPPING_NODE:
      let pairs = node.pointee.data.mapping.pairs
      var children: [String: YAMLNode] = [:]
      var pair = pairs.start
      while let place = pair, place != pairs.top {
        guard case .scalar(let key, _) = try child(place.pointee.key) else { throw failure("a key is no text") }
        guard children.updateValue(try child(place.pointee.value), forKey: key) == nil else {
          throw failure("'\(key)' is given twice")
        }
        pair = place + 1
      }
      return .mapping(children)
    default: throw failure("damaged document")
    }
  }

  /// A value of a mapping; nil when absent or null.
  subscript(_ key: String) -> YAMLNode? {
    guard case .mapping(let values) = self, let value = values[key], !value.isNull else { return nil }
    return value
  }

  private var isNull: Bool {
    guard case .scalar(let text, true) = self else { return false }
    return text.isEmpty || text == "~" || text == "null"
  }

  var text: String? {
    guard case .scalar(let text, _) = self, !isNull else { return nil }
    return text
  }

  var items: [YAMLNode] {
    guard case .sequence(let items) = self else { return [] }
    return items
  }

  var isTrue: Bool { self == .scalar("true", isPlain: true) }
}
