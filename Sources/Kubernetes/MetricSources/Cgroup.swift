import Autoscaling
import FoundationEssentials
import Glibc
import Synchronization

/// The node's own cgroup files: the only source that is fresh at any time. Read where an agent runs on the node with
/// `/sys/fs/cgroup` mounted; containers are found by their identifiers, wherever the kubelet's driver has put them.
public final class CgroupSource: MetricSource {
  public var name: String { "cgroup" }
  private let tree: CgroupTree
  private let now: @Sendable () -> Double

  private struct Folders {
    /// By container identifier.
    var known: [String: String] = [:]
    /// Identifiers that the last search did not find: containers of other nodes, as a rule.
    var missing: Set<String> = []
    var searchedAt = -Double.infinity
  }
  private let folders = Mutex(Folders())

  /// Seconds after which what was not found is searched for again. A search walks through the whole tree, which is too much
  /// for every round.
  static let searchInterval = 30.0

  /// - Parameters:
  ///   - root: where the cgroup file system is mounted.
  ///   - now: seconds on a clock that does not go back.
  /// - Throws: `ClusterError` of kind `.configuration` where there is none.
  public init(
    root: String = "/sys/fs/cgroup", now: @escaping @Sendable () -> Double = Pacing.system.now
  ) throws(ClusterError) {
    tree = try CgroupTree(root: root)
    self.now = now
  }

  /// Folders of these containers, as far as they are on this node.
  private func find(_ ids: Set<String>) -> [String: String] {
    folders.withLock { folders in
      folders.known = folders.known.filter { ids.contains($0.key) && tree.exists($0.value) }
      let missing = ids.subtracting(folders.known.keys)
      let time = now()
      if !missing.isSubset(of: folders.missing) || !missing.isEmpty && time - folders.searchedAt >= Self.searchInterval
      {
        folders.known.merge(tree.find(missing)) { $1 }
        folders.searchedAt = time
      }
      folders.missing = missing.subtracting(folders.known.keys)
      return folders.known
    }
  }

  public func read(_ pods: [SelectedPod]) throws(ClusterError) -> MetricSnapshot {
    var snapshot = MetricSnapshot()
    let found = find(Set(pods.map(\.containerID).filter { !$0.isEmpty }))
    for (id, folder) in found {
      // A container may end between finding and reading.
      if let counters = tree.counters(folder) {
        snapshot.readings[.id(id)] = .counters(counters)
      } else {
        snapshot.unreadable += 1
      }
    }
    return snapshot
  }
}

/// A mounted cgroup file system, version 2 or 1.
public struct CgroupTree: Sendable {
  public enum Version: Sendable { case one, two }

  public let root: String
  public let version: Version

  public init(root: String) throws(ClusterError) {
    self.root = root
    if access(root + "/cgroup.controllers", R_OK) == 0 {
      version = .two
    } else if access(root + "/cpu", R_OK) == 0 || access(root + "/cpu,cpuacct", R_OK) == 0 {
      version = .one
    } else {
      throw ClusterError(
        .configuration, operation: "read cgroups",
        message: "\(root) is no cgroup file system; is it mounted into the pod?")
    }
  }

  /// Version 1 keeps a tree for each controller.
  private func controller(_ names: [String]) -> String {
    if version == .two { return root }
    return names.map { root + "/" + $0 }.first { access($0, R_OK) == 0 } ?? root
  }

  private var cpuRoot: String { controller(["cpu,cpuacct", "cpu"]) }

  func exists(_ folder: String) -> Bool { access(cpuRoot + "/" + folder, R_OK) == 0 }

  /// Folders of containers, relative to the controller's root, by identifier. Only subtrees of pods are searched in full.
  ///
  /// The order of a folder's entries is the file system's and says nothing: they are looked at in the order of their names,
  /// those that hold pods first, and the first that bears an identifier counts.
  public func find(_ ids: Set<String>) -> [String: String] {
    var found: [String: String] = [:]
    search(cpuRoot, "", depth: 0, isInsidePods: false, ids, &found)
    return found
  }

  private func search(
    _ root: String, _ path: String, depth: Int, isInsidePods: Bool, _ ids: Set<String>, _ found: inout [String: String]
  ) {
    guard depth < 10, found.count < ids.count else { return }
    for name in Self.folders(in: path.isEmpty ? root : root + "/" + path) {
      let child = path.isEmpty ? name : path + "/" + name
      if let id = CadvisorAPI.containerID(cgroup: name), ids.contains(id) {
        if found[id] == nil { found[id] = child }
      } else {
        // Above the pods there are few folders; nested set-ups put a prefix before "kubepods".
        let isPods = isInsidePods || Self.holdsPods(name)
        if isPods || depth < 3 { search(root, child, depth: depth + 1, isInsidePods: isPods, ids, &found) }
      }
    }
  }

  private static func holdsPods(_ name: String) -> Bool { name.contains("kubepods") }

  /// Names of the folders in a folder: those that hold pods first, each kind in the order of the names.
  private static func folders(in path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { holdsPods($0) == holdsPods($1) ? $0 < $1 : holdsPods($0) }
  }

