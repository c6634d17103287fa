/// Help texts, from the same table that the parser reads.
struct Help {
  let program: String
  let version: String
  let summary: String
  let commands: [Command]
  let width: Int
  let style: Style

  private static let labelWidth = 30

  /// What `marlise --help` prints.
  func overview() -> String {
    var text = style.bold(program) + " \(version): \(summary)\n\n"
    text += heading("Usage") + "  \(program) COMMAND [OPTIONS]\n\n"
    text += heading("Commands") + rows(commands.map { ($0.name, $0.summary) })
    text += "\n" + heading("Options") + rows([("-h, --help", "Show this help."), ("--version", "Show the version.")])
    return text + "\nEach command explains itself: \(program) COMMAND --help\n"
  }

  /// The commands that begin with one word.
  func group(_ name: String) -> String {
    let members = commands.filter { $0.name.hasPrefix(name + " ") }
    var text = heading("Usage") + "  \(program) \(name) COMMAND [OPTIONS]\n\n"
    text += heading("Commands") + rows(members.map { (String($0.name.dropFirst(name.count + 1)), $0.summary) })
    return text
  }

  func command(_ command: Command) -> String {
    var text =
      TextWrapping.lines("\(program) \(command.name): \(command.summary)", width: width)
      .joined(separator: "\n") + "\n\n"
    text += heading("Usage") + usage(command) + "\n"
    if !command.discussion.isEmpty {
      text += "\n" + TextWrapping.lines(command.discussion, width: width).joined(separator: "\n") + "\n"
    }
    // One column for all headings, so that the explanations stand under each other.
    let labels = command.arguments.map(\.metavar) + command.options.map(Help.label)
    if !command.arguments.isEmpty {
      text += "\n" + heading("Arguments") + rows(command.arguments.map { ($0.metavar, $0.help) }, beside: labels)
    }
    for (title, options) in Help.sections(command) {
      let explained = options.map { (label: Help.label($0), text: Help.explanation($0)) }
      text += "\n" + heading(title) + rows(explained, beside: labels)
    }
    if !command.examples.isEmpty {
      text += "\n" + heading("Examples")
      for example in command.examples {
        text += TextWrapping.indented("# " + example.purpose, by: 2, width: width) + "\n  \(example.line)\n"
      }
    }
    return text
  }

  /// One line: `marlise eval [OPTIONS] --checkpoint FILE TRACE`.
  private func usage(_ command: Command) -> String {
    let needed = command.options.filter(\.isRequired).map { "--\($0.name) \($0.metavar)" }
    let parts = ["\(program) \(command.name)"] + needed + ["[OPTIONS]"] + command.arguments.map(\.usage)
    return "  " + parts.joined(separator: " ")
  }

  /// Options under their headings, in the order in which the headings first appear.
  static func sections(_ command: Command) -> [(title: String, options: [Option])] {
    var titles: [String] = []
    for option in command.options where !titles.contains(option.section) { titles.append(option.section) }
    return titles.map { title in (title, command.options.filter { $0.section == title }) }
  }

  /// `--n_agents N`, `--[no-]debug`.
  static func label(_ option: Option) -> String {
    switch option.kind {
    case .flag: option.isConfigurable ? "--[no-]\(option.name)" : "--\(option.name)"
    case .one: "--\(option.name) \(option.metavar)"
    case .list: "--\(option.name) \(option.metavar)..."
    }
  }

  /// The help sentence, the choices, the default.
  static func explanation(_ option: Option) -> String {
    var text = option.help
    if !option.choices.isEmpty { text += " One of: " + option.choices.joined(separator: ", ") + "." }
    if option.isRequired { return text + " (required)" }
    return option.defaultValue?.shown.map { "\(text) (default: \($0))" } ?? text
  }

  private func heading(_ title: String) -> String { style.bold(title + ":") + "\n" }

  private func rows(_ rows: [(label: String, text: String)], beside labels: [String] = []) -> String {
    let longest = (rows.map(\.label) + labels).map { DisplayWidth.of($0) }.max() ?? 0
    let column = min(longest + 4, Help.labelWidth, max(12, width / 2))
    return rows.map { label, text in
      let lines = TextWrapping.lines(text, width: max(20, width - column))
      let margin = String(repeating: " ", count: column)
      let fits = DisplayWidth.of(label) + 4 <= column
      let padded = DisplayWidth.pad("  " + label, to: fits ? column : 0)
      let first = fits ? padded + (lines.first ?? "") : padded + "\n" + margin + (lines.first ?? "")
      return ([first] + lines.dropFirst().map { margin + $0 }).joined(separator: "\n") + "\n"
    }.joined()
  }
}
