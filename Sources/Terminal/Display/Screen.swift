import Glibc
import Synchronization

/// An output as people see it: lines that scroll away, and below them a status (progress, live view) that is redrawn in
/// place. While a status is shown, whoever writes a line goes through here, so that it does not land inside the status.
public final class Screen: Sendable {
  public static let standardError = Screen(descriptor: 2)
  public static let standardOutput = Screen(descriptor: 1)

  public let isTerminal: Bool
  private let write: @Sendable (String) -> Void
  private let size: @Sendable () -> (columns: Int, rows: Int)
  private let status = Mutex<[String]>([])

  private convenience init(descriptor: Int32) {
    self.init(
      isTerminal: isatty(descriptor) == 1 && Environment.value("TERM") != "dumb",
      size: { (TerminalSize.columns(of: descriptor) ?? 80, TerminalSize.rows(of: descriptor) ?? 24) },
      // A display has nobody to tell when its own output is gone.
      write: { try? Output(descriptor: descriptor).write($0) })
  }

  init(
    isTerminal: Bool, size: @escaping @Sendable () -> (columns: Int, rows: Int),
    write: @escaping @Sendable (String) -> Void
  ) {
    self.isTerminal = isTerminal
    self.size = size
    self.write = write
  }

  public var columns: Int { size().columns }
  public var rows: Int { size().rows }

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
