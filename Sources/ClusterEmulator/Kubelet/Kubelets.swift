import Kubernetes

/// The kubelets' part of a resize: admit what fits the node, apply it, tell the API server. Called with the lock held.
extension EmulatedCluster {
  /// Does what is due.
  func runKubelets() {
    let time = now
    while let entry = agenda.pop(until: time) {
      guard let pod = store.pods[entry.pod]?.record, pod.identity.uid == entry.uid, pod.deletion == nil else {
        continue
      }
      if let until = silence(of: pod.identity.node) {
        agenda.add(entry.task, pod: pod.identity, at: until)
        continue
      }
      switch entry.task {
      case .admit: admit(pod)
      case .settle(let generation): settle(pod, generation)
      case .retry(let generation):
        if pod.observedGeneration == generation, pod.progress?.reason == "Error" { apply(pod, generation) }
      }
    }
  }

  /// A pod's specification has changed: its kubelet hears of it a moment later.
  func noteWish(_ identity: PodIdentity) {
    let delay = configuration.clock == .real ? 0.005 + 0.02 * (random.uniform() as Double) : 0
    agenda.add(.admit, pod: identity, at: now + delay)
    if delay == 0 { runKubelets() }
  }

  // MARK: Admission on the node

  private enum Verdict {
    case admitted
    case deferred(String)
    case infeasible(String)
  }

  private func verdict(_ pod: PodRecord) -> Verdict {
    let wanted = Resources.sum(pod.desired).requests
    let held = Resources.sum(pod.allocated).requests
    if configuration.hasStaticCPUPolicy, pod.identity.qualityOfService == "Guaranteed", wanted.cpu != held.cpu {
      return .infeasible("Resize is infeasible for Guaranteed Pods alongside CPU Manager policy \"static\"")
    }
    let use = admitted[pod.identity.node] ?? NodeUse()
    let room = allocatable(pod.identity.node)
    for (name, ask, has, used, capacity) in [
      ("cpu", wanted.cpu?.millicores ?? 0, held.cpu?.millicores ?? 0, use.cpu, room.cpu),
      ("memory", wanted.memory?.units ?? 0, held.memory?.units ?? 0, use.memory, room.memory),
    ] where ask > has {
      if ask > capacity {
        return .infeasible("Node didn't have enough capacity: \(name), requested: \(ask), capacity: \(capacity)")
      }
      if saturatingSum(used - has, ask) > capacity {
        return .deferred(
          "Node didn't have enough resource: \(name), requested: \(ask), used: \(used - has), capacity: \(capacity)")
      }
    }
    return .admitted
  }

  func allocatable(_ node: String) -> (cpu: Int, memory: Int) { (configuration.nodeCPU, configuration.nodeMemory) }

  private func admit(_ pod: PodRecord) {
    let key = pod.identity.key
    let generation = pod.generation
    waiting[pod.identity.node]?.removeAll { $0 == key }
    if pod.desired == pod.allocated {
      // Taken back, or never another: nothing waits any more.
      if pod.pending == nil, pod.observedGeneration == generation { return }
      update(key) { record in
        record.pending = nil
        record.observedGeneration = generation
        if record.progress?.reason == "Error" { record.progress = nil }
      }
      return
    }
    switch verdict(pod) {
    case .infeasible(let why): pend(pod, "Infeasible", why)
    case .deferred(let why):
      pend(pod, "Deferred", why)
      waiting[pod.identity.node, default: []].append(key)
    case .admitted:
      count(pod.allocated, on: pod.identity.node, sign: -1)
      count(pod.desired, on: pod.identity.node, sign: 1)
      let moment = today
      update(key) { record in
        record.allocated = record.desired
        record.observedGeneration = generation
        record.pending = nil
        record.progress = PodRecord.Condition(generation: generation, since: moment, probed: moment)
      }
      noteResizeEvent(key, "ResizeStarted", "started")
      if let admitted = store.pods[key]?.record { apply(admitted, generation) }
    }
  }

  private func pend(_ pod: PodRecord, _ reason: String, _ message: String) {
    let moment = today
    if let old = pod.pending, old.reason == reason, old.message == message, old.generation == pod.generation,
      pod.observedGeneration == pod.generation
    {
      return
    }
    update(pod.identity.key) { record in
      let since = record.pending?.reason == reason ? record.pending?.since : nil
      record.pending = PodRecord.Condition(
        reason: reason, message: message, generation: record.generation, since: since ?? moment, probed: moment)
      record.observedGeneration = record.generation
    }
    noteResizeEvent(pod.identity.key, "Resize" + reason, reason, error: message)
  }

