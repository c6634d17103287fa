import Foundation

/// Third-party material (real traces, published weights) that lies beside a checkout and is never committed. Tests that
/// need it are skipped, saying so, where it is absent: `@Test(.enabled(if: SharedMaterial.has("data/traces"), "…"))`.
public enum SharedMaterial {
  /// `MARLISE_SHARED`, or `../shared` beside the checkout.
  public static var folder: URL {
    if let path = ProcessInfo.processInfo.environment["MARLISE_SHARED"] { return URL(fileURLWithPath: path) }
    return URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("shared")
  }

  public static func file(_ path: String) -> URL { folder.appendingPathComponent(path) }
  public static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: file(path).path) }
}
