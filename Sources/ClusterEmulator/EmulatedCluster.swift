import Autoscaling
import Foundation
import HTTPServer
import Kubernetes
import PodSimulation
import RandomStreams

/// The cluster without its server: objects, kubelets, simulation, clock. Calls may come from any thread; everything below
/// "State" is touched with `lock` held only.
///
/// The simulation itself runs under a lock of its own, so that a second of ten thousand pods does not stop the API.
public final class EmulatedCluster: @unchecked Sendable {
  public let configuration: EmulatorConfiguration
  /// When time 0 was, seconds since 1970.
  let epoch: Double
  private let started: Double
  let rendering: PodRendering
  private let lock = NSLock()
  private let simulating = NSLock()
  private let simulation: Simulation
  /// By simulated pod.
  private let podKeys: [Int: PodKey]

  // State
  var store: PodStore
  var agenda = Agenda()
  var metrics: MetricStore
  var objects = ObjectStore()
  var resourceVersion = 1
  var writes: [Simulation.Write] = []
  /// The limit that the kubelet gave each simulated pod's container last, whether it is reported yet or not.
  var written: [Int: Int] = [:]
  private var latencies: [RandomStream]
  /// Draws that only the outside sees: identifiers, delays of a real clock.
  var random: RandomStream
  /// Seconds of simulation that have passed.
  private(set) var time = 0
  /// By node: requests that the kubelet has admitted.
  var admitted: [String: NodeUse] = [:]
  /// Pods whose resize waits for room, by node, in the order in which they began to wait.
  var waiting: [String: [PodKey]] = [:]

  var faults: FaultState

  struct NodeUse {
    var cpu = 0
    var memory = 0
  }

  /// Time 0 of a virtual clock: 2026-01-01T00:00:00Z.
  static let virtualEpoch = 1_767_225_600.0

  /// - Throws: `SimulationError` when the simulated pods are not possible.
  public init(_ configuration: EmulatorConfiguration) throws {
    self.configuration = configuration
    var silent = configuration.simulation
    silent.resizeLatency = .init(0, 0)
    silent.metrics = .direct
    simulation = try Simulation(silent, workload: configuration.workload)
    epoch = configuration.clock == .real ? Self.wallTime() : Self.virtualEpoch
    started = Self.monotonicTime()
    rendering = PodRendering(version: configuration.version)
    podKeys = Dictionary(
      configuration.pods.compactMap { pod in
        pod.simulated.map { ($0, PodKey(namespace: pod.namespace, name: pod.name)) }
      }, uniquingKeysWith: { first, _ in first })
    store = PodStore(pastMaximum: max(8192, 4 * configuration.pods.count))
    let seed = configuration.simulation.seed
    random = RandomStream(seed: seed, purpose: "emulator")
    latencies = (0..<silent.pods.count).map { RandomStream(seed: seed, purpose: "resize latency", $0, 0) }
    faults = FaultState(configuration.faults, seed: seed)
    metrics = MetricStore(configuration, pods: silent.pods.count)
    for pod in 0..<silent.pods.count { metrics.counters[pod].limit = silent.pods[pod].limit }
    withLock {
      createNamespaces()
      for template in configuration.pods
      where template.simulated.map({ isPresent($0, at: 0) }) ?? true {
        create(template)
      }
    }
  }

