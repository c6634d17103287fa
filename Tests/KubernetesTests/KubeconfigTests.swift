import Foundation
import Testing

@testable import Kubernetes

/// A folder of its own for each test, gone afterwards.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("marlise-" + UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ text: String) throws -> String {
    let file = path + "/" + name
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }
}

@Suite("Kubeconfig")
struct KubeconfigTests {
  static let text = """
    apiVersion: v1
    kind: Config
    current-context: kind-a
    clusters:
    - name: a
      cluster: {server: "https://192.0.2.1:6443/", certificate-authority-data: Y2E=}
    - name: b
      cluster:
        server: https://b.example:6443/prefix
        certificate-authority: ca.pem
        tls-server-name: kubernetes
    - name: plain
      cluster: {server: "http://192.0.2.9:8080"}
    - name: loopback
      cluster: {server: "http://127.0.0.1:8080"}
    - name: insecure
      cluster: {server: "https://192.0.2.1", insecure-skip-tls-verify: true}
    contexts:
    - name: kind-a
      context: {cluster: a, user: certificate, namespace: shop}
    - name: b
      context: {cluster: b, user: token}
    - {name: exec, context: {cluster: a, user: exec}}
    - {name: file, context: {cluster: a, user: file}}
    - {name: plain, context: {cluster: plain, user: token}}
    - {name: loopback, context: {cluster: loopback, user: token}}
    - {name: nobody, context: {cluster: loopback, user: ""}}
    - {name: insecure, context: {cluster: insecure, user: token}}
    - {name: no-cluster, context: {cluster: zzz, user: token}}
    - {name: no-user, context: {cluster: a, user: zzz}}
    - {name: half, context: {cluster: a, user: half}}
    - {name: password, context: {cluster: a, user: password}}
    - {name: bad-base64, context: {cluster: a, user: bad-base64}}
    - {name: terminal, context: {cluster: a, user: terminal}}
    - {name: newline, context: {cluster: a, user: newline}}
    users:
    - name: certificate
      user: {client-certificate-data: Y2VydA==, client-key-data: a2V5}
    - name: token
      user: {token: abc}
    - name: file
      user: {token: abc, tokenFile: token.txt}
    - name: exec
      user:
        exec:
          apiVersion: client.authentication.k8s.io/v1beta1
          command: get-token
          args: [--cluster, a]
          env: [{name: REGION, value: north}]
          installHint: "install it"
    - {name: half, user: {client-certificate-data: Y2VydA==}}
    - {name: password, user: {username: me, password: x}}
    - {name: bad-base64, user: {client-certificate-data: "***", client-key-data: a2V5}}
    - {name: terminal, user: {exec: {command: x, interactiveMode: Always}}}
    - {name: newline, user: {token: "a\\nX-Evil: 1"}}
    """

  func config(_ folder: TemporaryFolder) throws -> Kubeconfig {
    _ = try folder.write("ca.pem", "authority b")
    return try Kubeconfig(files: [try folder.write("config", Self.text)])
  }

  @Test("the current context with certificates inline")
  func inline() throws {
    let folder = try TemporaryFolder()
    let connection = try config(folder).connection()
    #expect(connection.address == ServerAddress(base: "https://192.0.2.1:6443", authority: Data("ca".utf8)))
    #expect(connection.namespace == "shop")
    #expect(connection.label == "context 'kind-a'")
    #expect(
      try connection.credentials.proof()
        == .init(token: nil, identity: TLSIdentity(certificate: Data("cert".utf8), key: Data("key".utf8))))
  }

  @Test("a named context with files beside the kubeconfig")
  func files() throws {
    let folder = try TemporaryFolder()
    let connection = try config(folder).connection(context: "b")
    #expect(connection.address.base == "https://b.example:6443/prefix")
    #expect(connection.address.authority == Data("authority b".utf8))
    #expect(connection.address.tlsServerName == "kubernetes")
    #expect(connection.namespace == "default")
    #expect(try connection.credentials.proof().token == "abc")
  }

  @Test("token files win over tokens, plugins are described")
  func sources() throws {
    let folder = try TemporaryFolder()
    let config = try config(folder)
    #expect(try config.connection(context: "file").credentials.source == .tokenFile(folder.path + "/token.txt"))
    #expect(
      try config.connection(context: "exec").credentials.source
        == .exec(
          ExecPlugin(
            command: "get-token", arguments: ["--cluster", "a"], environment: ["REGION": "north"],
            apiVersion: "client.authentication.k8s.io/v1beta1", installHint: "install it")))
    #expect(try config.connection(context: "loopback").address.isPlain)
    #expect(try config.connection(context: "nobody").credentials.source == CredentialSource.none)
  }

  @Test(
    "what cannot work is said in a sentence, before anything is sent",
    arguments: [
      ("zzz", "there is no context 'zzz'"), ("plain", "is not encrypted"), ("insecure", "insecure-skip-tls-verify"),
      ("no-cluster", "its cluster is not in"), ("no-user", "its user 'zzz' is not in"),
      ("half", "must be given together"), ("password", "no longer a way"), ("bad-base64", "is not base64"),
      ("terminal", "wants a terminal"), ("newline", "has blanks in it"),
    ])
  func refuses(_ context: String, _ words: String) throws {
    let folder = try TemporaryFolder()
    let config = try config(folder)
    let error = #expect(throws: ClusterError.self) { try config.connection(context: context) }
    #expect(error?.kind == .configuration)
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test(
    "files that are no kubeconfig are refused",
    arguments: [
      ("a: [", "line 2, column 1"), ("a: 1\na: 2", "'a' is given twice"), ("- 1", "is no kubeconfig"),
      ("", "names no current-context"),
      (String(repeating: "[", count: 100) + String(repeating: "]", count: 100), "too deep"),
      ("current-context: x", "there is no context 'x'"),
      (
        "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
          + "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e]",
        "too large"
      ),
      ("? [a]\n: 1", "a key is no text"),
    ])
  func damaged(_ text: String, _ words: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("config", text)
    let error = #expect(throws: ClusterError.self) { try Kubeconfig(files: [file]).connection() }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test("of several files the first to name something wins")
  func merge() throws {
    let folder = try TemporaryFolder()
    let first = try folder.write(
      "one", "current-context: b\nusers: [{name: token, user: {token: first}}]\ncontexts: []\n")
    let second = try folder.write("two", Self.text)
    _ = try folder.write("ca.pem", "authority b")
    let connection = try Kubeconfig(files: [first, second]).connection()
    #expect(connection.label == "context 'b'")
    #expect(try connection.credentials.proof().token == "first")
  }

  @Test("the environment decides where to look")
  func resolve() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("config", Self.text)
    let viaList = try ClusterConnection.resolve(environment: ["KUBECONFIG": folder.path + "/absent:" + file])
    #expect(viaList.label == "context 'kind-a'")
    let nowhere = #expect(throws: ClusterError.self) {
      try ClusterConnection.resolve(environment: ["HOME": folder.path])
    }
    #expect(nowhere?.description.contains("no kubeconfig") == true)
    let missing = #expect(throws: ClusterError.self) {
      try ClusterConnection.resolve(kubeconfig: folder.path + "/absent", environment: [:])
    }
    #expect(missing?.description.contains("No such file") == true)
  }

  @Test("inside a pod the service account is used")
  func inCluster() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("ca.crt", "authority")
    _ = try folder.write("token", "t1\n")
    _ = try folder.write("namespace", "shop")
    let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
    let connection = try ClusterConnection.inCluster(environment: environment, folder: folder.path)
    #expect(connection.address.base == "https://[fd00::1]:443")
    #expect(connection.namespace == "shop")
    #expect(try connection.credentials.proof().token == "t1")
  }
}

