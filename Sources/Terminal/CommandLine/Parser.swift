/// What a command line asks for.
enum Invocation: Sendable {
  case overview
  case version
  case help(Command)
  /// The commands that begin with one word: "checkpoint".
  case groupHelp(String)
  case printConfiguration(ParsedOptions)
  case run(ParsedOptions)
}

/// Turns tokens into an invocation. Pure but for `readFile`, which is asked for the file of `--config` only.
struct Parser {
  let program: String
  let commands: [Command]
  let readFile: (String) throws -> String

  func parse(_ tokens: [String]) throws -> Invocation {
    guard let first = tokens.first else { throw CommandLineError("no command given (see '\(program) --help')") }
    if Parser.asksForHelp(first) { return .overview }
    if first == "--version" { return .version }
    if first == "help" { return try help(for: Array(tokens.dropFirst())) }
    if first.hasPrefix("-") {
      let known = ["help", "version"]
      let clause = Suggestion.clause(Parser.bare(first), among: known, prefix: "--")
      throw CommandLineError("unknown option \(Quote.shell(first))\(clause.isEmpty ? hint("") : clause)")
    }
    let (command, rest) = try select(tokens)
    guard let command else { return .groupHelp(first) }
    if rest.prefix(while: { $0 != "--" }).contains(where: Parser.asksForHelp) { return .help(command) }
    return try parse(rest, for: command)
  }

  private func help(for words: [String]) throws -> Invocation {
    if words.isEmpty { return .overview }
    let (command, _) = try select(words)
    return command.map(Invocation.help) ?? .groupHelp(words[0])
  }

  /// The command that the first one or two words name, and the tokens after them; no command for a group's name alone.
  private func select(_ tokens: [String]) throws -> (Command?, [String]) {
    if let command = commands.first(where: { $0.name == tokens[0] }) { return (command, Array(tokens.dropFirst())) }
    let group = commands.filter { $0.name.hasPrefix(tokens[0] + " ") }
    if group.isEmpty {
      let names = commands.map { String($0.name.prefix { $0 != " " }) } + ["help"]
      let clause = Suggestion.clause(tokens[0], among: names)
      throw CommandLineError("unknown command \(Quote.shell(tokens[0]))\(clause.isEmpty ? hint("") : clause)")
    }
    guard tokens.count > 1, !Parser.asksForHelp(tokens[1]) else {
      if tokens.count > 1 { return (nil, []) }
      let names = group.map { $0.name.dropFirst(tokens[0].count + 1) }.joined(separator: ", ")
      throw CommandLineError("'\(program) \(tokens[0])' needs one of \(names)\(hint(tokens[0]))")
    }
    if let command = group.first(where: { $0.name == tokens[0] + " " + tokens[1] }) {
      return (command, Array(tokens.dropFirst(2)))
    }
    let names = group.map { String($0.name.dropFirst(tokens[0].count + 1)) }
    throw CommandLineError(
      "unknown command '\(tokens[0]) \(Quote.bare(tokens[1]))'\(Suggestion.clause(tokens[1], among: names))   "
        + "(\(names.joined(separator: " ")))")
  }

  private func parse(_ tokens: [String], for command: Command) throws -> Invocation {
    var given: [String: ParsedOptions.Entry] = [:]
    var positional: [String] = []
    var place = 0
    while place < tokens.count {
      let token = tokens[place]
      place += 1
      if token == "--" {
        positional += tokens[place...]
        break
      }
      if !Parser.looksLikeOption(token) {
        positional.append(token)
        continue
      }
      let (option, inline, negated) = try identify(token, command)
      guard given[option.key] == nil else { throw CommandLineError("--\(option.name) is given twice") }
      let value: OptionValue
      switch option.kind {
      case .flag: value = try Parser.flagValue(option, inline: inline, negated: negated)
      case .one(let element):
        var text = inline
        if text == nil, place < tokens.count, !Parser.looksLikeOption(tokens[place]) {
          text = tokens[place]
          place += 1
        }
        guard let text else {
          throw CommandLineError("--\(option.name) needs a value: \(element.expectation)")
        }
        value = try Parser.element(text, element, option)
      case .list(let element):
        var texts = inline.map { [$0] } ?? []
        while inline == nil, place < tokens.count, !Parser.looksLikeOption(tokens[place]) {
          texts.append(tokens[place])
          place += 1
        }
        if element != .path { texts = texts.flatMap { $0.split(separator: ",").map(String.init) } }
        guard !texts.isEmpty else {
          throw CommandLineError("--\(option.name) needs at least one value: \(element.expectation)")
        }
        value = .list(try texts.map { try Parser.element($0, element, option) }, of: element)
      }
      given[option.key] = ParsedOptions.Entry(value: value, source: .commandLine)
    }
    return try resolve(command, given, positional)
  }

