/// One long option of a command: a value, from which parsing, help, completion, the manual page, the keys of the
/// configuration file and the suggestions in errors are all derived.
///
///     Option.int("episodes", default: 300, in: 1...1_000_000, help: "Episodes to train for.")
///     Option.choice("algorithm", names, default: "mdqn", help: "Which algorithm learns.")
public struct Option: Sendable, Equatable {
  /// What one value is.
  public enum Element: Sendable, Equatable {
    case int(ClosedRange<Int>)
    case float(FloatBounds)
    case string
    case path
    case choice([String])
  }

  public enum Kind: Sendable, Equatable {
    /// `--name`, `--no-name`.
    case flag
    case one(Element)
    /// `--name a b c` (until the next option) or `--name a,b,c`.
    case list(Element)
  }

  /// As shown in help: `n_agents`. Underscores and dashes are the same letter everywhere.
  public let name: String
  public let kind: Kind
  public let help: String
  /// Stands for the value in help: `FILE`.
  public let metavar: String
  /// Nil: not set unless given.
  public let defaultValue: OptionValue?
  /// Other names that are understood and not shown.
  public let aliases: [String]
  /// Heading in help, configuration and manual page.
  public private(set) var section = "Options"
  public private(set) var isRequired = false
  /// Whether it may stand in a configuration file.
  public private(set) var isConfigurable = true

  init(
    _ name: String, _ kind: Kind, help: String, metavar: String, default value: OptionValue?, aliases: [String]
  ) {
    self.name = name
    self.kind = kind
    self.help = help
    self.metavar = metavar
    self.defaultValue = value
    self.aliases = aliases
  }

  /// What two spellings of one name have in common: `n_agents` and `n-agents` are both `n-agents`.
  static func normalized(_ name: some StringProtocol) -> String {
    String(name.map { $0 == "_" ? "-" : $0 })
  }

  var key: String { Option.normalized(name) }
  /// The name in a configuration file: `n_agents`.
  var configurationKey: String { String(name.map { $0 == "-" ? "_" : $0 }) }
  var isFlag: Bool { kind == .flag }

  /// The values that a value must be one of; empty where there is no such list.
  public var choices: [String] {
    switch kind {
    case .one(.choice(let names)), .list(.choice(let names)): names
    default: []
    }
  }

  /// Puts options under one heading.
  public static func section(_ title: String, _ options: [Option]) -> [Option] {
    options.map {
      var option = $0
      option.section = title
      return option
    }
  }

  /// The command does not run without it.
  public func required() -> Option {
    var option = self
    option.isRequired = true
    return option
  }

  /// Understood on the command line only.
  public func notInConfiguration() -> Option {
    var option = self
    option.isConfigurable = false
    return option
  }
}

extension Option {
  public static func flag(
    _ name: String, default value: Bool = false, help: String, aliases: [String] = []
  ) -> Option {
    Option(name, .flag, help: help, metavar: "", default: .flag(value), aliases: aliases)
  }

  /// A whole number; also written `1e6`.
  public static func int(
    _ name: String, default value: Int? = nil, in range: ClosedRange<Int> = 0...Int.max, metavar: String = "N",
    help: String, aliases: [String] = []
  ) -> Option {
    Option(name, .one(.int(range)), help: help, metavar: metavar, default: value.map(OptionValue.int), aliases: aliases)
  }

  /// A finite number.
  public static func float(
    _ name: String, default value: Double? = nil, _ bounds: FloatBounds = .any, metavar: String = "X",
    help: String, aliases: [String] = []
  ) -> Option {
    Option(
      name, .one(.float(bounds)), help: help, metavar: metavar, default: value.map(OptionValue.float), aliases: aliases)
  }

  public static func string(
    _ name: String, default value: String? = nil, metavar: String = "TEXT", help: String, aliases: [String] = []
  ) -> Option {
    Option(name, .one(.string), help: help, metavar: metavar, default: value.map(OptionValue.text), aliases: aliases)
  }

  /// A file or folder, relative to the working directory; completed by the shell.
  public static func path(
    _ name: String, default value: String? = nil, metavar: String = "FILE", help: String, aliases: [String] = []
  ) -> Option {
    Option(name, .one(.path), help: help, metavar: metavar, default: value.map(OptionValue.text), aliases: aliases)
  }

  public static func choice(
    _ name: String, _ names: [String], default value: String? = nil, metavar: String = "NAME", help: String,
    aliases: [String] = []
  ) -> Option {
    Option(
      name, .one(.choice(names)), help: help, metavar: metavar, default: value.map(OptionValue.text), aliases: aliases)
  }

  public static func ints(
    _ name: String, default value: [Int] = [], in range: ClosedRange<Int> = 0...Int.max, metavar: String = "N",
    help: String, aliases: [String] = []
  ) -> Option {
    Option(name, .list(.int(range)), help: help, metavar: metavar, default: .ints(value), aliases: aliases)
  }

  public static func floats(
    _ name: String, default value: [Double] = [], _ bounds: FloatBounds = .any, metavar: String = "X",
    help: String, aliases: [String] = []
  ) -> Option {
    Option(name, .list(.float(bounds)), help: help, metavar: metavar, default: .floats(value), aliases: aliases)
  }

  public static func strings(
    _ name: String, default value: [String] = [], metavar: String = "TEXT", help: String, aliases: [String] = []
  ) -> Option {
    Option(name, .list(.string), help: help, metavar: metavar, default: .texts(value), aliases: aliases)
  }

  /// Files or folders. A comma is part of a path here, not a separator.
  public static func paths(
    _ name: String, default value: [String] = [], metavar: String = "FILE", help: String, aliases: [String] = []
  ) -> Option {
    Option(name, .list(.path), help: help, metavar: metavar, default: .texts(value), aliases: aliases)
  }

  public static func choices(
    _ name: String, _ names: [String], default value: [String] = [], metavar: String = "NAME", help: String,
    aliases: [String] = []
  ) -> Option {
    Option(name, .list(.choice(names)), help: help, metavar: metavar, default: .texts(value), aliases: aliases)
  }
}