  func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body()
  }

  // MARK: Time

  static func monotonicTime() -> Double { read(CLOCK_MONOTONIC) }
  static func wallTime() -> Double { read(CLOCK_REALTIME) }

  private static func read(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Seconds since the emulation began.
  var now: Double {
    configuration.clock == .real ? Self.monotonicTime() - started : Double(time)
  }

  /// The time of day in the cluster.
  var today: String { APITime.text(epoch + now) }

  func nextResourceVersion() -> Int {
    resourceVersion += 1
    return resourceVersion
  }

  /// Does what is due on a real clock: kubelets, and simulated seconds that have passed.
  ///
  /// - Returns: seconds until there is something to do again.
  func catchUp() -> Double {
    while withLock({ Double(time + 1) <= now }) { step() }
    return withLock {
      runKubelets()
      return max(min(Double(time + 1), agenda.nextTime ?? .infinity) - now, 0)
    }
  }

  /// Lets one second pass: limits are written, pods run, counters are read.
  public func step() {
    simulating.withLock {
      var (due, counters) = withLock { () -> ([Simulation.Write], [Counters]) in
        runKubelets()
        beginSecond()
        let due = writes
        writes.removeAll(keepingCapacity: true)
        return (due, metrics.counters)
      }
      // Within one instant the order of writes to different pods does not matter; to one pod it is kept.
      let inForce = simulation.advance(due, counters: &counters)
      due.removeAll()
      for write in inForce {
        if let pod = podKeys[write.pod] { noteInForce(write.limit, pod: pod, at: write.at) }
      }
      withLock {
        time += 1
        metrics.take(counters, at: time, isStale: time <= faults.staleUntil, isLying: time <= faults.lyingUntil)
        beginFaults()
        runKubelets()
      }
    }
  }

  /// The second so many from now, with the lock held.
  func seconds(after count: Int) -> Int { time + count }

  /// Seconds of simulation that have passed.
  public var seconds: Int { withLock { time } }

  /// The limits in force, by simulated pod, millicores.
  public var limits: [Millicores] { withLock { metrics.counters.map(\.limit) } }

  // MARK: Pods come and go

  private func isPresent(_ pod: Int, at second: Int) -> Bool {
    let schedules = configuration.simulation.schedules
    return schedules.indices.contains(pod) ? schedules[pod].isPresent(at: second) : true
  }

  /// Pods that arrive, restart or leave at the beginning of the second to come.
  private func beginSecond() {
    let schedules = configuration.simulation.schedules
    if schedules.isEmpty || time == 0 { return }
    for template in configuration.pods {
      guard let pod = template.simulated, schedules.indices.contains(pod) else { continue }
      let schedule = schedules[pod]
      if schedule.start == time {
        create(template)
        written[pod] = nil
        metrics.forget(pod, limit: configuration.simulation.pods[pod].limit)
        writes.append(
          Simulation.Write(pod: pod, limit: configuration.simulation.pods[pod].limit, at: Double(time)))
      } else if schedule.end == time {
        delete(PodKey(namespace: template.namespace, name: template.name))
      } else if schedule.restarts.contains(time) {
        restartContainer(0, of: PodKey(namespace: template.namespace, name: template.name))
      }
    }
  }

  private func create(_ template: PodTemplate) {
    let resources = template.containers.map { container in
      var resources = Resources()
      for (name, value) in container.limits { resources.limits[name] = value }
      for (name, value) in container.requests { resources.requests[name] = value }
      // A limit without a request is its own request.
      for name in resources.limits.names where resources.requests[name] == nil {
        resources.requests[name] = resources.limits[name]
      }
      return resources
    }
    let node = EmulatorConfiguration.nodeName(template.node)
    let place = template.simulated ?? 60_000
    let identity = PodIdentity(
      name: template.name, namespace: template.namespace, uid: newUID(), node: node,
      hostIP: Self.nodeAddress(template.node), podIP: "10.\(64 + place >> 16 & 63).\(place >> 8 & 255).\(place & 255)",
      created: today,
      containers: template.containers.map {
        PodIdentity.Container(
          name: $0.name, image: $0.image, restartsOnCPU: $0.restartsOnCPU, restartsOnMemory: $0.restartsOnMemory)
      },
      qualityOfService: qualityOfService(resources), simulated: template.simulated, owner: template.owner,
      ownerUID: template.owner.isEmpty ? "" : ownerUID(template.owner), priorityClass: template.priority)
    var record = PodRecord(
      identity: identity, labels: template.labels, annotations: template.annotations, desired: resources,
      allocated: resources, actual: resources,
      containers: template.containers.map { _ in PodRecord.ContainerState(id: newContainerID(), startedAt: today) },
      readySince: today)
    record.resourceVersion = nextResourceVersion()
    count(record.allocated, on: node, sign: 1)
    store.put(PodVersion(record, rendering: rendering))
    if let pod = template.simulated {
      noteInForce(configuration.simulation.pods[pod].limit, pod: record.identity.key, at: Double(time))
    }
  }

  private func delete(_ key: PodKey) {
    guard var record = store.pods[key]?.record else { return }
    if record.identity.simulated != nil { noteInForce(0, pod: key, at: Double(time)) }
    record.generation += 1
    record.deletion = today
    record.resourceVersion = nextResourceVersion()
    store.put(PodVersion(record, rendering: rendering))
    record.resourceVersion = nextResourceVersion()
    count(record.allocated, on: record.identity.node, sign: -1)
    waiting[record.identity.node]?.removeAll { $0 == key }
    store.remove(PodVersion(record, rendering: rendering))
    retryWaiting(on: record.identity.node)
  }

  func restartContainer(_ place: Int, of key: PodKey) {
    guard let pod = store.pods[key]?.record.identity.simulated else { return }
    update(key) { record in
      let old = record.containers[place]
      record.containers[place] = PodRecord.ContainerState(
        id: newContainerID(), startedAt: today, restarts: old.restarts + 1, lastEnd: (old.id, old.startedAt, today))
    }
    // A new container has a new cgroup: its counters begin at 0.
    if place == 0 { metrics.forget(pod, limit: metrics.counters[pod].limit) }
  }

  /// Changes a pod and tells everybody.
  func update(_ key: PodKey, _ change: (inout PodRecord) -> Void) {
    guard var record = store.pods[key]?.record else { return }
    change(&record)
    record.resourceVersion = nextResourceVersion()
    store.put(PodVersion(record, rendering: rendering))
  }

  func count(_ resources: [Resources], on node: String, sign: Int) {
    let total = resources.count == 1 ? resources[0].requests : Resources.sum(resources).requests
    admitted[node, default: NodeUse()].cpu += sign * min(total.cpu?.millicores ?? 0, 1 << 40)
    admitted[node, default: NodeUse()].memory += sign * min(total.memory?.units ?? 0, 1 << 50)
  }

  // MARK: Draws and names

  /// Seconds that the runtime takes to apply a resize: as a rollout with this latency draws them.
  func drawLatency(_ pod: Int?) -> Double {
    let range = configuration.simulation.resizeLatency
    guard range.to > 0 else { return 0 }
    guard let pod, latencies.indices.contains(pod) else { return range.from }
    let share: Double = latencies[pod].uniform()
    return range.from + (range.to - range.from) * share
  }

  private func hex(_ digits: Int) -> String {
    var text = ""
    while text.utf8.count < digits {
      let word = String(random.nextWord(), radix: 16)
      text += String(repeating: "0", count: 8 - word.utf8.count) + word
    }
    return String(text.prefix(digits))
  }

  func newUID() -> String { "\(hex(8))-\(hex(4))-4\(hex(3))-8\(hex(3))-\(hex(12))" }
  func newContainerID() -> String { hex(64) }
  func newSuffix() -> String { hex(5) }

  private func ownerUID(_ name: String) -> String {
    var stream = RandomStream(
      seed: configuration.simulation.seed, purpose: "owner", name.utf8.count, Int(name.utf8.first ?? 0))
    let word = String(stream.nextWord(), radix: 16)
    return String(repeating: "0", count: 8 - word.utf8.count) + word + "-0000-4000-8000-000000000000"
  }

  static func nodeAddress(_ index: Int) -> String { "192.0.2.\(index % 254 + 1)" }
}
