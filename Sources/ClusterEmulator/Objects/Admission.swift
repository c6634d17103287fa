import Kubernetes

/// Bounds of every container of a namespace.
public struct LimitRangeRule: Sendable, Equatable {
  public var namespace: String
  public var name: String
  public var minimum: Quantity?
  public var maximum: Quantity?
  /// Limit divided by request, at most.
  public var ratioMaximum: Quantity?

  public init(
    namespace: String, name: String, minimum: Quantity? = nil, maximum: Quantity? = nil, ratioMaximum: Quantity? = nil
  ) {
    self.namespace = namespace
    self.name = name
    self.minimum = minimum
    self.maximum = maximum
    self.ratioMaximum = ratioMaximum
  }
}

extension LimitRangeRule {
  public init(namespace: String, name: String, minimumMillicores: Int, maximumMillicores: Int) {
    self.init(
      namespace: namespace, name: name, minimum: Quantity(millicores: minimumMillicores),
      maximum: Quantity(millicores: maximumMillicores))
  }
}

extension QuotaRule {
  public init(namespace: String, name: String, limitMillicores: Int) {
    self.init(namespace: namespace, name: name, limits: Quantity(millicores: limitMillicores))
  }
}

/// What the pods of a namespace may ask for together, of CPU.
public struct QuotaRule: Sendable, Equatable {
  public var namespace: String
  public var name: String
  public var limits: Quantity?
  public var requests: Quantity?

  public init(namespace: String, name: String, limits: Quantity? = nil, requests: Quantity? = nil) {
    self.namespace = namespace
    self.name = name
    self.limits = limits
    self.requests = requests
  }
}

/// The admission plug-ins that look at a resize, each as the API server words its refusal.
enum Admission {
  static func limitRange(_ wish: [Resources], _ rules: [LimitRangeRule], pod: PodRecord) throws(StatusError) {
    for rule in rules where rule.namespace == pod.identity.namespace {
      var complaints: [String] = []
      for container in wish {
        let (limit, request) = (container.limits.cpu, container.requests.cpu)
        if let least = rule.minimum {
          if let request, request < least {
            complaints.append("minimum cpu usage per Container is \(least), but request is \(request)")
          } else if let limit, limit < least {
            complaints.append("minimum cpu usage per Container is \(least), but limit is \(limit)")
          } else if request == nil {
            complaints.append("minimum cpu usage per Container is \(least).  No request is specified")
          }
        }
        if let most = rule.maximum {
          if let limit, limit > most {
            complaints.append("maximum cpu usage per Container is \(most), but limit is \(limit)")
          } else if let request, request > most {
            complaints.append("maximum cpu usage per Container is \(most), but request is \(request)")
          } else if limit == nil {
            complaints.append("maximum cpu usage per Container is \(most).  No limit is specified")
          }
        }
        if let ratio = rule.ratioMaximum, let limit, let request, request.double > 0,
          limit.double / request.double > ratio.double
        {
          complaints.append(
            "cpu max limit to request ratio per Container is \(ratio), but provided ratio is "
              + sixDecimals(limit.double / request.double))
        }
      }
      if !complaints.isEmpty {
        throw ResourceKind.pods.forbidden(
          pod.identity.name, complaints.count == 1 ? complaints[0] : "[" + complaints.joined(separator: ", ") + "]")
      }
    }
  }

  private static func sixDecimals(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
    let micro = Int((value * 1e6).rounded())
    let fraction = String(micro % 1_000_000)
    return "\(micro / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
  }

  /// - Parameter allocatable: the node's, millicores and bytes.
  static func nodeCapacity(
    _ wish: [Resources], pod: PodRecord, allocatable: (cpu: Int, memory: Int)
  ) throws(StatusError) {
    let total = Resources.sum(wish).requests
    let old = Resources.sum(pod.desired).requests
    for (name, wanted, before, most) in [
      ("cpu", total.cpu?.millicores ?? 0, old.cpu?.millicores ?? 0, allocatable.cpu),
      ("memory", total.memory?.units ?? 0, old.memory?.units ?? 0, allocatable.memory),
    ] where wanted > most && wanted > before {
      throw ResourceKind.pods.forbidden(
        pod.identity.name,
        "node didn't have enough allocatable resources: \(name), requested: \(wanted), allocatable: \(most)",
        causes: [StatusError.Cause(reason: "NodeCapacity")])
    }
  }

  /// CPU that the pods of a namespace ask for: a resize counts by what it adds.
  struct Use: Equatable {
    var limits = 0
    var requests = 0
  }

  static func quota(
    _ wish: [Resources], _ rules: [QuotaRule], pod: PodRecord, used: Use
  ) throws(StatusError) {
    let (new, old) = (Resources.sum(wish), Resources.sum(pod.desired))
    for rule in rules where rule.namespace == pod.identity.namespace {
      var over: [(name: String, delta: Int, used: Int, hard: Int)] = []
      for (name, wanted, before, taken, hard) in [
        ("limits.cpu", new.limits.cpu, old.limits.cpu, used.limits, rule.limits),
        ("requests.cpu", new.requests.cpu, old.requests.cpu, used.requests, rule.requests),
      ] {
        guard let hard else { continue }
        let delta = (wanted?.millicores ?? 0) - (before?.millicores ?? 0)
        if delta > 0, saturatingSum(taken, delta) > hard.millicores {
          over.append((name, delta, taken, hard.millicores))
        }
      }
      if over.isEmpty { continue }
      func list(_ value: ((name: String, delta: Int, used: Int, hard: Int)) -> Int) -> String {
        over.map { "\($0.name)=\(Quantity(millicores: value($0)))" }.joined(separator: ",")
      }
      throw ResourceKind.pods.forbidden(
        pod.identity.name,
        "exceeded quota: \(rule.name), requested: \(list { $0.delta }), used: \(list { $0.used }), limited: "
          + list { $0.hard })
    }
  }
}
