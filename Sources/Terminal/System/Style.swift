import Glibc

/// Colours, where the reader is a terminal that wants them.
public struct Style: Sendable, Equatable {
  public let isColoured: Bool

  public static let plain = Style(isColoured: false)
  public static let coloured = Style(isColoured: true)

  public init(isColoured: Bool) { self.isColoured = isColoured }

  /// Decides as <https://no-color.org> and <https://bixense.com/clicolors> describe: `NO_COLOR` (not empty) turns colours off,
  /// `CLICOLOR_FORCE` (neither empty nor 0) turns them on even into a pipe, `TERM=dumb` has none.
  init(environment: (String) -> String?, isTerminal: Bool) {
    let force = environment("CLICOLOR_FORCE") ?? ""
    if !(environment("NO_COLOR") ?? "").isEmpty {
      isColoured = false
    } else if !force.isEmpty, force != "0" {
      isColoured = true
    } else {
      isColoured = isTerminal && environment("TERM") != "dumb"
    }
  }

  /// For what is written to this descriptor.
  public static func detect(descriptor: Int32) -> Style {
    Style(environment: Environment.value, isTerminal: isatty(descriptor) == 1)
  }

  public func bold(_ text: String) -> String { painted(text, "1") }
  public func dim(_ text: String) -> String { painted(text, "2") }
  public func red(_ text: String) -> String { painted(text, "31") }
  public func green(_ text: String) -> String { painted(text, "32") }
  public func yellow(_ text: String) -> String { painted(text, "33") }
  public func blue(_ text: String) -> String { painted(text, "34") }
  public func cyan(_ text: String) -> String { painted(text, "36") }

  private func painted(_ text: String, _ code: String) -> String {
    isColoured ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }
}

/// Environment variables, without Foundation.
public enum Environment {
  public static func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

public enum TerminalSize {
  /// Columns of the terminal behind a descriptor; nil where there is none.
  public static func columns(of descriptor: Int32) -> Int? { size(of: descriptor).map { Int($0.ws_col) } }
  public static func rows(of descriptor: Int32) -> Int? { size(of: descriptor).map { Int($0.ws_row) } }

  private static func size(of descriptor: Int32) -> winsize? {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return size
  }
}
