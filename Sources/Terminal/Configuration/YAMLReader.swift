import CLibYAML

/// Reads one YAML document with libyaml, and refuses what libyaml lets through: duplicate keys, keys that are not
/// scalars, unknown tags, trees that are deep or that grow when their aliases are followed.
///
/// The event interface is used because a document is then refused where its nesting becomes too deep; libyaml's own
/// loader first reads all of it, in quadratic time.
public enum YAMLReader {
  static let depthMax = 32
  static let nodesMax = 20_000

  /// - `file`: named in errors, not opened.
  /// - Returns: nil for a document without content.
  /// - Throws: `Failure`, beginning with `file:line:column:`.
  public static func parse(_ text: String, file: String) throws -> YAMLNode? {
    let bytes = Array(text.utf8)
    return try bytes.withUnsafeBufferPointer { buffer -> YAMLNode? in
      // libyaml wants an address even for nothing.
      guard let base = buffer.baseAddress, !buffer.isEmpty else { return nil }
      let events = try YAMLEvents(base, count: buffer.count, file: file)
      var builder = YAMLTreeBuilder(events: events, file: file)
      return try builder.document()
    }
  }

  static func failure(_ file: String, _ mark: yaml_mark_t, _ sentence: String) -> Failure {
    // The mark counts from 0, and is unsigned.
    Failure("\(file):\(mark.line &+ 1):\(mark.column &+ 1): \(sentence)")
  }
}

/// Owns libyaml's parser and its latest event.
private final class YAMLEvents {
  private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
  private let event = UnsafeMutablePointer<yaml_event_t>.allocate(capacity: 1)
  private let file: String
  private var hasEvent = false

  /// - `base`: stays valid as long as this object is used.
  init(_ base: UnsafePointer<UInt8>, count: Int, file: String) throws {
    self.file = file
    parser.initialize(to: yaml_parser_t())
    guard yaml_parser_initialize(parser) == 1 else { throw Failure("\(file): out of memory") }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, base, count)
  }

  deinit {
    if hasEvent { yaml_event_delete(event) }
    yaml_parser_delete(parser)
    parser.deallocate()
    event.deallocate()
  }

  /// The next event; valid until the next call.
  func next() throws -> yaml_event_t {
    if hasEvent { yaml_event_delete(event) }
    hasEvent = false
    guard yaml_parser_parse(parser, event) == 1 else {
      let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not YAML"
      let context = parser.pointee.context.map { " " + String(cString: $0) } ?? ""
      throw YAMLReader.failure(file, parser.pointee.problem_mark, "not valid YAML: \(problem)\(context)")
    }
    hasEvent = true
    return event.pointee
  }
}

/// Builds the tree from events. An alias stands for a copy of what its anchor named.
private struct YAMLTreeBuilder {
  let events: YAMLEvents
  let file: String
  private var anchors: [String: (node: YAMLNode, size: Int)] = [:]
  private var count = 0

  init(events: YAMLEvents, file: String) {
    self.events = events
    self.file = file
  }

  mutating func document() throws -> YAMLNode? {
    var event = try events.next()
    while event.type == YAML_STREAM_START_EVENT { event = try events.next() }
    guard event.type == YAML_DOCUMENT_START_EVENT else { return nil }
    let root = try node(try events.next(), depth: 0)
    event = try events.next()
    while event.type != YAML_STREAM_END_EVENT {
      if event.type == YAML_DOCUMENT_START_EVENT {
        throw YAMLReader.failure(file, event.start_mark, "a second document begins here; expected one")
      }
      event = try events.next()
    }
    return root
  }

  private mutating func node(_ event: yaml_event_t, depth: Int) throws -> YAMLNode {
    let mark = event.start_mark
    guard depth <= YAMLReader.depthMax else {
      throw YAMLReader.failure(file, mark, "nested more than \(YAMLReader.depthMax) deep")
    }
    let before = count
    try add(1, at: mark)
    // Read before the children are: the event is valid only until the next one.
    var anchor: String?
    let content: YAMLNode.Content
    switch event.type {
    case YAML_ALIAS_EVENT:
      return try copy(of: text(event.data.alias.anchor), at: mark)
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      anchor = scalar.anchor.map { text($0) }
      try checkTag(scalar.tag, at: mark)
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      // `!!str 5` is written plainly and yet says that it is a text.
      let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE && text(scalar.tag) != "tag:yaml.org,2002:str"
      content = .scalar(String(decoding: bytes, as: UTF8.self), isPlain: isPlain)
    case YAML_SEQUENCE_START_EVENT:
      try checkTag(event.data.sequence_start.tag, at: mark)
      anchor = event.data.sequence_start.anchor.map { text($0) }
      content = .sequence(try sequence(depth: depth))
    case YAML_MAPPING_START_EVENT:
      try checkTag(event.data.mapping_start.tag, at: mark)
      anchor = event.data.mapping_start.anchor.map { text($0) }
      content = .mapping(try mapping(depth: depth))
    default:
      throw YAMLReader.failure(file, mark, "expected a value")
    }
    let node = YAMLNode(content: content, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    // An anchor is known only behind what it names, so nothing can contain itself.
    if let anchor { anchors[anchor] = (node, count - before) }
    return node
  }

  private mutating func sequence(depth: Int) throws -> [YAMLNode] {
    var items: [YAMLNode] = []
    var event = try events.next()
    while event.type != YAML_SEQUENCE_END_EVENT {
      items.append(try node(event, depth: depth + 1))
      event = try events.next()
    }
    return items
  }

  private mutating func mapping(depth: Int) throws -> [YAMLPair] {
    var pairs: [YAMLPair] = []
    var lines: [String: Int] = [:]
    var event = try events.next()
    while event.type != YAML_MAPPING_END_EVENT {
      let key = try node(event, depth: depth + 1)
      let place = "\(file):\(key.line):\(key.column): "
      guard let name = key.text else { throw Failure("\(place)a key is \(key.kindInWords); expected a name") }
      if let first = lines.updateValue(key.line, forKey: name) {
        throw Failure("\(place)\(Quote.bare(name)) is given twice, first on line \(first)")
      }
      let value = try node(try events.next(), depth: depth + 1)
      pairs.append(YAMLPair(key: name, keyLine: key.line, keyColumn: key.column, value: value))
      event = try events.next()
    }
    return pairs
  }

  /// The copy keeps the place of the original, where a wrong value would have to be corrected.
  private mutating func copy(of anchor: String, at mark: yaml_mark_t) throws -> YAMLNode {
    guard let original = anchors[anchor] else {
      throw YAMLReader.failure(file, mark, "the alias *\(Quote.bare(anchor)) stands for nothing above it")
    }
    try add(original.size, at: mark)
    return original.node
  }

  private mutating func add(_ size: Int, at mark: yaml_mark_t) throws {
    count += size
    guard count <= YAMLReader.nodesMax else {
      throw YAMLReader.failure(file, mark, "more than \(YAMLReader.nodesMax) values (aliases count each time)")
    }
  }

  /// A tag of an application would change what the value means; the ones of YAML itself say what we see anyway.
  private func checkTag(_ tag: UnsafeMutablePointer<yaml_char_t>?, at mark: yaml_mark_t) throws {
    guard let tag else { return }
    let name = text(tag)
    guard name.hasPrefix("tag:yaml.org,2002:") || name == "!" else {
      throw YAMLReader.failure(file, mark, "the tag \(Quote.shell(name)) is not understood here")
    }
  }

  private func text(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String {
    bytes.map { String(cString: $0) } ?? ""
  }
}
