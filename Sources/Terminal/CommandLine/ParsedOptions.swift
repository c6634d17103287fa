/// The options of one invocation, every one of them resolved: flag over file over default.
///
/// Asking for a name or a type that the command did not declare is our bug and traps.
public struct ParsedOptions: Sendable {
  struct Entry: Sendable {
    var value: OptionValue
    var source: OptionSource
  }

  public let command: Command
  let entries: [String: Entry]
  private let argumentValues: [String: [OptionValue]]

  init(command: Command, entries: [String: Entry], arguments: [String: [OptionValue]]) {
    self.command = command
    self.entries = entries
    self.argumentValues = arguments
  }

  private func value(_ name: String) -> OptionValue? {
    guard let option = command.option(name) else {
      preconditionFailure("command \(command.name) has no option '\(name)'")
    }
    return entries[option.key]?.value
  }

  private func demand<Value>(_ name: String, _ value: Value?) -> Value {
    guard let value else {
      preconditionFailure(
        "option '\(name)' of \(command.name) has no default and may be absent: use the optional getter")
    }
    return value
  }

  private func wrongKind(_ name: String, _ asked: String) -> Never {
    preconditionFailure("option '\(name)' of \(command.name) was read as \(asked), but is not declared so")
  }

  public func flag(_ name: String) -> Bool {
    guard case .flag(let value)? = value(name) else { wrongKind(name, "a flag") }
    return value
  }

  public func int(_ name: String) -> Int { demand(name, optionalInt(name)) }
  public func optionalInt(_ name: String) -> Int? {
    switch value(name) {
    case nil: return nil
    case .int(let value): return value
    default: wrongKind(name, "a whole number")
    }
  }

  public func float(_ name: String) -> Double { demand(name, optionalFloat(name)) }
  public func optionalFloat(_ name: String) -> Double? {
    switch value(name) {
    case nil: return nil
    case .float(let value): return value
    default: wrongKind(name, "a number")
    }
  }

  /// Text, path and choice options.
  public func string(_ name: String) -> String { demand(name, optionalString(name)) }
  public func optionalString(_ name: String) -> String? {
    switch value(name) {
    case nil: return nil
    case .text(let value): return value
    default: wrongKind(name, "a text")
    }
  }

  public func ints(_ name: String) -> [Int] {
    guard case .ints(let values)? = value(name) else { wrongKind(name, "whole numbers") }
    return values
  }

  public func floats(_ name: String) -> [Double] {
    guard case .floats(let values)? = value(name) else { wrongKind(name, "numbers") }
    return values
  }

  public func strings(_ name: String) -> [String] {
    guard case .texts(let values)? = value(name) else { wrongKind(name, "texts") }
    return values
  }

  /// True when the value stands on the command line or in the configuration file.
  public func wasGiven(_ name: String) -> Bool { source(name) != .default }

  public func source(_ name: String) -> OptionSource {
    guard let option = command.option(name) else {
      preconditionFailure("command \(command.name) has no option '\(name)'")
    }
    return entries[option.key]?.source ?? .default
  }

  /// The one value of an argument; nil only for an optional one.
  public func optionalArgument(_ name: String) -> String? { arguments(name).first }

  public func argument(_ name: String) -> String { demand(name, arguments(name).first) }

  public func arguments(_ name: String) -> [String] {
    guard let values = argumentValues[name] else {
      preconditionFailure("command \(command.name) has no argument '\(name)'")
    }
    return values.map(\.asText)
  }

  /// The error for a value that is wrong only together with others; says where the value came from.
  ///
  ///     throw options.rejection("priorities", "has 2 values, expected one per agent (3)")
  public func rejection(_ name: String, _ complaint: String) -> any Error {
    switch source(name) {
    case .commandLine, .default: CommandLineError("--\(command.option(name)?.name ?? name) \(complaint)")
    case .file(let path, let line, let column):
      Failure("\(path):\(line):\(column): \(command.option(name)?.configurationKey ?? name) \(complaint)")
    }
  }
}
