/// The command line was wrong: printed as one sentence on standard error, exit code 2.
public struct CommandLineError: Error, CustomStringConvertible, Sendable, Equatable {
  public let description: String
  public init(_ sentence: String) { description = sentence }
}

/// The work could not be done: printed as one sentence on standard error, exit code 1.
/// The sentence says what failed, on what, and what was expected.
public struct Failure: Error, CustomStringConvertible, Sendable, Equatable {
  public let description: String
  public init(_ sentence: String) { description = sentence }
}

/// What a process ends with.
public struct ExitCode: Sendable, Equatable {
  public let value: Int32
  public init(_ value: Int32) { self.value = value }

  public static let success = ExitCode(0)
  public static let failure = ExitCode(1)
  public static let usage = ExitCode(2)
  /// Success, or 128 + signal when a signal cut the work short: what a loop that polls `Interruption` returns.
  public static var finished: ExitCode {
    Interruption.signal.map { ExitCode(128 + $0) } ?? .success
  }
}
