import Foundation
import Terminal

/// This program, started once more, in a process group of its own: Ctrl-C at the terminal reaches us only, and whoever started
/// it passes it on, once.
struct ChildProgram {
  let id: pid_t

  /// The variable that tells a child whose it is.
  private static let parentVariable = "MARLISE_PARENT"

  /// True in a child whose parent is gone: nobody waits for its work any more.
  static var isOrphan: Bool { parent.map { $0 != getppid() } ?? false }
  private static let parent = Environment.value(parentVariable).flatMap { pid_t($0) }

  /// - Parameter log: the file that both its streams are added to.
  init(_ arguments: [String], log: String) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))

    var variables = ProcessInfo.processInfo.environment
    variables[Self.parentVariable] = "\(getpid())"
    var words = (["marlise"] + arguments).map { strdup($0) } + [nil]
    var settings = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in words + settings { free(text) } }
    var id = pid_t()
    let code = posix_spawn(&id, "/proc/self/exe", &actions, &attributes, &words, &settings)
    guard code == 0 else {
      throw Failure("this program cannot be started once more: \(String(cString: strerror(code)))")
    }
    self.id = id
  }

  enum End: Equatable {
    case exited(Int32)
    case killed(signal: Int32)
  }

  /// How it ended; nil while it runs.
  func end() -> End? {
    var status: Int32 = 0
    let found = waitpid(id, &status, WNOHANG)
    if found == 0 || (found < 0 && errno == EINTR) { return nil }
    // Its end has been told before.
    guard found == id else { return .exited(0) }
    return status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: status & 0x7f)
  }

  func interrupt() { kill(id, SIGINT) }
}
