/// The manual page (section 1) of the program, from the same table that the parser reads: `marlise manual | man -l -`.
enum ManualPage {
  static func page(program: String, version: String, summary: String, commands: [Command]) -> String {
    var text = ".TH \(program.uppercased()) 1 \"\" \"\(escaped(program)) \(escaped(version))\"\n"
    text += ".SH NAME\n\(escaped(program)) \\- \(escaped(summary))\n"
    text += ".SH SYNOPSIS\n.B \(escaped(program))\n.I COMMAND\n[OPTIONS]\n"
    text += ".SH COMMANDS\n"
    for command in commands {
      text += ".SS \"\(escaped(program)) \(escaped(command.name))\"\n\(paragraph(command.summary))"
      if !command.discussion.isEmpty { text += ".PP\n" + paragraph(command.discussion) }
      for argument in command.arguments {
        text += ".TP\n.I \(escaped(argument.metavar))\n\(paragraph(argument.help))"
      }
      for option in command.options where option.name != "help" {
        text += ".TP\n.B \(escaped(Help.label(option)))\n\(paragraph(Help.explanation(option)))"
      }
      for example in command.examples {
        text += ".PP\n\(paragraph(example.purpose)).PP\n.nf\n.RS\n\(escaped(example.line))\n.RE\n.fi\n"
      }
    }
    text += ".SH \"EXIT STATUS\"\n"
    for (code, meaning) in [
      ("0", "The work is done."), ("1", "The work failed; one sentence on standard error says why."),
      ("2", "The command line was wrong."), ("130, 143", "A signal asked to stop; what was done so far is saved."),
    ] {
      text += ".TP\n.B \(code)\n\(meaning)\n"
    }
    return text
  }

  private static func paragraph(_ text: String) -> String {
    text.split(separator: "\n").map { escaped(String($0)) + "\n" }.joined()
  }

  /// A backslash, a dash (which troff would make a hyphen) and a line's first dot or quote are commands to troff.
  private static func escaped(_ text: String) -> String {
    let body = text.map { $0 == "\\" ? "\\e" : $0 == "-" ? "\\-" : String($0) }.joined()
    return body.hasPrefix(".") || body.hasPrefix("'") ? "\\&" + body : body
  }
}
