import HTTPServer
import Synchronization

/// Who may do what.
public struct AccessRules: Sendable {
  /// The bearer token; nil where none is demanded.
  public var token: String?
  /// Whether reading demands it too.
  public var guardsReads = false
  /// Host names by which the service may be asked for; empty for any. On loopback this keeps a web page of another site, whose
  /// name was made to lead here, from speaking to the service.
  public var hosts: Set<String> = []
  /// Origins of web pages that may use the service from elsewhere.
  public var origins: Set<String> = []
  /// Mutations a minute and client, and at once.
  public var mutationsPerMinute = 240.0
  public var mutationsAtOnce = 60.0

  public init() {}

  /// Whether a page of this origin may read answers.
  func allows(origin: String) -> Bool { origins.contains(origin) }

  /// - Parameter isPage: the page itself, which must be there before a token can be typed into it.
  func check(_ request: ServerRequest, mutates: Bool, isPage: Bool = false) throws(APIFailure) {
    if !hosts.isEmpty {
      let host = Self.name(request.headers["host"] ?? "")
      guard hosts.contains(host) else {
        throw APIFailure(403, "wrong_host", "this service does not go by the name '\(host.prefix(80))'")
      }
    }
    if let origin = request.headers["origin"], mutates, !isOwn(origin, request), !allows(origin: origin) {
      throw APIFailure(403, "foreign_origin", "pages of \(origin.prefix(80)) may not use this service")
    }
    guard let token, mutates || (guardsReads && !isPage) else { return }
    guard let given = request.bearerToken, Self.isEqual(given, token) else {
      var failure = APIFailure(401, "unauthorized", "this needs the service's token: Authorization: Bearer TOKEN")
      failure.headers = [.init(name: "WWW-Authenticate", value: "Bearer realm=\"marlise\"")]
      throw failure
    }
  }

  private func isOwn(_ origin: String, _ request: ServerRequest) -> Bool {
    guard let host = request.headers["host"] else { return false }
    return origin == "http://" + host || origin == "https://" + host
  }

  /// A host without its port.
  static func name(_ host: String) -> String {
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") { return String(host[...end]).lowercased() }
    return String(host.prefix { $0 != ":" }).lowercased()
  }

  /// Takes the same time wherever two texts differ.
  static func isEqual(_ a: String, _ b: String) -> Bool {
    let x = Array(a.utf8)
    let y = Array(b.utf8)
    var difference = UInt8(x.count == y.count ? 0 : 1)
    for place in y.indices { difference |= y[place] ^ (place < x.count ? x[place] : 0) }
    return difference == 0
  }
}

/// Keeps one client's mutations rare: a bucket of tokens for each address. Bounded.
final class RateLimit: Sendable {
  private struct Bucket {
    var tokens: Double
    var at: Double
  }

  private let perSecond: Double
  private let atOnce: Double
  private let buckets = Mutex<[String: Bucket]>([:])

  init(perMinute: Double, atOnce: Double) {
    perSecond = perMinute / 60
    self.atOnce = atOnce
  }

  /// - Throws: 429 with the seconds to wait.
  func take(_ peer: String, at now: Double) throws(APIFailure) {
    let client = String(peer[..<(peer.lastIndex(of: ":") ?? peer.endIndex)])
    let wait = buckets.withLock { buckets -> Double in
      if buckets.count > 4096 {
        buckets = buckets.filter { $0.value.tokens + (now - $0.value.at) * perSecond < atOnce }
        if buckets.count > 4096 { buckets.removeAll() }
      }
      var bucket = buckets[client] ?? Bucket(tokens: atOnce, at: now)
      bucket.tokens = min(bucket.tokens + max(now - bucket.at, 0) * perSecond, atOnce)
      bucket.at = now
      defer { buckets[client] = bucket }
      guard bucket.tokens >= 1 else { return (1 - bucket.tokens) / perSecond }
      bucket.tokens -= 1
      return 0
    }
    guard wait > 0 else { return }
    var failure = APIFailure(
      429, "too_many_requests", "too many changes from \(client.prefix(60)); try again in a moment")
    failure.headers = [.init(name: "Retry-After", value: String(max(1, Int(wait.rounded(.up)))))]
    throw failure
  }
}
