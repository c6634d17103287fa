import Terminal

/// How long-running commands say what they do, line by line on standard error: one option, one log.
enum LogOptions {
  static let format = Option.choice(
    "log_format", Log.Format.allCases.map(\.rawValue), default: "text",
    help: "How messages on standard error are written.")

  /// The log of a command that has `format` among its options.
  ///
  /// - Parameter isDebug: whether lines of the level `debug` are written.
  static func log(_ options: ParsedOptions, isDebug: Bool = false) -> Log {
    Log(level: isDebug ? .debug : .info, format: Log.Format(rawValue: options.string(format.name)) ?? .text)
  }
}
