import CMicroHTTPD

/// One request, complete with its body.
public struct ServerRequest: Sendable {
  public struct Parameter: Sendable, Equatable {
    public var name: String
    public var value: String
  }

  public var method: String
  /// As the client wrote it, path and query.
  public var target: String
  /// The path between slashes, percent-decoded; empty parts (`//`) are left out.
  public var segments: [String]
  /// In the client's order; a name may come several times.
  public var query: [Parameter]
  /// By lower-case name; values of a name that comes several times are joined by ", ".
  public var headers: [String: String]
  public var body: [UInt8]
  /// `address:port` of the client.
  public var peer: String

  public init(
    _ method: String, _ target: String, headers: [String: String] = [:], body: [UInt8] = [], peer: String = ""
  ) {
    self.method = method
    self.target = target
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    segments = (parts.first ?? "").split(separator: "/").map { percentDecoded($0) }
    query = (parts.count > 1 ? parts[1] : "").split(separator: "&").map { part in
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return Parameter(
        name: percentDecoded(pair.first ?? "", plusIsSpace: true),
        value: pair.count > 1 ? percentDecoded(pair[1], plusIsSpace: true) : "")
    }
    self.headers = headers
    self.body = body
    self.peer = peer
  }

  /// The path as it is written when nothing needs escaping: `/api/v1`.
  public var path: String { "/" + segments.joined(separator: "/") }

  /// The first value of a query's parameter; nil without it.
  public func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

  /// The token of `Authorization: Bearer …`.
  public var bearerToken: String? {
    guard let value = headers["authorization"], let blank = value.firstIndex(of: " "),
      value[..<blank].lowercased() == "bearer"
    else { return nil }
    let token = value[value.index(after: blank)...].drop { $0 == " " }
    return token.isEmpty ? nil : String(token)
  }

  /// The media type of the body, lower case, without parameters.
  public var contentType: String {
    let value = headers["content-type"] ?? ""
    return String(value.prefix { $0 != ";" }).lowercased().filter { $0 != " " }
  }
}

/// Replaces `%41` by its byte; escapes that are none stay as they are, bytes that are no UTF-8 become U+FFFD.
func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String {
  func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }
  let source = Array(text.utf8)
  var decoded: [UInt8] = []
  decoded.reserveCapacity(source.count)
  var place = 0
  while place < source.count {
    if source[place] == UInt8(ascii: "%"), place + 2 < source.count, let high = digit(source[place + 1]),
      let low = digit(source[place + 2])
    {
      decoded.append(high << 4 | low)
      place += 3
    } else {
      decoded.append(plusIsSpace && source[place] == UInt8(ascii: "+") ? 32 : source[place])
      place += 1
    }
  }
  return String(decoding: decoded, as: UTF8.self)
}
