import Glibc
import Synchronization

/// Standard error as people see it: lines that scroll away, and below them a status (progress, live view) that is
/// redrawn in place. Whoever writes a line goes through here, so that it does not land inside the status.
public final class Screen: Sendable {
  /// The one for the process.
  public static let standardError = Screen(isTerminal: isatty(2) == 1 && Environment.value("TERM") != "dumb") {
    // Nobody is left to tell when standard error itself is gone.
    try? Output.standardError.write($0)
  }

  public let isTerminal: Bool
  private let write: @Sendable (String) -> Void
  private let status = Mutex<[String]>([])
  private let fixedColumns: Int?

  /// - `columns`: fixed width; nil asks the terminal.
  init(isTerminal: Bool, columns: Int? = nil, write: @escaping @Sendable (String) -> Void) {
    self.isTerminal = isTerminal
    self.write = write
    fixedColumns = columns
  }

  public var columns: Int { fixedColumns ?? TerminalSize.columns(of: 2) ?? 80 }

  /// A line that stays, above the status.
  public func line(_ text: String) {
    status.withLock { lines in
      write(Screen.erasing(lines) + text + "\n" + lines.joined(separator: "\n"))
    }
  }

  /// Replaces the status. On something that is no terminal nothing is drawn.
  func show(_ lines: [String]) {
    guard isTerminal else { return }
    let width = columns - 1  // a line that fills the last column would wrap on some terminals
    let fitted = lines.map { DisplayWidth.truncate($0, to: width) }
    status.withLock { old in
      write(Screen.erasing(old) + fitted.joined(separator: "\n"))
      old = fitted
    }
  }

  /// Takes the status away, or leaves it standing as ordinary lines.
  func release(keeping: Bool) {
    status.withLock { old in
      guard !old.isEmpty else { return }
      write(keeping ? "\n" : Screen.erasing(old))
      old = []
    }
  }

  /// To the beginning of the status, and clear from there on.
  private static func erasing(_ lines: [String]) -> String {
    if lines.isEmpty { return "" }
    return (lines.count > 1 ? "\u{1b}[\(lines.count - 1)A" : "") + "\r\u{1b}[J"
  }
}
