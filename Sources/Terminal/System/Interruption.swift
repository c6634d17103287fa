import Glibc
import Synchronization

/// Ctrl-C, SIGTERM and a closed terminal as a flag that long work looks at once per step, so that it can finish the step, save, and put
/// limits back. A second signal ends the process at once.
public enum Interruption {
  private static let number = Atomic<Int32>(0)

  /// True from the first signal on.
  public static var requested: Bool { number.load(ordering: .relaxed) != 0 }

  /// The first signal's number: 2 for Ctrl-C, 15 for a polite stop.
  public static var signal: Int32? {
    let value = number.load(ordering: .relaxed)
    return value == 0 ? nil : value
  }

  /// From now on SIGINT, SIGTERM and SIGHUP only set the flag. Call before long work begins.
  public static func install() {
    _ = requested  // makes the flag exist before a handler can run
    var action = sigaction()
    action.__sigaction_handler.sa_handler = noteSignal
    action.sa_flags = Int32(SA_RESTART)
    sigemptyset(&action.sa_mask)
    sigaction(SIGINT, &action, nil)
    sigaction(SIGTERM, &action, nil)
    // A terminal that is closed; `nohup` asks not to be told.
    var hangUp = sigaction()
    sigaction(SIGHUP, nil, &hangUp)
    let isIgnored =
      unsafeBitCast(hangUp.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    if !isIgnored { sigaction(SIGHUP, &action, nil) }
  }

  /// Notes a signal; true when it is the first.
  static func note(_ signal: Int32) -> Bool {
    number.compareExchange(expected: 0, desired: signal, ordering: .relaxed).exchanged
  }

  /// As if no signal had come; for tests.
  static func reset() { number.store(0, ordering: .relaxed) }
}

/// Only what a signal handler may do: an atomic exchange and `_exit`.
private func noteSignal(_ signal: Int32) {
  if !Interruption.note(signal) { _exit(128 + signal) }
}
