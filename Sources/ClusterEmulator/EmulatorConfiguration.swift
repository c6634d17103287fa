import Autoscaling
import Kubernetes
import PodSimulation

/// A pod of the emulated cluster as it is created.
public struct PodTemplate: Sendable {
  public struct Container: Sendable {
    public var name: String
    public var image: String
    public var limits: [String: Quantity]
    public var requests: [String: Quantity]
    /// Whether a change of CPU or memory restarts the container (`resizePolicy`).
    public var restartsOnCPU = false
    public var restartsOnMemory = false

    public init(
      _ name: String, image: String = "marlise/demo-service:1", limits: [String: Quantity] = [:],
      requests: [String: Quantity] = [:]
    ) {
      self.name = name
      self.image = image
      self.limits = limits
      self.requests = requests
    }
  }

  public var name: String
  public var namespace = "default"
  public var labels: [String: String] = [:]
  public var annotations: [String: String] = [:]
  public var containers: [Container]
  /// Which node it runs on, from 0.
  public var node = 0
  /// The simulated pod that does its work, in its first container; nil for a pod that does none.
  public var simulated: Int?
  /// The StatefulSet that owns it; empty for none.
  public var owner = ""
  public var priority = 0

  public init(_ name: String, containers: [Container]) {
    self.name = name
    self.containers = containers
  }
}

/// Who a token stands for.
public struct EmulatedUser: Sendable, Equatable {
  /// As errors name it: `system:serviceaccount:default:marlise`.
  public var name: String
  public var mayWrite: Bool
  /// Rights that are missing although the others are there, as `verb:resource`: `patch:pods/resize`, `get:nodes/proxy`.
  public var lacks: Set<String>

  public init(_ name: String, mayWrite: Bool, lacks: Set<String> = []) {
    self.name = name
    self.mayWrite = mayWrite
    self.lacks = lacks
  }
}

/// What is emulated.
public struct EmulatorConfiguration: Sendable {
  public enum Clock: Sendable {
    /// A second of simulation for every second of real time.
    case real
    /// Time stands still but for `POST /emulator/step`.
    case virtual
  }

  public var pods: [PodTemplate]
  public var nodes = 1
  /// What each node has for pods: millicores and bytes.
  public var nodeCPU: Millicores = 64_000
  public var nodeMemory = 256 << 30
  public var version = KubernetesVersion.recorded
  public var clock = Clock.real
  /// The simulated pods behind the ones that are served, and their load. Its resize latency is the kubelet's: between
  /// admission and the kernel's quota.
  public var simulation: PodClusterConfiguration
  public var workload: Workload
  /// Seconds between two readings of a container by the kubelet, at least; each container has an interval of its own up to
  /// half as long again.
  public var housekeeping = 10
  /// Seconds between two readings of the kubelets by metrics-server; 0 serves no metrics.k8s.io.
  public var metricsServerInterval = 15
  /// Seconds between two readings by Prometheus; 0 serves none.
  public var prometheusInterval = 15
  /// By token; empty lets everybody do everything.
  public var users: [String: EmulatedUser] = [:]
  /// Who comes without a token; nil turns such requests away.
  public var anonymous: EmulatedUser?
  public var limitRanges: [LimitRangeRule] = []
  public var quotas: [QuotaRule] = []
  /// The kubelet's CPU manager gives Guaranteed pods cores of their own: such pods cannot be resized.
  public var hasStaticCPUPolicy = false
  public var faults = FaultPlan()
  /// Takes a line of JSON for every write, from any thread.
  public var audit: (@Sendable (String) -> Void)?
  /// Memory that each container uses, bytes: a memory limit below it is not applied.
  public var memoryUse = 48 << 20

  public init(pods: [PodTemplate], simulation: PodClusterConfiguration, workload: Workload) {
    self.pods = pods
    self.simulation = simulation
    self.workload = workload
  }

  /// `count` pods of one StatefulSet on `nodes` nodes, one container each, numbered so that their order by name is their order
  /// in the simulation.
  public static func pods(
    _ count: Int, named base: String, nodes: Int, namespace: String = "default", limit: Millicores,
    request: Millicores, memory: Int = 128 << 20, isGuaranteed: Bool = false
  ) -> [PodTemplate] {
    let digits = String(max(count - 1, 0)).count
    return (0..<count).map { index in
      let number = String(index)
      let container = PodTemplate.Container(
        base, limits: ["cpu": Quantity(millicores: limit), "memory": Quantity(bytes: memory)],
        requests: [
          "cpu": Quantity(millicores: isGuaranteed ? limit : request),
          // With all its memory requested, a pod whose limit comes down to its request would become Guaranteed: refused.
          "memory": Quantity(bytes: isGuaranteed ? memory : memory / 2),
        ])
      var pod = PodTemplate(
        base + "-" + String(repeating: "0", count: digits - number.count) + number, containers: [container])
      pod.namespace = namespace
      pod.labels = ["app": base]
      pod.node = index * nodes / max(count, 1)
      pod.simulated = index
      pod.owner = base
      return pod
    }
  }

  public static func nodeName(_ index: Int) -> String { "node-\(index)" }
}
