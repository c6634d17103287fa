import FoundationEssentials
import Glibc

/// A program that hands out credentials, as kubeconfig's `exec` describes it (cloud providers' log-in tools).
public struct ExecPlugin: Sendable, Equatable {
  public var command: String
  public var arguments: [String]
  public var environment: [String: String]
  /// `client.authentication.k8s.io/v1` or `v1beta1`.
  public var apiVersion: String
  /// Said when the program is not installed.
  public var installHint: String
  /// Seconds.
  public var timeout: Double = 60

  public init(
    command: String, arguments: [String] = [], environment: [String: String] = [:],
    apiVersion: String = "client.authentication.k8s.io/v1", installHint: String = ""
  ) {
    self.command = command
    self.arguments = arguments
    self.environment = environment
    self.apiVersion = apiVersion
    self.installHint = installHint
  }

  /// What the program printed.
  public struct Credential: Sendable, Equatable {
    public var token: String?
    public var identity: TLSIdentity?
    public var expiry: Timestamp?
  }

  private struct Printed: Decodable {
    struct Status: Decodable {
      var expirationTimestamp: Timestamp?
      var token: String?
      var clientCertificateData: String?
      var clientKeyData: String?
    }
    var status: Status?
  }

  private func failure(_ message: String) -> ClusterError {
    ClusterError(.configuration, operation: "ask '\(command)' for credentials", message: message)
  }

  /// Runs the program and reads what it prints.
  public func run() throws(ClusterError) -> Credential {
    let output = try launch()
    guard let status = (try? JSONDecoder().decode(Printed.self, from: output))?.status else {
      throw failure("it did not print an ExecCredential")
    }
    var credential = Credential(token: nil, identity: nil, expiry: status.expirationTimestamp)
    if let token = status.token {
      guard Credentials.isHeaderSafe(token) else { throw failure("it printed a token with blanks in it") }
      credential.token = token
    }
    if let certificate = status.clientCertificateData, let key = status.clientKeyData {
      credential.identity = TLSIdentity(certificate: Data(certificate.utf8), key: Data(key.utf8))
    }
    guard credential.token != nil || credential.identity != nil else {
      throw failure("it printed neither a token nor a certificate")
    }
    return credential
  }

  /// Runs the program without input; its complaints go to our standard error, as the log-in tools expect.
  private func launch() throws(ClusterError) -> Data {
    var pipes: [Int32] = [-1, -1]
    guard pipe(&pipes) == 0 else { throw failure(String(cString: strerror(errno))) }
    defer { close(pipes[0]) }
    for end in pipes { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
    // The child must not inherit the signals that the calling thread blocks or ignores.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    variables["KUBERNETES_EXEC_INFO"] =
      "{\"apiVersion\":\"\(apiVersion)\",\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":false}}"
    var arguments = ([command] + self.arguments).map { strdup($0) } + [nil]
    var settings = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + settings { free(text) } }
    var child = pid_t()
    let code = posix_spawnp(&child, command, &actions, &attributes, &arguments, &settings)
    close(pipes[1])
    guard code == 0 else {
      let hint = installHint.isEmpty ? "" : "; " + installHint
      throw failure(String(cString: strerror(code)) + hint)
    }

    let deadline = Pacing.system.now() + timeout
    var output = Data()
    var buffer = [UInt8](repeating: 0, count: 16384)
    var complaint: String?
    while complaint == nil {
      var descriptor = pollfd(fd: pipes[0], events: Int16(POLLIN), revents: 0)
      let left = deadline - Pacing.system.now()
      let ready = left > 0 ? poll(&descriptor, 1, Int32(min(left * 1000 + 1, 1e6))) : 0
      if ready < 0, errno == EINTR { continue }
      if ready <= 0 {
        complaint = "no answer within \(Int(timeout)) s"
        break
      }
      let count = read(pipes[0], &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { break }
      output.append(contentsOf: buffer[..<count])
      if output.count > 1 << 20 { complaint = "it printed more than 1 MB" }
    }
    // A program may close its output and live on.
    var state: Int32 = 0
    var hasEnded = false
    while complaint == nil, !hasEnded {
      hasEnded = waitpid(child, &state, WNOHANG) != 0
      if hasEnded { break }
      if Pacing.system.now() >= deadline { complaint = "it did not end within \(Int(timeout)) s" }
      Pacing.system.sleep(0.005)
    }
    if !hasEnded {
      kill(child, SIGKILL)
      while waitpid(child, &state, 0) < 0, errno == EINTR {}
    }
    if let complaint { throw failure(complaint) }
    guard state == 0 else { throw failure("it ended with code \((state >> 8) & 0xff); see what it said above") }
    return output
  }
}
