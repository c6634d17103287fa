/// Completion scripts for the shells, from the same table that the parser reads.
enum Completion {
  static let shells = ["bash", "zsh", "fish"]

  static func script(_ shell: String, program: String, commands: [Command]) -> String {
    switch shell {
    case "zsh": zsh(program, commands)
    case "fish": fish(program, commands)
    default: bash(program, commands)
    }
  }

  private enum Values: Equatable { case none, files, words([String]), anything }

  private static func values(_ element: Option.Element) -> Values {
    switch element {
    case .path: .files
    case .choice(let names): .words(names)
    default: .anything
    }
  }

  private static func values(_ option: Option) -> Values {
    switch option.kind {
    case .flag: .none
    case .one(let element), .list(let element): values(element)
    }
  }

  /// The first words of all commands; a group's name once.
  private static func firstWords(_ commands: [Command]) -> [String] {
    var words: [String] = []
    for command in commands {
      let word = String(command.name.prefix { $0 != " " })
      if !words.contains(word) { words.append(word) }
    }
    return words + ["help"]
  }

  private static func groups(_ commands: [Command]) -> [(name: String, members: [String])] {
    firstWords(commands).compactMap { word in
      let members = commands.filter { $0.name.hasPrefix(word + " ") }.map { String($0.name.dropFirst(word.count + 1)) }
      return members.isEmpty ? nil : (word, members)
    }
  }

  private static func spellings(_ option: Option) -> [String] {
    ["--" + option.name] + (option.isFlag && option.isConfigurable ? ["--no-" + option.name] : [])
  }

  // MARK: bash

  private static func bash(_ program: String, _ commands: [Command]) -> String {
    let function = "_" + program.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined()
    var text = """
      # bash completion for \(program): eval "$(\(program) completion bash)"
      \(function)() {
        local current="${COMP_WORDS[COMP_CWORD]}" plain previous="" adjacent="" command="${COMP_WORDS[1]:-}" word words="" files=""
        COMPREPLY=()
        if [ "$COMP_CWORD" -le 1 ]; then
          mapfile -t COMPREPLY < <(compgen -W "\(firstWords(commands).joined(separator: " ")) --help --version" -- "$current")
          return
        fi

      """
    for group in groups(commands) {
      text += """
          if [ "$command" = \(group.name) ]; then
            if [ "$COMP_CWORD" -eq 2 ]; then
              mapfile -t COMPREPLY < <(compgen -W "\(group.members.joined(separator: " "))" -- "$current")
              return
            fi
            command="$command ${COMP_WORDS[2]}"
          fi

        """
    }
    text += """
        # The nearest option to the left decides what may stand here: a list takes several values, any other one.
        [ "$current" != = ] || current=""
        for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
          case "$word" in
            --*) previous="$word" adjacent=1 ;;
            =) ;;
            *) adjacent="" ;;
          esac
        done
        previous="${previous//_/-}"
        case "$command" in

      """
    for command in commands {
      text += "    '\(command.name)')\n"
      text += "      words=\"\(command.options.flatMap(spellings).joined(separator: " "))\"\n"
      text += "      case \"$previous\" in\n"
      let flags = command.options.filter(\.isFlag).flatMap(spellings).map { $0.replacing("_", with: "-") }
      if !flags.isEmpty { text += "        \(flags.joined(separator: "|"))) adjacent=\"\" ;;\n" }
      for option in command.options {
        let offer =
          switch values(option) {
          case .files: "files=1"
          case .words(let names): "words=\"\(names.joined(separator: " ")) $words\""
          case .anything, .none: ""
          }
        switch option.kind {
        case .flag: break
        case .one:
          text +=
            "        --\(option.key)) [ -z \"$adjacent\" ] || { words=\"\"; \(offer.isEmpty ? ":" : offer); } ;;\n"
        case .list: if !offer.isEmpty { text += "        --\(option.key)) \(offer) ;;\n" }
        }
      }
      text += "      esac\n"
      for argument in command.arguments {
        switch values(argument.element) {
        case .files: text += "      [ -n \"$adjacent\" ] || files=1\n"
        case .words(let names):
          text += "      [ -n \"$adjacent\" ] || words=\"\(names.joined(separator: " ")) $words\"\n"
        case .none, .anything: break
        }
      }
      text += "      ;;\n"
    }
    text += """
          help) words="\(firstWords(commands).joined(separator: " "))" ;;
        esac
        # In names of options, dash and underscore are the same letter.
        plain="${current//_/-}"
        for word in $words; do
          case "${word//_/-}" in "$plain"*) COMPREPLY+=("$word") ;; esac
        done
        case "$current" in
          -*) ;;
          *) [ -z "$files" ] || mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
        esac
      }
      complete -o filenames -F \(function) \(program)

      """
    return text
  }

