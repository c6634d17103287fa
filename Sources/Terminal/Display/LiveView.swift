import Synchronization

/// A block of lines that is redrawn in place on a terminal, at most ten times a second; elsewhere what is shown is
/// appended, as a log would be.
public final class LiveView: Sendable {
  static let redrawInterval = 0.1

  private let screen: Screen
  private let now: @Sendable () -> Double
  private let state = Mutex(State())

  private struct State {
    var lastDrawn: Double?
    /// Shown too soon after the last one to be drawn yet.
    var waiting: [String]?
  }

  public init(screen: Screen = .standardError, now: @escaping @Sendable () -> Double = Clock.monotonic) {
    self.screen = screen
    self.now = now
  }

  /// - `plain`: what to append where there is no terminal; the lines themselves when nil.
  public func show(_ lines: [String], plain: String? = nil) {
    guard screen.isTerminal else {
      for line in plain.map({ [$0] }) ?? lines { screen.line(line) }
      return
    }
    let time = now()
    state.withLock { state in
      if let last = state.lastDrawn, time - last < LiveView.redrawInterval {
        state.waiting = lines
        return
      }
      state.lastDrawn = time
      state.waiting = nil
      draw(lines)
    }
  }

  /// The last block stays on the screen.
  public func finish() {
    state.withLock { state in
      if let lines = state.waiting { draw(lines) }
      state.waiting = nil
      state.lastDrawn = nil
    }
    screen.release(keeping: true)
  }

  /// A block taller than the terminal could not be redrawn in place: its end would scroll the beginning away.
  private func draw(_ lines: [String]) {
    let room = max(1, screen.rows - 1)
    if lines.count <= room { return screen.show(lines) }
    screen.show(Array(lines.prefix(room - 1)) + ["… \(lines.count - room + 1) more"])
  }
}
