import Foundation

@testable import Kubernetes

/// A recorded exchange with a Kubernetes 1.36 API server and kubelet: `Fixtures/<folder>/<name>.json`.
struct Fixture {
  var path: String
  var status: Int
  var headers: [String: String]
  var body: Data
  var requestMethod: String
  var requestPath: String
  var requestBody: Data

  struct Recording: Decodable {
    struct Request: Decodable {
      var method: String
      var path: String
      var body: String?
    }
    struct Response: Decodable {
      var status: Int
      var headers: [String: String]
      var body: String?
      var bodyFile: String?
    }
    var request: Request
    var response: Response
  }

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

  static func load(_ path: String) throws -> Fixture {
    let file = folder.appendingPathComponent(path + ".json")
    let recording = try JSONDecoder().decode(Recording.self, from: Data(contentsOf: file))
    let body: Data
    if let name = recording.response.bodyFile {
      body = try Data(contentsOf: file.deletingLastPathComponent().appendingPathComponent(name))
    } else {
      body = Data((recording.response.body ?? "").utf8)
    }
    return Fixture(
      path: path, status: recording.response.status,
      headers: Dictionary(
        recording.response.headers.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { $1 }),
      body: body, requestMethod: recording.request.method, requestPath: recording.request.path,
      requestBody: Data((recording.request.body ?? "").utf8))
  }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: body)
  }

  /// The lines of a watch.
  func lines() -> [Data] { body.split(separator: 10).map { Data($0) } }
}