  // MARK: zsh

  private static func zsh(_ program: String, _ commands: [Command]) -> String {
    func clean(_ text: String) -> String {
      text.map { "[]:'\\`$".contains($0) ? ($0 == "'" ? "’" : " ") : String($0) }.joined()
    }
    func action(_ values: Values) -> String {
      switch values {
      case .none: ""
      case .files: "_files"
      case .words(let names): "(\(names.joined(separator: " ")))"
      case .anything: " "
      }
    }
    func specification(_ option: Option) -> [String] {
      let help = clean(option.help)
      switch option.kind {
      case .flag: return spellings(option).map { "'\($0)[\(help)]'" }
      case .one: return ["'--\(option.name)=[\(help)]:\(option.metavar):\(action(values(option)))'"]
      case .list: return ["'--\(option.name)=[\(help)]:*-*:\(option.metavar):\(action(values(option)))'"]
      }
    }
    var text = """
      #compdef \(program)
      # zsh completion for \(program): source <(\(program) completion zsh)
      _\(program)() {
        local -a commands
        local command="${words[2]}"
        commands=(

      """
    for word in firstWords(commands) {
      let summary = commands.first { $0.name == word }?.summary ?? "more commands"
      text += "    '\(word):\(clean(word == "help" ? "explain a command" : summary))'\n"
    }
    text += "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
    for group in groups(commands) {
      text += "  if [[ $command == \(group.name) ]]; then\n"
      text +=
        "    if (( CURRENT == 3 )); then\n      compadd \(group.members.joined(separator: " "))\n      return\n    fi\n"
      text += "    command=\"$command ${words[3]}\"\n    shift words\n    (( CURRENT-- ))\n  fi\n"
    }
    text += "  shift words\n  (( CURRENT-- ))\n  case \"$command\" in\n"
    for command in commands {
      var lines = command.options.flatMap(specification)
      for argument in command.arguments {
        let star = argument.arity == .many ? "*" : ""
        lines.append("'\(star):\(argument.metavar):\(action(values(argument.element)))'")
      }
      text += "    '\(command.name)')\n      _arguments \\\n        "
      text += lines.joined(separator: " \\\n        ") + "\n      ;;\n"
    }
    text += "    help) _describe command commands ;;\n  esac\n}\n"
    // Found by zsh in a folder of $fpath the file is the function's first call; sourced, it only registers it.
    return text + """
      if [ "${funcstack[1]}" = _\(program) ]; then
        _\(program) "$@"
      else
        compdef _\(program) \(program)
      fi

      """
  }

  // MARK: fish

  private static func fish(_ program: String, _ commands: [Command]) -> String {
    func quoted(_ text: String) -> String {
      "'" + text.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "'"
    }
    var text = "# fish completion for \(program): \(program) completion fish | source\ncomplete -c \(program) -f\n"
    for word in firstWords(commands) {
      let summary = commands.first { $0.name == word }?.summary ?? (word == "help" ? "Explain a command" : "")
      text += "complete -c \(program) -n __fish_use_subcommand -a \(word) -d \(quoted(summary))\n"
    }
    text +=
      "complete -c \(program) -n '__fish_seen_subcommand_from help' -a \(quoted(firstWords(commands).joined(separator: " ")))\n"
    for group in groups(commands) {
      let condition =
        "__fish_seen_subcommand_from \(group.name); and not __fish_seen_subcommand_from "
        + group.members.joined(separator: " ")
      text += "complete -c \(program) -n \(quoted(condition)) -a \(quoted(group.members.joined(separator: " ")))\n"
    }
    for command in commands {
      let condition = command.name.split(separator: " ").map { "__fish_seen_subcommand_from \($0)" }
        .joined(separator: "; and ")
      for option in command.options {
        for spelling in spellings(option) {
          text += "complete -c \(program) -n \(quoted(condition)) -l \(spelling.dropFirst(2)) -d \(quoted(option.help))"
          switch values(option) {
          case .none: break
          case .files: text += " -r -F"
          case .words(let names): text += " -x -a \(quoted(names.joined(separator: " ")))"
          case .anything: text += " -x"
          }
          text += "\n"
        }
      }
      for argument in command.arguments {
        switch values(argument.element) {
        case .files: text += "complete -c \(program) -n \(quoted(condition)) -F\n"
        case .words(let names):
          text += "complete -c \(program) -n \(quoted(condition)) -a \(quoted(names.joined(separator: " ")))\n"
        case .none, .anything: break
        }
      }
    }
    return text
  }
}
