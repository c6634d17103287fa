import Kubernetes

/// CPU and memory of one kind, requests or limits. Other resources are kept as they were written.
struct Amounts: Equatable, Sendable {
  var cpu: Quantity?
  var memory: Quantity?
  var others: [String: Quantity] = [:]

  var isEmpty: Bool { cpu == nil && memory == nil && others.isEmpty }

  subscript(name: String) -> Quantity? {
    get { name == "cpu" ? cpu : name == "memory" ? memory : others[name] }
    set {
      switch name {
      case "cpu": cpu = newValue
      case "memory": memory = newValue
      default: others[name] = newValue
      }
    }
  }

  /// Sorted, as Go writes maps.
  var names: [String] {
    ((cpu == nil ? [] : ["cpu"]) + (memory == nil ? [] : ["memory"]) + others.keys).sorted()
  }

  func write(to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "{"))
    if others.isEmpty {
      if let cpu {
        bytes.put("\"cpu\":\"")
        bytes.put(cpu.description)
        bytes.append(UInt8(ascii: "\""))
      }
      if let memory {
        bytes.put(cpu == nil ? "\"memory\":\"" : ",\"memory\":\"")
        bytes.put(memory.description)
        bytes.append(UInt8(ascii: "\""))
      }
    } else {
      for (place, name) in names.enumerated() {
        if place > 0 { bytes.append(UInt8(ascii: ",")) }
        bytes.putQuoted(name)
        bytes.append(UInt8(ascii: ":"))
        bytes.putQuoted(self[name]?.description ?? "0")
      }
    }
    bytes.append(UInt8(ascii: "}"))
  }

  var json: JSON {
    .object(names.map { JSON.Member(name: $0, value: .string(self[$0]?.description ?? "0")) })
  }
}

/// What a container asks for and what bounds it.
struct Resources: Equatable, Sendable {
  var limits = Amounts()
  var requests = Amounts()

  func write(to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "{"))
    if !limits.isEmpty {
      bytes.put("\"limits\":")
      limits.write(to: &bytes)
    }
    if !requests.isEmpty {
      bytes.put(limits.isEmpty ? "\"requests\":" : ",\"requests\":")
      requests.write(to: &bytes)
    }
    bytes.append(UInt8(ascii: "}"))
  }

  var json: JSON {
    var members: [JSON.Member] = []
    if !limits.isEmpty { members.append(.init(name: "limits", value: limits.json)) }
    if !requests.isEmpty { members.append(.init(name: "requests", value: requests.json)) }
    return .object(members)
  }

  /// Sums over containers; a resource that nobody names stays unnamed.
  static func sum(_ all: [Resources]) -> Resources {
    var total = Resources()
    for one in all {
      total.limits.add(one.limits)
      total.requests.add(one.requests)
    }
    return total
  }
}

extension Amounts {
  mutating func add(_ other: Amounts) {
    if let more = other.cpu { cpu = Quantity(millicores: saturatingSum(cpu?.millicores ?? 0, more.millicores)) }
    if let more = other.memory { memory = Quantity(bytes: saturatingSum(memory?.units ?? 0, more.units)) }
  }
}

func saturatingSum(_ a: Int, _ b: Int) -> Int {
  let (sum, overflow) = a.addingReportingOverflow(b)
  return overflow ? (a < 0 ? Int.min : Int.max) : sum
}

/// A pod's class, from what its containers ask for: equal limits and requests of CPU and memory everywhere, something, or
/// nothing.
///
/// - Source: k8s.io/kubernetes, pkg/apis/core/helper/qos.
func qualityOfService(_ containers: [Resources]) -> String {
  func isSet(_ quantity: Quantity?) -> Bool { (quantity?.double ?? 0) > 0 }
  let isAnything = containers.contains { one in
    isSet(one.limits.cpu) || isSet(one.limits.memory) || isSet(one.requests.cpu) || isSet(one.requests.memory)
  }
  if !isAnything { return "BestEffort" }
  let isGuaranteed = containers.allSatisfy { one in
    isSet(one.limits.cpu) && isSet(one.limits.memory) && (one.requests.cpu ?? one.limits.cpu) == one.limits.cpu
      && (one.requests.memory ?? one.limits.memory) == one.limits.memory
  }
  return isGuaranteed ? "Guaranteed" : "Burstable"
}
