/// Pods as the table that `kubectl get pods` asks for.
enum PodTable {
  private static let columns: [(name: String, format: String, priority: Int)] = [
    ("Name", "name", 0), ("Ready", "", 0), ("Status", "", 0), ("Restarts", "", 0), ("Age", "", 0), ("IP", "", 1),
    ("Node", "", 1), ("Nominated Node", "", 1), ("Readiness Gates", "", 1),
  ]

  /// Up to the bracket that opens the rows.
  static func open(_ out: inout [UInt8], resourceVersion: Int) {
    out.put("{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{\"resourceVersion\":\"")
    out.put(resourceVersion)
    out.put("\"},\"columnDefinitions\":[")
    for (place, column) in columns.enumerated() {
      if place > 0 { out.append(UInt8(ascii: ",")) }
      out.put(
        "{\"name\":\"\(column.name)\",\"type\":\"string\",\"format\":\"\(column.format)\",\"description\":\"\","
          + "\"priority\":\(column.priority)}")
    }
    out.put("],\"rows\":[")
  }

  static func row(_ version: PodVersion, now: Double, _ out: inout [UInt8]) {
    let pod = version.record
    let count = pod.identity.containers.count
    let restarts = pod.containers.reduce(0) { $0 + $1.restarts }
    let cells = [
      pod.identity.name, "\(pod.isReady ? count : 0)/\(count)", pod.deletion == nil ? pod.phase : "Terminating",
      "\(restarts)", age(now - (APITime.seconds(pod.identity.created) ?? now)), pod.identity.podIP, pod.identity.node,
      "<none>", "<none>",
    ]
    out.put("{\"cells\":[")
    for (place, cell) in cells.enumerated() {
      if place > 0 { out.append(UInt8(ascii: ",")) }
      out.putQuoted(cell)
    }
    out.put("],\"object\":")
    version.writePartial(to: &out)
    out.append(UInt8(ascii: "}"))
  }

  /// As kubectl shortens durations: `45s`, `2m27s`, `3h`, `4d`.
  static func age(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "0s" }
    let whole = Int(seconds)
    if whole < 120 { return "\(whole)s" }
    if whole < 600 { return whole % 60 == 0 ? "\(whole / 60)m" : "\(whole / 60)m\(whole % 60)s" }
    if whole < 3 * 3600 { return "\(whole / 60)m" }
    return whole < 48 * 3600 ? "\(whole / 3600)h" : "\(whole / 86_400)d"
  }
}

extension PodVersion {
  func writePartial(to out: inout [UInt8]) {
    out.put("{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",")
    out.append(contentsOf: metadataBytes)
    out.append(UInt8(ascii: "}"))
  }
}
