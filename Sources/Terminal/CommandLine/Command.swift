/// A value without a name: `marlise checkpoint inspect FILE`.
public struct Argument: Sendable, Equatable {
  public enum Arity: Sendable, Equatable { case one, optional, many }

  public let name: String
  public let element: Option.Element
  public let arity: Arity
  public let help: String
  /// Whether it names the command's configuration file, as `--config` does.
  public let isConfiguration: Bool

  /// - `arity`: `.many` takes one or more and must be the last.
  public init(
    _ name: String, _ element: Option.Element = .string, arity: Arity = .one, isConfiguration: Bool = false,
    help: String
  ) {
    self.name = name
    self.element = element
    self.arity = arity
    self.isConfiguration = isConfiguration
    self.help = help
  }

  /// `FILE`, `[FILE]`, `FILE...`.
  var usage: String {
    switch arity {
    case .one: metavar
    case .optional: "[\(metavar)]"
    case .many: metavar + "..."
    }
  }
  var metavar: String { name.uppercased() }
}

/// A line that works, and what it is for.
public struct Example: Sendable, Equatable {
  public let line: String
  public let purpose: String
  public init(_ line: String, _ purpose: String) {
    self.line = line
    self.purpose = purpose
  }
}

/// What a command wants to know, read once from the options: nothing behind it sees an option's name again.
public protocol CommandSettings: Sendable {
  static var options: [Option] { get }
  static var arguments: [Argument] { get }
  /// - Throws: `options.rejection(…)` for a value that is wrong together with another one.
  init(_ options: ParsedOptions) throws
}

extension CommandSettings {
  public static var arguments: [Argument] { [] }
}

/// One subcommand. A name of two words ("checkpoint inspect") makes a group.
public struct Command: Sendable {
  enum Body: Sendable {
    case synchronous(@Sendable (ParsedOptions) throws -> ExitCode)
    case asynchronous(@Sendable (ParsedOptions) async throws -> ExitCode)
  }

  public let name: String
  public let summary: String
  public let discussion: String
  public let arguments: [Argument]
  /// Own options, then the ones that every command has.
  public let options: [Option]
  public let examples: [Example]
  let body: Body
  private let byKey: [String: Int]

  init(
    _ name: String, summary: String, discussion: String, arguments: [Argument], options own: [Option],
    examples: [Example], body: Body
  ) {
    self.name = name
    self.summary = summary
    self.discussion = discussion
    self.arguments = arguments
    self.options = own + Command.common(configurable: own.contains(where: \.isConfigurable))
    self.examples = examples
    self.body = body
    var byKey: [String: Int] = [:]
    for (index, option) in options.enumerated() {
      for spelling in [option.name] + option.aliases {
        let previous = byKey.updateValue(index, forKey: Option.normalized(spelling))
        precondition(previous == nil, "command \(name): two options are called --\(spelling)")
      }
    }
    self.byKey = byKey
  }

  /// A command whose work is ordinary code; it runs on the calling thread.
  public init(
    _ name: String, summary: String, discussion: String = "", arguments: [Argument] = [], options: [Option] = [],
    examples: [Example] = [], run: @escaping @Sendable (ParsedOptions) throws -> ExitCode
  ) {
    self.init(
      name, summary: summary, discussion: discussion, arguments: arguments, options: options, examples: examples,
      body: .synchronous(run))
  }

  /// A command that waits for other things: the cluster, clients.
  public init(
    _ name: String, summary: String, discussion: String = "", arguments: [Argument] = [], options: [Option] = [],
    examples: [Example] = [], runAsync: @escaping @Sendable (ParsedOptions) async throws -> ExitCode
  ) {
    self.init(
      name, summary: summary, discussion: discussion, arguments: arguments, options: options, examples: examples,
      body: .asynchronous(runAsync))
  }

  /// A command that reads its options into `Settings` and gets only those.
  public init<Settings: CommandSettings>(
    _ name: String, summary: String, discussion: String = "", examples: [Example] = [], settings: Settings.Type,
    run: @escaping @Sendable (Settings) throws -> ExitCode
  ) {
    self.init(
      name, summary: summary, discussion: discussion, arguments: Settings.arguments, options: Settings.options,
      examples: examples, body: .synchronous { try run(Settings($0)) })
  }

  public init<Settings: CommandSettings>(
    _ name: String, summary: String, discussion: String = "", examples: [Example] = [], settings: Settings.Type,
    runAsync: @escaping @Sendable (Settings) async throws -> ExitCode
  ) {
    self.init(
      name, summary: summary, discussion: discussion, arguments: Settings.arguments, options: Settings.options,
      examples: examples, body: .asynchronous { try await runAsync(Settings($0)) })
  }

  /// The option of that name or alias, however it is spelt.
  func option(_ name: some StringProtocol) -> Option? {
    byKey[Option.normalized(name)].map { options[$0] }
  }

  private static func common(configurable: Bool) -> [Option] {
    var options: [Option] = []
    if configurable {
      options = [
        .path("config", help: "YAML file with the same keys as the options; an option given here overrides it."),
        .flag("print-config", help: "Print the resulting configuration as YAML and do nothing else."),
      ]
    }
    options.append(.flag("help", help: "Show this help (also -h)."))
    return Option.section("General", options.map { $0.notInConfiguration() })
  }
}
