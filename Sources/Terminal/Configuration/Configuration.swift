/// A command's options as a YAML file: `key: value` with the names of the long options, read by `--config` and written
/// by `--print-config`. What is written is accepted when read.
enum Configuration {
  /// - Returns: the values that the file sets, by normalised name. `null` sets nothing.
  /// - Throws: `Failure` with file, line and column for whatever does not fit the command's options.
  static func read(
    _ text: String, file: String, for command: Command, program: String
  ) throws -> [String: ParsedOptions.Entry] {
    guard let root = try YAMLReader.parse(text, file: file), !root.isNull else { return [:] }
    guard let pairs = root.pairs else {
      throw Failure("\(file):\(root.line):\(root.column): the file holds \(root.kindInWords); expected keys and values")
    }
    let known = command.options.filter(\.isConfigurable)
    var entries: [String: ParsedOptions.Entry] = [:]
    var lines: [String: Int] = [:]
    for pair in pairs {
      let place = "\(file):\(pair.keyLine):\(pair.keyColumn)"
      guard let option = command.option(pair.key), option.isConfigurable else {
        let clause = Suggestion.clause(pair.key, among: known.map(\.configurationKey))
        throw Failure(
          "\(place): unknown key \(Quote.shell(pair.key)) for '\(program) \(command.name)'"
            + (clause.isEmpty ? " (see '\(program) \(command.name) --print-config')" : clause))
      }
      if let first = lines.updateValue(pair.keyLine, forKey: option.key) {
        throw Failure("\(place): \(option.configurationKey) is given twice, first on line \(first)")
      }
      if pair.value.isNull { continue }
      let value = try value(pair.value, of: option, file: file)
      let source = OptionSource.file(path: file, line: pair.value.line, column: pair.value.column)
      entries[option.key] = ParsedOptions.Entry(value: value, source: source)
    }
    return entries
  }

  private static func value(_ node: YAMLNode, of option: Option, file: String) throws -> OptionValue {
    switch option.kind {
    case .flag:
      guard let value = node.bool else {
        throw Failure(
          "\(file):\(node.line):\(node.column): \(option.configurationKey) is \(node.kindInWords); "
            + "expected true or false")
      }
      return .flag(value)
    case .one(let element):
      return try scalar(node, element, option, file)
    case .list(let element):
      guard let items = node.items else {
        throw Failure(
          "\(file):\(node.line):\(node.column): \(option.configurationKey) is \(node.kindInWords); "
            + "expected a list such as [a, b], each \(element.expectation)")
      }
      return .list(try items.map { try scalar($0, element, option, file) }, of: element)
    }
  }

  private static func scalar(
    _ node: YAMLNode, _ element: Option.Element, _ option: Option, _ file: String
  ) throws -> OptionValue {
    let place = "\(file):\(node.line):\(node.column): "
    let name = option.configurationKey
    switch element {
    case .int, .float:
      if node.plain == nil || node.isNull {
        let found = node.text == nil ? node.kindInWords : node.isNull ? "empty" : "a text in quotes"
        throw Failure("\(place)\(name) is \(found); expected \(element.expectation)")
      }
    case .string, .path, .choice:
      if node.text == nil || node.isNull {
        throw Failure("\(place)\(name) is \(node.kindInWords); expected \(element.expectation)")
      }
    }
    let text = node.text ?? ""
    guard let value = element.parse(text) else {
      throw Failure(place + Parser.complaint(text, element, label: name, noun: option.name))
    }
    return value
  }

  /// The options as a file, under their headings; what is not set stands in a comment.
  static func yaml(_ options: ParsedOptions, program: String, leavingOut left: [String] = []) -> String {
    var lines = ["# \(program) \(options.command.name)"]
    var section = ""
    for option in options.command.options where option.isConfigurable && !left.contains(option.configurationKey) {
      if option.section != section {
        section = option.section
        lines += ["", "# \(section)"]
      }
      if let value = options.entries[option.key]?.value {
        lines.append("\(option.configurationKey): \(scalarText(value))")
      } else {
        lines.append("# \(option.configurationKey):")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func scalarText(_ value: OptionValue) -> String {
    switch value {
    case .text(let text): plainOrQuoted(text)
    case .texts(let texts): "[" + texts.map(plainOrQuoted).joined(separator: ", ") + "]"
    default: value.json
    }
  }

  /// Without quotes only where no YAML reader could take the text for anything else.
  private static func plainOrQuoted(_ text: String) -> String {
    let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"]
    let isPlain =
      text.first.map { $0.isASCII && ($0.isLetter || $0 == "/") } ?? false
      && text.utf8.allSatisfy {
        (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || (0x30...0x39).contains($0)
          || [0x2d, 0x2e, 0x2f, 0x5f].contains($0)
      }
      && !special.contains(text.lowercased())
    return isPlain ? text : JSONText.quoted(text)
  }
}

extension ParsedOptions {
  /// The configuration as a YAML file that `--config` accepts.
  ///
  /// - Parameter left: keys that are left out.
  public func yaml(program: String = "marlise", leavingOut left: [String] = []) -> String {
    Configuration.yaml(self, program: program, leavingOut: left)
  }

  /// The configuration as one JSON object in the order of the options, for metadata. What is not set is left out.
  public var json: String {
    let members = command.options.filter(\.isConfigurable).compactMap { option in
      entries[option.key].map { "\(JSONText.quoted(option.configurationKey)): \($0.value.json)" }
    }
    return "{" + members.joined(separator: ", ") + "}"
  }
}
