import HTTPServer

/// The pods as the API server keeps them: every change has a resourceVersion, the newest changes are remembered for watches
/// that begin later, and every watch gets each change once.
struct PodStore {
  enum Change: String { case added = "ADDED", modified = "MODIFIED", deleted = "DELETED" }

  private struct Past {
    var resourceVersion: Int
    var change: Change
    var version: PodVersion
    /// The labels before, where they were others.
    var previousLabels: [String: String]?
  }

  private(set) var pods: [PodKey: PodVersion] = [:]
  private var sortedKeys: [PodKey]?
  /// A ring; the oldest at `pastStart`.
  private var past: [Past] = []
  private var pastStart = 0
  private let pastMaximum: Int
  /// Changes up to this one are forgotten.
  private(set) var forgotten = 0
  private(set) var watches: [Int: PodWatch] = [:]
  private var nextWatch = 0
  /// Lists that are being read in pages, oldest first.
  private var pages: [(resourceVersion: Int, pods: [PodVersion])] = []

  init(pastMaximum: Int = 8192) { self.pastMaximum = pastMaximum }

  /// By namespace and name.
  mutating func sorted() -> [PodVersion] {
    let keys = sortedKeys ?? pods.keys.sorted()
    sortedKeys = keys
    return keys.compactMap { pods[$0] }
  }

  // MARK: Changes

  /// Takes a pod's new version over and tells the watches.
  mutating func put(_ version: PodVersion) {
    let key = version.record.identity.key
    let old = pods.updateValue(version, forKey: key)
    if old == nil { sortedKeys = nil }
    let before = old?.record.labels
    note(
      Past(
        resourceVersion: version.record.resourceVersion, change: old == nil ? .added : .modified, version: version,
        previousLabels: before == version.record.labels ? nil : before))
  }

  /// - Parameter version: the pod's last words, with the resourceVersion of its end.
  mutating func remove(_ version: PodVersion) {
    pods[version.record.identity.key] = nil
    sortedKeys = nil
    note(
      Past(
        resourceVersion: version.record.resourceVersion, change: .deleted, version: version, previousLabels: nil))
  }

  private mutating func note(_ event: Past) {
    if past.count < pastMaximum {
      past.append(event)
    } else {
      forgotten = past[pastStart].resourceVersion
      past[pastStart] = event
      pastStart = (pastStart + 1) % pastMaximum
    }
    for (id, watch) in watches where !tell(watch, event) { end(id) }
  }

  /// Forgets all changes so far, as a compaction does.
  mutating func compact(to resourceVersion: Int) {
    past.removeAll()
    pastStart = 0
    pages.removeAll()
    forgotten = resourceVersion
  }

  // MARK: Watches

  private func tell(_ watch: PodWatch, _ event: Past) -> Bool {
    guard event.resourceVersion > watch.startsAfter, !watch.isStuck else { return true }
    let record = event.version.record
    let fits = watch.filter.matches(record)
    var change = event.change
    if change == .modified, let labels = event.previousLabels {
      var before = record
      before.labels = labels
      let fitted = watch.filter.matches(before)
      if fits != fitted { change = fits ? .added : .deleted } else if !fits { return true }
    } else if !fits {
      return true
    }
    return watch.send(change.rawValue, event.version)
  }

  /// - Parameter watch: begins after its `startsAfter`; changes since then are told at once.
  mutating func begin(_ watch: PodWatch) -> Int {
    let id = nextWatch
    nextWatch += 1
    for place in 0..<past.count {
      if !tell(watch, past[(pastStart + place) % past.count]) { return id }
    }
    watches[id] = watch
    return id
  }

  mutating func end(_ id: Int) { watches[id] = nil }

  // MARK: Pages

  mutating func keepPages(_ pods: [PodVersion], at resourceVersion: Int) {
    if pages.contains(where: { $0.resourceVersion == resourceVersion }) { return }
    pages.append((resourceVersion, pods))
    if pages.count > 8 { pages.removeFirst() }
  }

