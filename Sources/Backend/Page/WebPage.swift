import CWebPage
import HTTPServer

/// The page's files, which are part of the program.
public enum WebPage {
  public struct Asset: Sendable {
    public var contentType: String
    public var bytes: [UInt8]
    /// Changes with the bytes.
    public var tag: String
  }

  private static let assets: [String: Asset] = {
    var assets: [String: Asset] = [:]
    for index in 0..<marlise_page_count() {
      var asset = marlise_page_asset()
      guard marlise_page_get(index, &asset), let path = asset.path, let type = asset.type, let bytes = asset.bytes
      else {
        continue
      }
      let content = Array(UnsafeBufferPointer(start: bytes, count: asset.size))
      assets[String(cString: path)] = Asset(contentType: String(cString: type), bytes: content, tag: tag(of: content))
    }
    return assets
  }()

  /// - Parameter path: `/` for the page itself.
  public static func asset(_ path: String) -> Asset? { assets[path] }

  /// FNV-1a: tells versions apart, no more.
  private static func tag(of bytes: [UInt8]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return "\"" + String(hash, radix: 16) + "\""
  }

  /// What the page may do: nothing but what it brings along.
  static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    + "form-action 'none'; frame-ancestors 'none'"

  static func response(_ path: String, _ request: ServerRequest) -> ServerResponse? {
    guard let asset = asset(path) else { return nil }
    let headers: [ServerResponse.Header] = [
      .init(name: "ETag", value: asset.tag), .init(name: "Cache-Control", value: "no-cache"),
      .init(name: "Content-Security-Policy", value: policy), .init(name: "X-Frame-Options", value: "DENY"),
      .init(name: "Referrer-Policy", value: "no-referrer"),
    ]
    if request.headers["if-none-match"] == asset.tag { return ServerResponse(304, headers: headers) }
    return ServerResponse(200, contentType: asset.contentType, headers: headers, body: .bytes(asset.bytes))
  }
}
