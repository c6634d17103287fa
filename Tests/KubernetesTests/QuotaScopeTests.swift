import Foundation
import Testing

@testable import Kubernetes

@Suite("Scopes of quotas")
struct QuotaScopeTests {
  private static func quota(_ spec: String) throws -> ResourceQuota {
    try JSONDecoder().decode(
      ResourceQuota.self, from: Data("{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{},\(spec)}}".utf8))
  }

  private static func selector(_ name: String, _ sign: String, _ values: String = "") -> String {
    "\"scopeSelector\":{\"matchExpressions\":[{\"scopeName\":\"\(name)\",\"operator\":\"\(sign)\",\"values\":[\(values)]}]}"
  }

  private static func pod(_ spec: String) throws -> Pod {
    try JSONDecoder().decode(
      Pod.self, from: Data("{\"metadata\":{\"name\":\"a\"},\"spec\":{\(spec)},\"status\":{}}".utf8))
  }

  private static let burstable = "\"containers\":[{\"name\":\"a\",\"resources\":{\"requests\":{\"cpu\":\"1\"}}}]"
  private static let withClass = burstable + ",\"priorityClassName\":\"high\""
  private static let withDeadline = burstable + ",\"activeDeadlineSeconds\":60"
  private static let withNeighbours =
    burstable
    + ",\"affinity\":{\"podAntiAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":1,"
    + "\"podAffinityTerm\":{\"topologyKey\":\"zone\",\"namespaceSelector\":{}}}]}}"

  @Test(
    "a quota counts the pods that are in all of its scopes",
    arguments: [
      ("\"scopes\":[]", [true, true, true, true, true]),
      ("\"scopes\":[\"Terminating\"]", [false, false, false, true, false]),
      ("\"scopes\":[\"NotTerminating\"]", [true, true, true, false, true]),
      ("\"scopes\":[\"BestEffort\"]", [true, false, false, false, false]),
      ("\"scopes\":[\"NotBestEffort\"]", [false, true, true, true, true]),
      ("\"scopes\":[\"NotBestEffort\",\"Terminating\"]", [false, false, false, true, false]),
      ("\"scopes\":[\"PriorityClass\"]", [false, false, true, false, false]),
      ("\"scopes\":[\"CrossNamespacePodAffinity\"]", [false, false, false, false, true]),
      ("\"scopes\":[\"VolumeAttributesClass\"]", [false, false, false, false, false]),
      (selector("Terminating", "Exists"), [false, false, false, true, false]),
      (selector("PriorityClass", "In", "\"low\",\"high\""), [false, false, true, false, false]),
      (selector("PriorityClass", "In", "\"low\""), [false, false, false, false, false]),
      (selector("PriorityClass", "NotIn", "\"high\""), [true, true, false, true, true]),
      (selector("PriorityClass", "Exists"), [false, false, true, false, false]),
      (selector("PriorityClass", "DoesNotExist"), [true, true, false, true, true]),
    ])
  func counts(_ scopes: String, _ expected: [Bool]) throws {
    let quota = try Self.quota(scopes)
    let specs = [
      "\"containers\":[{\"name\":\"a\"}]", Self.burstable, Self.withClass, Self.withDeadline, Self.withNeighbours,
    ]
    #expect(try specs.map { quota.counts(try Self.pod($0)) } == expected)
  }

  @Test("a pod that names no other namespace has no affinity across namespaces")
  func ownNamespace() throws {
    let pod = try Self.pod(
      Self.burstable + ",\"affinity\":{\"podAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"
        + "[{\"topologyKey\":\"zone\",\"labelSelector\":{\"matchLabels\":{\"a\":\"b\"}}}]}}")
    #expect(try !Self.quota("\"scopes\":[\"CrossNamespacePodAffinity\"]").counts(pod))
  }
}