@Suite("Credentials")
struct CredentialsTests {
  @Test("a token file is read again when it is old, and when the server refuses the token")
  func tokenFile() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("token", "one")
    let clock = FakePacing()
    let credentials = Credentials(source: .tokenFile(file), now: clock.pacing.now)
    #expect(try credentials.proof().token == "one")
    _ = try folder.write("token", "two\n")
    #expect(try credentials.proof().token == "one")
    clock.advance(Credentials.tokenFileAgeMaximum)
    #expect(try credentials.proof().token == "two")
    _ = try folder.write("token", "three")
    #expect(credentials.invalidate())
    #expect(try credentials.proof().token == "three")
    _ = try folder.write("token", " \n")
    #expect(credentials.invalidate())
    #expect(throws: ClusterError.self) { try credentials.proof() }
  }

  func script(_ folder: TemporaryFolder, _ text: String) throws -> ExecPlugin {
    ExecPlugin(command: "/bin/sh", arguments: [try folder.write("plugin.sh", text)], environment: ["WORD": "secret"])
  }

  @Test("a plugin is asked again only when its credential is about to expire")
  func plugin() throws {
    let folder = try TemporaryFolder()
    let count = folder.path + "/count"
    let plugin = try script(
      folder,
      """
      echo x >> \(count)
      test -n "$KUBERNETES_EXEC_INFO" || exit 3
      echo "{\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"$WORD$(wc -l < \(count) | tr -d ' ')\\",\
      \\"expirationTimestamp\\":\\"2026-01-01T01:00:00Z\\"}}"
      """)
    let clock = FakePacing()
    let start = try #require(Timestamp("2026-01-01T00:00:00Z"))
    let credentials = Credentials(source: .exec(plugin), now: clock.pacing.now, calendar: { start })
    #expect(try credentials.proof().token == "secret1")
    clock.advance(3600 - Credentials.expiryMargin - 1)
    #expect(try credentials.proof().token == "secret1")
    clock.advance(2)
    #expect(try credentials.proof().token == "secret2")
  }

  @Test("a plugin may give a certificate")
  func certificate() throws {
    let folder = try TemporaryFolder()
    let plugin = try script(
      folder, "echo '{\"status\":{\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\"}}'")
    #expect(try plugin.run().identity == TLSIdentity(certificate: Data("c".utf8), key: Data("k".utf8)))
  }

  @Test(
    "a plugin that fails is told in a sentence",
    arguments: [
      ("exit 7", "ended with code 7"), ("echo nonsense", "did not print an ExecCredential"),
      ("echo '{\"status\":{}}'", "neither a token nor a certificate"),
      ("echo '{\"status\":{\"token\":\"a b\"}}'", "blanks"), ("exec yes", "more than 1 MB"),
    ])
  func failures(_ text: String, _ words: String) throws {
    let folder = try TemporaryFolder()
    let plugin = try script(folder, text)
    let error = #expect(throws: ClusterError.self) { try plugin.run() }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test("a plugin that hangs is ended; one that is not there gives its hint")
  func hanging() throws {
    let folder = try TemporaryFolder()
    for (text, words) in [
      ("exec sleep 600", "no answer within"), ("exec sleep 600 > /dev/null", "did not end within"),
    ] {
      var plugin = try script(folder, text)
      plugin.timeout = 0.2
      let hanging = #expect(throws: ClusterError.self) { try plugin.run() }
      #expect(hanging?.description.contains(words) == true)
    }
    let absent = ExecPlugin(command: folder.path + "/absent", installHint: "see the manual")
    let error = #expect(throws: ClusterError.self) { try absent.run() }
    #expect(error?.description.contains("No such file or directory; see the manual") == true)
  }
}
