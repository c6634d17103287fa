import FoundationEssentials
import Synchronization

/// Where a client's proof of identity comes from.
public enum CredentialSource: Sendable, Equatable {
  case none
  case token(String)
  /// Re-read while the program runs: service account tokens are renewed in place about once an hour.
  case tokenFile(String)
  case exec(ExecPlugin)
}

/// The client's present credentials, renewed when they are old or refused.
public final class Credentials: Sendable {
  /// What goes with one request.
  public struct Proof: Sendable, Equatable {
    public var token: String?
    public var identity: TLSIdentity?
  }

  public let source: CredentialSource
  /// A certificate that does not change; a plugin's takes its place.
  public let identity: TLSIdentity?
  /// Seconds after which a token file is read again.
  public static let tokenFileAgeMaximum: Double = 60
  /// A plugin is asked again this long before its credentials expire, seconds.
  public static let expiryMargin: Double = 30

  private struct Held {
    var proof: Proof
    /// On the monotonic clock; nil for never.
    var staleAt: Double?
  }

  private let held = Mutex<Held?>(nil)
  private let now: @Sendable () -> Double
  private let calendar: @Sendable () -> Timestamp

  public init(
    source: CredentialSource, identity: TLSIdentity? = nil, now: @escaping @Sendable () -> Double = Pacing.system.now,
    calendar: @escaping @Sendable () -> Timestamp = { .now }
  ) {
    self.source = source
    self.identity = identity
    self.now = now
    self.calendar = calendar
  }

  /// - Throws: `ClusterError` of kind `.configuration` when a file or a plugin fails.
  public func proof() throws(ClusterError) -> Proof {
    let outcome = held.withLock { held -> Result<Proof, ClusterError> in
      if let held, held.staleAt.map({ now() < $0 }) ?? true { return .success(held.proof) }
      return Result { () throws(ClusterError) in
        let fresh = try renew()
        held = fresh
        return fresh.proof
      }
    }
    return try outcome.get()
  }

  /// Forgets what the server has refused. Returns whether there is any hope that asking the source again gives something
  /// else.
  public func invalidate() -> Bool {
    switch source {
    case .none, .token: return false
    case .tokenFile, .exec:
      held.withLock { $0 = nil }
      return true
    }
  }

  private func renew() throws(ClusterError) -> Held {
    switch source {
    case .none: return Held(proof: Proof(token: nil, identity: identity))
    case .token(let token): return Held(proof: Proof(token: token, identity: identity))
    case .tokenFile(let path):
      let token: String
      do throws(FileError) {
        token = Self.trimmed(try readFile(path, bytesMaximum: 1 << 20))
      } catch {
        throw ClusterError(.configuration, operation: "read the token", message: error.description)
      }
      guard Self.isHeaderSafe(token) else {
        throw ClusterError(.configuration, operation: "read the token", message: "\(path) does not hold a token")
      }
      return Held(proof: Proof(token: token, identity: identity), staleAt: now() + Self.tokenFileAgeMaximum)
    case .exec(let plugin):
      let credential = try plugin.run()
      var staleAt: Double?
      if let expiry = credential.expiry {
        staleAt = now() + max(1, expiry.seconds(since: calendar()) - Self.expiryMargin)
      }
      return Held(
        proof: Proof(token: credential.token, identity: credential.identity ?? identity), staleAt: staleAt)
    }
  }

  static func trimmed(_ data: Data) -> String {
    let isBlank: (UInt8) -> Bool = { $0 == 32 || ($0 >= 9 && $0 <= 13) }
    let bytes = Array(data.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether a text can stand in a header without ending it.
  static func isHeaderSafe(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 < 127 }
  }
}
