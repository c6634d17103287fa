/// The kubeconfig that leads clients to the emulated cluster.
public enum KubeconfigFile {
  /// One context for every user, the first is current. Written as JSON, which YAML readers take.
  ///
  /// - Parameters:
  ///   - users: names and tokens.
  ///   - authority: PEM of the authority that the server's certificate is from; nil for plain HTTP.
  public static func text(
    url: String, users: [(name: String, token: String)], namespace: String, authority: String? = nil
  ) -> String {
    var cluster = JSON.object(["server": .string(url)])
    if let authority {
      cluster["certificate-authority-data"] = .string(Base64.encoded(Array(authority.utf8)))
    }
    let name = JSON.string("emulated")
    let config = JSON.object([
      "apiVersion": .string("v1"), "kind": .string("Config"),
      "clusters": .array([.object(["name": name, "cluster": cluster])]),
      "contexts": .array(
        users.map { user in
          .object([
            "name": .string(user.name),
            "context": .object(["cluster": name, "user": .string(user.name), "namespace": .string(namespace)]),
          ])
        }), "current-context": .string(users.first?.name ?? ""),
      "users": .array(
        users.map { user in
          .object(["name": .string(user.name), "user": .object(["token": .string(user.token)])])
        }),
    ])
    return String(decoding: config.bytes, as: UTF8.self) + "\n"
  }
}

/// Base64, with padding for files or without for URLs.
enum Base64 {
  private static let common = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
  static let standard = common + Array("+/".utf8)
  static let url = common + Array("-_".utf8)

  static func encoded(_ bytes: [UInt8], alphabet: [UInt8] = standard, isPadded: Bool = true) -> String {
    var text: [UInt8] = []
    var (word, bits) = (0, 0)
    for byte in bytes {
      word = (word << 8 | Int(byte)) & 0xffff
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[word >> bits & 63])
      }
    }
    if bits > 0 { text.append(alphabet[word << (6 - bits) & 63]) }
    while isPadded, text.count % 4 > 0 { text.append(UInt8(ascii: "=")) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Bytes that belong to no code are passed over.
  static func decoded(_ text: String, alphabet: [UInt8] = standard) -> [UInt8] {
    var bytes: [UInt8] = []
    var (word, bits) = (0, 0)
    for byte in text.utf8 {
      guard let value = alphabet.firstIndex(of: byte) else { continue }
      word = (word << 6 | value) & 0xffff
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(word >> bits & 255))
      }
    }
    return bytes
  }
}