  /// Puts defaults under the file under the flags.
  private func resolve(
    _ command: Command, _ given: [String: ParsedOptions.Entry], _ positional: [String]
  ) throws -> Invocation {
    var entries: [String: ParsedOptions.Entry] = [:]
    for option in command.options {
      if let value = option.defaultValue { entries[option.key] = ParsedOptions.Entry(value: value, source: .default) }
    }
    // The positional arguments are read before the file, so that a wrong command line is the first complaint.
    let prints = given["print-config"]?.value == .flag(true)
    let arguments = try assign(positional, command, complete: !prints)
    let file = command.arguments.first(where: \.isConfiguration).flatMap { arguments[$0.name]?.first }
    if let file, given["config"] != nil {
      throw CommandLineError("\(Quote.shell(file.asText)) and --config are both given; expected one of them")
    }
    if case .text(let path)? = given["config"]?.value ?? file {
      let configured = try Configuration.read(try readFile(path), file: path, for: command, program: program)
      entries.merge(configured) { $1 }
    }
    entries.merge(given) { $1 }
    let options = ParsedOptions(command: command, entries: entries, arguments: arguments)
    if prints { return .printConfiguration(options) }
    if let missing = command.options.first(where: { $0.isRequired && entries[$0.key]?.source ?? .default == .default })
    {
      throw CommandLineError(
        "'\(program) \(command.name)' needs --\(missing.name) \(missing.metavar)\(hint(command.name))")
    }
    return .run(options)
  }

  private func assign(_ texts: [String], _ command: Command, complete: Bool) throws -> [String: [OptionValue]] {
    var rest = texts[...]
    var values: [String: [OptionValue]] = [:]
    for argument in command.arguments {
      let taken = argument.arity == .many ? rest : rest.prefix(1)
      rest = rest.dropFirst(taken.count)
      if taken.isEmpty, argument.arity != .optional, complete {
        throw CommandLineError("'\(program) \(command.name)' needs \(argument.usage)\(hint(command.name))")
      }
      values[argument.name] = try taken.map { text in
        guard let value = argument.element.parse(text) else {
          throw CommandLineError(
            Parser.complaint(text, argument.element, label: argument.metavar, noun: argument.name))
        }
        return value
      }
    }
    if let extra = rest.first {
      throw CommandLineError("unexpected argument \(Quote.shell(extra))\(hint(command.name))")
    }
    return values
  }

  /// Which option a token names, the text after `=`, and whether `no-` stood before the name.
  private func identify(_ token: String, _ command: Command) throws -> (Option, inline: String?, negated: Bool) {
    let parts = token.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = Parser.bare(String(parts[0]))
    let inline = parts.count > 1 ? String(parts[1]) : nil
    if token.hasPrefix("--") {
      if let option = command.option(name) { return (option, inline, false) }
      let key = Option.normalized(name)
      if key.hasPrefix("no-"), let option = command.option(key.dropFirst(3)), option.isFlag {
        return (option, inline, true)
      }
    }
    let known = command.options.map(\.name) + command.options.filter(\.isFlag).map { "no-" + $0.name }
    let clause = Suggestion.clause(name, among: known, prefix: "--")
    throw CommandLineError(
      "unknown option \(Quote.shell(String(parts[0]))) for '\(program) \(command.name)'"
        + (clause.isEmpty ? hint(command.name) : clause))
  }

  private func hint(_ command: String) -> String {
    " (see '\(program)\(command.isEmpty ? "" : " " + command) --help')"
  }
}

extension Parser {
  static func asksForHelp(_ token: String) -> Bool { token == "-h" || token == "--help" }

  static func bare(_ token: String) -> String { String(token.drop { $0 == "-" }) }

  /// A dash begins an option unless a number follows it; a dash alone is a value (standard input, by custom).
  static func looksLikeOption(_ token: String) -> Bool {
    token.hasPrefix("-") && token != "-" && Number.parseDouble(token) == nil
  }

  private static func flagValue(_ option: Option, inline: String?, negated: Bool) throws -> OptionValue {
    switch (inline, negated) {
    case (nil, _): return .flag(!negated)
    case ("true", false): return .flag(true)
    case ("false", false): return .flag(false)
    default:
      throw CommandLineError("--\(option.name) takes no value: write --\(option.name) or --no-\(option.name)")
    }
  }

  private static func element(_ text: String, _ element: Option.Element, _ option: Option) throws -> OptionValue {
    guard let value = element.parse(text) else {
      throw CommandLineError(complaint(text, element, label: "--" + option.name, noun: option.name))
    }
    return value
  }

  /// Why a text is not a value, the same on the command line and in a file.
  static func complaint(_ text: String, _ element: Option.Element, label: String, noun: String) -> String {
    guard case .choice(let names) = element else {
      return "\(label) is \(Quote.shell(text)); expected \(element.expectation)"
    }
    let spoken = noun.map { $0 == "_" || $0 == "-" ? " " : String($0) }.joined()
    let clause = Suggestion.clause(text, among: names)
    return "unknown \(spoken) \(Quote.shell(text)) for \(label)\(clause)   (\(names.joined(separator: " ")))"
  }
}
