/// What a command that runs another one needs: settings as keys and texts, checked as the command line would.
extension Command {
  /// The words of a command line that give an option a value.
  ///
  /// - `value`: as on the command line; a flag's is `true` or `false`, a list's elements have `:` between them.
  /// - Throws: `CommandLineError` for a key that is no option of a configuration file.
  public func tokens(setting key: String, to value: String) throws -> [String] {
    guard let option = option(key), option.isConfigurable else {
      let known = options.filter(\.isConfigurable).map(\.configurationKey)
      throw CommandLineError(
        "\(Quote.shell(key)) is no option of '\(name)'\(Suggestion.clause(key, among: known))")
    }
    guard case .list = option.kind else { return ["--\(option.name)=\(value)"] }
    return ["--\(option.name)"] + value.split(separator: ":").map(String.init)
  }

  /// The options that the words ask for, defaults and configuration file below them, as when the command is run with them.
  ///
  /// - Throws: what the command line would complain about.
  public func options(_ tokens: [String], program: String = "marlise") throws -> ParsedOptions {
    let parser = Parser(program: program, commands: [self], readFile: { try TextFile.read($0) })
    guard case .run(let options) = try parser.parse(name.split(separator: " ").map(String.init) + tokens) else {
      throw CommandLineError("'\(tokens.joined(separator: " "))' does not run '\(name)'")
    }
    return options
  }
}
