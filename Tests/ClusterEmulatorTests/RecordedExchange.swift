import Foundation
import Kubernetes

@testable import ClusterEmulator

/// One exchange with a real 1.36 API server, and the emulated cluster to ask the same of.
struct RecordedExchange: Decodable {
  struct Request: Decodable {
    var method: String
    var path: String
    var headers: [String: String]?
    var body: String?
  }
  struct Response: Decodable {
    var status: Int
    var headers: [String: String]
    var body: String?
    /// The file beside the exchange that holds a long body.
    var bodyFile: String?
  }
  var request: Request
  var response: Response

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("KubernetesTests/Fixtures")

  init(_ name: String) throws {
    let file = Self.folder.appendingPathComponent(name + ".json")
    self = try JSONDecoder().decode(RecordedExchange.self, from: Data(contentsOf: file))
    if let other = response.bodyFile {
      response.body = try String(
        contentsOf: file.deletingLastPathComponent().appendingPathComponent(other), encoding: .utf8)
    }
  }

  /// With the emulated node in the place of the recorded one.
  var json: JSON {
    (try? JSON(parsing: Array((response.body ?? "").replacing("node-a", with: "node-0").utf8))) ?? .null
  }

  static let tokens = [
    "admin": EmulatedUser("admin", mayWrite: true),
    "reader": EmulatedUser("system:serviceaccount:default:reader", mayWrite: false),
    // Knows its own namespace only, and resizes pods without changing them otherwise.
    "marlise": EmulatedUser(
      "system:serviceaccount:default:marlise", mayWrite: true, lacks: ["patch:pods", "list:pods", "watch:pods"]),
  ]

  /// The pods of the recordings.
  static func cluster(for name: String) throws -> EmulatedCluster {
    let isQuota = name.hasPrefix("quota/")
    var configuration = try Emulated.configuration(pods: [
      Emulated.pod("localization-api1", cpu: ("500m", "500m"), simulated: 0),
      Emulated.pod("localization-api2", cpu: ("500m", "500m"), simulated: 1),
      Emulated.pod("localization-api3", cpu: ("500m", "500m"), simulated: 2),
      Emulated.pod("localization-burst", cpu: ("400m", "200m"), memory: ("128Mi", "64Mi")),
      Emulated.pod("requests", cpu: ("200m", "100m"), memory: ("128Mi", "64Mi")),
      Emulated.pod("localization-api1", cpu: ("200m", "200m"), namespace: "limited"),
    ])
    var plain = PodTemplate("plain", containers: [.init("localization-api")])
    plain.labels = ["app": "plain"]
    configuration.pods.append(plain)
    configuration.users = tokens
    if isQuota, name.contains("limit-range") {
      configuration.limitRanges = [
        LimitRangeRule(
          namespace: "limited", name: "cpu", minimum: try Quantity("100m"), maximum: try Quantity("350m"))
      ]
    } else if isQuota {
      configuration.quotas = [
        QuotaRule(namespace: "limited", name: "cpu", limits: try Quantity("300m"), requests: try Quantity("300m"))
      ]
    }
    return try EmulatedCluster(configuration)
  }

  /// The recorded request, sent to the emulated cluster by the account that sent it then.
  func ask(_ cluster: EmulatedCluster, name: String) throws -> EmulatedCluster.Answer {
    var account = "admin"
    for user in Self.tokens where json["message"]?.text?.contains("User \"\(user.value.name)\"") == true {
      account = user.key
    }
    return try cluster.send(
      request.method, request.path.replacing("node-a", with: "node-0"), request.body ?? "",
      type: request.headers?["Content-Type"] ?? "", token: account,
      accept: request.headers?["Accept"] ?? "application/json")
  }
}
