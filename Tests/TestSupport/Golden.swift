import Foundation

/// A tree of golden values measured for this project (`Tests/TestSupport/Goldens/README` says where they come from):
/// groups are dictionaries, a dataset is `{"shape", "dtype", "data"}`, attributes are under `"@attrs"`.
public struct Golden: @unchecked Sendable, CustomStringConvertible {  // the JSON values are immutable once parsed
  let value: Any
  public let path: String

  public enum Failure: Error { case unreadable(String), missing(String), kind(String) }

  public var description: String { "\(path): \(value)" }

  /// Reads `Goldens/<name>.json`.
  public static func load(_ name: String) throws -> Golden {
    try load(file: goldenFolder.appendingPathComponent(name + ".json"))
  }

  public static func load(file: URL) throws -> Golden {
    guard let data = try? Data(contentsOf: file) else { throw Failure.unreadable(file.path) }
    return Golden(value: try JSONSerialization.jsonObject(with: data), path: file.lastPathComponent)
  }

  static var goldenFolder: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Goldens")
  }

  /// `golden["batch/state"]`: a child by slash-separated path.
  public subscript(_ child: String) -> Golden {
    get throws {
      var current = value
      for key in child.split(separator: "/") {
        guard let next = (current as? [String: Any])?[String(key)] else { throw Failure.missing("\(path)/\(child)") }
        current = next
      }
      return Golden(value: current, path: "\(path)/\(child)")
    }
  }

  public func has(_ child: String) -> Bool { (try? self[child]) != nil }
  public var keys: [String] { ((value as? [String: Any])?.keys).map { $0.filter { $0 != "@attrs" }.sorted() } ?? [] }
  public var rows: [Golden] { (value as? [Any])?.enumerated().map { Golden(value: $1, path: "\(path)[\($0)]") } ?? [] }

  public func attribute(_ name: String) throws -> Golden { try self["@attrs/\(name)"] }

  public var shape: [Int] {
    get throws { try (self["shape"].value as? [Any] ?? []).map { try Golden(value: $0, path: path).int } }
  }
  /// Row-major values of a dataset, a plain array, or one number.
  public var doubles: [Double] {
    get throws {
      let data = ((value as? [String: Any])?["data"]) ?? value
      if let number = data as? NSNumber { return [number.doubleValue] }
      guard let list = data as? [Any] else { throw Failure.kind("\(path): not numbers") }
      return try list.map {
        guard let number = $0 as? NSNumber else { throw Failure.kind("\(path): not a number: \($0)") }
        return number.doubleValue
      }
    }
  }
  public var floats: [Float] { get throws { try doubles.map(Float.init) } }
  public var double: Double {
    get throws {
      guard let first = try doubles.first else { throw Failure.kind("\(path): empty") }
      return first
    }
  }
  public var float: Float { get throws { Float(try double) } }
  public var ints: [Int] { get throws { try doubles.map { Int($0) } } }
  public var int: Int { get throws { Int(try double) } }
  public var bool: Bool { get throws { try double != 0 } }
  public var isNull: Bool { value is NSNull }
  public var string: String {
    get throws {
      guard let text = value as? String else { throw Failure.kind("\(path): not a string") }
      return text
    }
  }
}