  /// The counters of one cgroup, stamped with the time of reading; nil when it is gone.
  public func counters(_ folder: String) -> ContainerCounters? {
    func file(_ controller: String, _ name: String) -> Data? { try? readFile(controller + "/" + folder + "/" + name) }
    let cpu = cpuRoot
    guard let stat = file(cpu, "cpu.stat") else { return nil }
    let time = Timestamp.now
    switch version {
    case .two:
      return CgroupFiles.version2(
        time: time, cpuStat: stat, cpuMax: file(cpu, "cpu.max"), memoryCurrent: file(cpu, "memory.current"),
        memoryStat: file(cpu, "memory.stat"), memoryEvents: file(cpu, "memory.events"),
        cpuPressure: file(cpu, "cpu.pressure"), memoryPressure: file(cpu, "memory.pressure"))
    case .one:
      let memory = controller(["memory"])
      guard let usage = file(controller(["cpu,cpuacct", "cpuacct"]), "cpuacct.usage") else { return nil }
      return CgroupFiles.version1(
        time: time, cpuStat: stat, cpuUsage: usage, quota: file(cpu, "cpu.cfs_quota_us"),
        period: file(cpu, "cpu.cfs_period_us"), memoryUsage: file(memory, "memory.usage_in_bytes"),
        memoryStat: file(memory, "memory.stat"))
    }
  }
}

/// The contents of cgroup files. Pure.
public enum CgroupFiles {
  /// The number after `key` in `key value` lines. Scans the bytes: `memory.stat` has forty lines, of which one is wanted.
  static func value(_ key: StaticString, in data: Data?) -> Int64? {
    data?.withUnsafeBytes { raw -> Int64? in
      let bytes = raw.bindMemory(to: UInt8.self)
      guard let base = bytes.baseAddress else { return nil }
      let length = key.utf8CodeUnitCount
      var start = 0
      while start + length < bytes.count {
        if bytes[start + length] == 32, memcmp(base + start, key.utf8Start, length) == 0 {
          return digits(bytes[(start + length + 1)...])
        }
        guard let end = memchr(base + start, 10, bytes.count - start) else { return nil }
        start = UnsafeRawPointer(base).distance(to: end) + 1
      }
      return nil
    }
  }

  /// Digits up to the end of the line; capped at what fits. nil for anything else.
  private static func digits(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int64? {
    var value: Int64 = 0
    var hasDigits = false
    for byte in bytes {
      if byte == 10 { break }
      guard byte >= 48, byte <= 57 else { return nil }
      hasDigits = true
      let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
      let (next, carry) = scaled.addingReportingOverflow(Int64(byte - 48))
      value = overflow || carry ? .max : next
    }
    return hasDigits ? value : nil
  }

  static func number(_ data: Data?) -> Int64? {
    data.flatMap { Int64(Credentials.trimmed($0)) }
  }

  /// `total` of the `some` line of a pressure file, nanoseconds.
  static func pressure(_ data: Data?) -> Int64? {
    guard let data else { return nil }
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where line.hasPrefix("some ") {
      guard let total = line.split(separator: " ").last, total.hasPrefix("total="),
        let value = Int64(total.dropFirst(6))
      else { return nil }
      return nanoseconds(value)
    }
    return nil
  }

  private static func nanoseconds(_ microseconds: Int64) -> Int64? {
    let (value, overflow) = microseconds.multipliedReportingOverflow(by: 1000)
    return overflow ? nil : value
  }

  /// Memory that cannot be given back at once: usage less the file cache that nobody has touched lately.
  private static func workingSet(_ usage: Int64?, _ inactiveFile: Int64?) -> Int {
    max(0, Int((usage ?? 0) &- (inactiveFile ?? 0)))
  }

  /// - Returns: nil when `cpu.stat` has no usage.
  public static func version2(
    time: Timestamp, cpuStat: Data, cpuMax: Data?, memoryCurrent: Data?, memoryStat: Data?, memoryEvents: Data?,
    cpuPressure: Data?, memoryPressure: Data?
  ) -> ContainerCounters? {
    guard let used = value("usage_usec", in: cpuStat).flatMap(nanoseconds) else { return nil }
    var counters = ContainerCounters(time: time, cpuNanoseconds: used)
    counters.periods = value("nr_periods", in: cpuStat)
    counters.throttledPeriods = value("nr_throttled", in: cpuStat)
    counters.throttledNanoseconds = value("throttled_usec", in: cpuStat).flatMap(nanoseconds)
    counters.cpuPressureNanoseconds = pressure(cpuPressure)
    counters.memoryPressureNanoseconds = pressure(memoryPressure)
    counters.outOfMemoryKills = value("oom_kill", in: memoryEvents)
    counters.memory = workingSet(number(memoryCurrent), value("inactive_file", in: memoryStat))
    // "max 100000" means no limit.
    let words = cpuMax.map { Credentials.trimmed($0).split(separator: " ") } ?? []
    if words.count == 2, let quota = Int64(words[0]), let period = Int64(words[1]) {
      counters.limit = cpuLimit(quota: quota, period: period)
    }
    return counters
  }

  /// - Returns: nil when the usage is no number.
  public static func version1(
    time: Timestamp, cpuStat: Data, cpuUsage: Data, quota: Data?, period: Data?, memoryUsage: Data?, memoryStat: Data?
  ) -> ContainerCounters? {
    guard let used = number(cpuUsage) else { return nil }
    var counters = ContainerCounters(time: time, cpuNanoseconds: used)
    counters.periods = value("nr_periods", in: cpuStat)
    counters.throttledPeriods = value("nr_throttled", in: cpuStat)
    // Version 1 counts nanoseconds here.
    counters.throttledNanoseconds = value("throttled_time", in: cpuStat)
    counters.memory = workingSet(number(memoryUsage), value("total_inactive_file", in: memoryStat))
    counters.limit = cpuLimit(quota: number(quota) ?? 0, period: number(period) ?? 0)
    return counters
  }
}
