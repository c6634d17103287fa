import Foundation
import Kubernetes
import Testing

@testable import ClusterEmulator

/// Objects as the client's model reads them, flattened to be compared with recorded ones.
enum RecordedFields {
  /// What differs from cluster to cluster and says nothing: identities, times, addresses, what pods are made of.
  private static let identities = [
    "uid", "resourceVersion", "generation", "observedGeneration", "creationTimestamp", "startTime", "startedAt",
    "lastTransitionTime", "podIP", "hostIP", "containerID", "image", "nodeName", "annotations", "labels",
    "ownerReferences", "acquireTime", "firstTimestamp", "lastTimestamp",
  ]

  /// The fields of an object that the client's model reads, by path.
  static func of<Object: Codable>(_ text: String, as type: Object.Type) throws -> [String: String] {
    let object = try JSONDecoder().decode(type, from: Data(text.utf8))
    let encoded = try JSON(parsing: Array(try JSONEncoder().encode(object)))
    var flat: [String: String] = [:]
    func walk(_ value: JSON, _ path: String) {
      switch value {
      // Of what all containers together have, the client reads only whether the node tells it.
      case _ where path == ".status.resources": flat[path] = "told"
      case .object(let members):
        for member in members where !identities.contains(member.name) { walk(member.value, path + "." + member.name) }
      case .array(let items):
        for (index, item) in items.enumerated() {
          walk(item, path + "[" + (item["type"]?.text ?? item["name"]?.text ?? String(index)) + "]")
        }
      case .string(let text) where path.hasSuffix(".message"):
        // How much memory is used is the cluster's own.
        flat[path] = text.firstRange(of: "below current usage").map { String(text[..<$0.upperBound]) } ?? text
      default: flat[path] = "\(value)"
      }
    }
    walk(encoded, "")
    return flat
  }

  static func expectEqual(_ answer: [String: String], _ recorded: [String: String], _ name: String = "") {
    for path in Set(answer.keys).union(recorded.keys).sorted() {
      #expect(answer[path] == recorded[path], "\(name) \(path)")
    }
  }

  /// A pod's fields, and how far the node's view is behind what is wanted.
  static func ofPod(_ text: String) throws -> [String: String] {
    let pod = try JSONDecoder().decode(Pod.self, from: Data(text.utf8))
    var fields = try of(text, as: Pod.self)
    fields["behind"] = "\(pod.metadata.generation - pod.status.observedGeneration)"
    return fields
  }
}
