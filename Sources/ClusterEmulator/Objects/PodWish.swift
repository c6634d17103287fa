import Kubernetes

/// What a patched pod asks for, read back from its JSON: only what a client may mean to change.
struct PodWish {
  struct Container {
    var name: String
    var hasImage: Bool
    var resources: Resources
  }

  var resourceVersion: String
  var uid: String
  var labels: [String: String]
  var annotations: [String: String]
  var containers: [Container]
  /// Fields of the patch that no pod has, as paths.
  var unknownFields: [String] = []

  /// - Throws: the sentence about the first value that does not parse.
  init(_ pod: JSON) throws(QuantityError) {
    resourceVersion = pod.at("metadata", "resourceVersion")?.text ?? ""
    uid = pod.at("metadata", "uid")?.text ?? ""
    labels = pod.at("metadata", "labels")?.stringValues ?? [:]
    annotations = pod.at("metadata", "annotations")?.stringValues ?? [:]
    containers = []
    for container in pod.at("spec", "containers")?.items ?? [] {
      var resources = Resources()
      resources.limits = try Self.amounts(container.at("resources", "limits"))
      resources.requests = try Self.amounts(container.at("resources", "requests"))
      containers.append(
        Container(
          name: container["name"]?.text ?? "", hasImage: container["image"]?.text?.isEmpty == false,
          resources: resources))
    }
  }

  private static func amounts(_ json: JSON?) throws(QuantityError) -> Amounts {
    var amounts = Amounts()
    for member in json?.members ?? [] {
      switch member.value {
      case .string(let text):
        // The server trims what surrounds a quantity, but nothing inside.
        amounts[member.name] = try Quantity(trimmed(text))
      case .number(let text): amounts[member.name] = try Quantity(text)
      case .null: continue
      default: amounts[member.name] = try Quantity(member.value.goText)
      }
    }
    // The API keeps whole millicores, rounded up.
    if let cpu = amounts.cpu, Quantity(millicores: cpu.millicores) != cpu {
      amounts.cpu = Quantity(millicores: cpu.millicores)
    }
    return amounts
  }

  private static func trimmed(_ text: String) -> String {
    var bytes = Array(text.utf8)[...]
    while let first = bytes.first, first == 32 { bytes.removeFirst() }
    while let last = bytes.last, last == 32 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Fields below `spec.containers[*].resources` that the API does not know, as clients with `fieldValidation` see them.
  static func unknownFields(_ patch: JSON) -> [String] {
    var unknown: [String] = []
    for (place, container) in (patch.at("spec", "containers")?.items ?? []).enumerated() {
      for member in container["resources"]?.members ?? []
      where !["limits", "requests", "claims"].contains(member.name) {
        unknown.append("spec.containers[\(place)].resources.\(member.name)")
      }
    }
    for member in patch.members where !["apiVersion", "kind", "metadata", "spec", "status"].contains(member.name) {
      unknown.append(member.name)
    }
    return unknown
  }
}