  func pages(at resourceVersion: Int) -> [PodVersion]? {
    pages.first { $0.resourceVersion == resourceVersion }?.pods
  }
}

/// Which pods a list or a watch is of.
struct PodFilter: Sendable {
  /// nil for all namespaces.
  var namespace: String?
  var labels = LabelSelector()
  var fields = FieldSelector()

  static let fields = [
    "metadata.name", "metadata.namespace", "spec.nodeName", "spec.restartPolicy", "spec.schedulerName",
    "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs",
    "status.nominatedNodeName",
  ]

  var isEverything: Bool { labels.requirements.isEmpty && fields.requirements.isEmpty }

  func matches(_ pod: PodRecord) -> Bool {
    if let namespace, pod.identity.namespace != namespace { return false }
    if !labels.requirements.isEmpty, !labels.matches(pod.labels) { return false }
    if fields.requirements.isEmpty { return true }
    return fields.matches { field in
      switch field {
      case "metadata.name": pod.identity.name
      case "metadata.namespace": pod.identity.namespace
      case "spec.nodeName": pod.identity.node
      case "spec.restartPolicy": "Always"
      case "spec.schedulerName": "default-scheduler"
      case "spec.serviceAccountName": "default"
      case "spec.hostNetwork": "false"
      case "status.phase": pod.phase
      case "status.podIP", "status.podIPs": pod.identity.podIP
      default: ""
      }
    }
  }
}

/// One client that follows pods.
final class PodWatch {
  let stream: ResponseStream
  let filter: PodFilter
  let shape: ObjectShape
  let startsAfter: Int
  let wantsBookmarks: Bool
  /// When the server ends it, seconds on the monotonic clock.
  let endsAt: Double
  var nextBookmark: Double
  /// Accepted, and never told anything again.
  var isStuck = false

  init(
    stream: ResponseStream, filter: PodFilter, shape: ObjectShape, startsAfter: Int, wantsBookmarks: Bool,
    endsAt: Double, nextBookmark: Double
  ) {
    self.stream = stream
    self.filter = filter
    self.shape = shape
    self.startsAfter = startsAfter
    self.wantsBookmarks = wantsBookmarks
    self.endsAt = endsAt
    self.nextBookmark = nextBookmark
  }

  /// - Returns: false when nobody reads any more.
  func send(_ type: String, _ version: PodVersion) -> Bool {
    var line: [UInt8] = []
    line.put("{\"type\":\"")
    line.put(type)
    line.put("\",\"object\":")
    shape.write(version, to: &line)
    line.put("}\n")
    return stream.write(line)
  }

  func bookmark(_ resourceVersion: Int, endsInitialEvents: Bool = false) {
    var line: [UInt8] = []
    line.put("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"\(shape.kind)\",\"apiVersion\":\"\(shape.apiVersion)\",")
    line.put("\"metadata\":{\"resourceVersion\":\"\(resourceVersion)\"")
    if endsInitialEvents { line.put(",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}") }
    line.put(shape == .full ? "},\"spec\":{\"containers\":null},\"status\":{}}}\n" : "}}}\n")
    stream.write(line)
  }
}

/// How a client wants objects to be written.
enum ObjectShape: Sendable, Equatable {
  case full
  /// Their metadata only.
  case partial
  /// As rows for people, kubectl's wish. The time is that of the request: ages count from there.
  case table(now: Double)

  var kind: String {
    switch self {
    case .full: "Pod"
    case .partial: "PartialObjectMetadata"
    case .table: "Table"
    }
  }

  var apiVersion: String { self == .full ? "v1" : "meta.k8s.io/v1" }

  func write(_ version: PodVersion, to out: inout [UInt8]) {
    switch self {
    case .full:
      out.put("{\"kind\":\"Pod\",\"apiVersion\":\"v1\",")
      out.append(contentsOf: version.bytes)
    case .partial: version.writePartial(to: &out)
    case .table(let now):
      PodTable.open(&out, resourceVersion: version.record.resourceVersion)
      PodTable.row(version, now: now, &out)
      out.put("]}")
    }
  }
}