  /// Deferred resizes get another try when room may have come free: those that ask for no more first, then by priority,
  /// then Guaranteed before Burstable, then in the order in which they began to wait.
  func retryWaiting(on node: String) {
    guard let keys = waiting[node], !keys.isEmpty else { return }
    let pods = keys.compactMap { store.pods[$0]?.record }
    func rank(_ pod: PodRecord) -> (Int, Int) {
      (-pod.identity.priorityClass, pod.identity.qualityOfService == "Guaranteed" ? 0 : 1)
    }
    let order = pods.enumerated().sorted { a, b in
      rank(a.element) == rank(b.element) ? a.offset < b.offset : rank(a.element) < rank(b.element)
    }.map(\.element)
    for pod in order { if case .admitted = verdict(pod) { admit(pod) } }
  }

  // MARK: The runtime

  private func apply(_ pod: PodRecord, _ generation: Int) {
    let key = pod.identity.key
    // A memory limit below what is used is not written; the kubelet tries again every time it looks at the pod.
    if let place = pod.desired.indices.first(where: {
      (pod.allocated[$0].limits.memory?.units ?? .max) < configuration.memoryUse
    }) {
      let (moment, limit) = (today, pod.allocated[place].limits.memory?.units ?? 0)
      update(key) { record in
        record.progress?.reason = "Error"
        record.progress?.probed = moment
        record.progress?.message =
          "cannot decrease memory limits: attempting to set container \"\(record.identity.containers[place].name)\" "
          + "memory limit (\(limit)) below current usage (\(configuration.memoryUse))"
      }
      noteResizeEvent(key, "ResizeError", "error", error: store.pods[key]?.record.progress?.message)
      agenda.add(.retry(generation: generation), pod: pod.identity, at: now + 15)
      return
    }
    if pod.progress?.reason == "Error" {
      update(key) { record in
        record.progress?.reason = ""
        record.progress?.message = ""
      }
    }
    let latency = drawLatency(pod.identity.simulated)
    // What was written last may not be reported yet: a resize back to the reported limit must be written all the same.
    if let simulated = pod.identity.simulated, let limit = pod.allocated.first?.limits.cpu?.millicores,
      limit != written[simulated] ?? pod.actual.first?.limits.cpu?.millicores
    {
      written[simulated] = limit
      // The kernel cannot express less than 10m.
      writes.append(Simulation.Write(pod: simulated, limit: max(limit, 10), at: now + latency))
    }
    let delay =
      configuration.clock == .real ? configuration.version.statusDelay * (0.3 + 0.7 * (random.uniform() as Double)) : 0
    agenda.add(.settle(generation: generation), pod: pod.identity, at: now + latency + delay)
  }

  private func settle(_ pod: PodRecord, _ generation: Int) {
    guard pod.progress?.generation == generation, pod.progress?.reason != "Error" else { return }
    let key = pod.identity.key
    let restarted = pod.identity.containers.indices.filter { place in
      let (old, new, container) = (pod.actual[place], pod.allocated[place], pod.identity.containers[place])
      return container.restartsOnCPU && (old.limits.cpu != new.limits.cpu || old.requests.cpu != new.requests.cpu)
        || container.restartsOnMemory && old.limits.memory != new.limits.memory
    }
    update(key) { record in
      record.actual = record.allocated
      record.progress = nil
    }
    for place in restarted { restartContainer(place, of: key) }
    noteResizeEvent(key, "ResizeCompleted", "completed")
    retryWaiting(on: pod.identity.node)
  }

  /// As kubelets since 1.35 write about resizes.
  private func noteResizeEvent(_ key: PodKey, _ reason: String, _ word: String, error: String? = nil) {
    guard configuration.version.hasResizeEvents, let pod = store.pods[key]?.record else { return }
    var about: [JSON.Member] = [
      .init(
        name: "containers",
        value: .array(
          pod.identity.containers.indices.map { place in
            .object(["name": .string(pod.identity.containers[place].name), "resources": pod.desired[place].json])
          })), .init(name: "generation", value: .number("\(pod.generation)")),
    ]
    if let error { about.append(.init(name: "error", value: .string(error))) }
    let text = String(decoding: JSON.object(about).bytes, as: UTF8.self)
    noteEvent(pod, type: error == nil ? "Normal" : "Warning", reason: reason, message: "Pod resize \(word): \(text)")
  }
}
