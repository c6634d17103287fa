import Kubernetes

/// Writes pods as the API server of a version does: which fields there are depends on it.
struct PodRendering: Sendable {
  let version: KubernetesVersion

  func bytes(_ pod: PodRecord) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(2200)
    metadata(pod, &out)
    spec(pod, &out)
    status(pod, &out)
    out.append(UInt8(ascii: "}"))
    return out
  }

  /// `"metadata":{…}`
  func metadata(_ pod: PodRecord, _ out: inout [UInt8]) {
    let identity = pod.identity
    out.put("\"metadata\":{\"name\":")
    out.putQuoted(identity.name)
    out.put(",\"namespace\":")
    out.putQuoted(identity.namespace)
    out.put(",\"uid\":\"")
    out.put(identity.uid)
    out.put("\",\"resourceVersion\":\"")
    out.put(pod.resourceVersion)
    out.append(UInt8(ascii: "\""))
    if version.hasGenerations {
      out.put(",\"generation\":")
      out.put(pod.generation)
    }
    out.put(",\"creationTimestamp\":\"")
    out.put(identity.created)
    out.append(UInt8(ascii: "\""))
    if let deletion = pod.deletion {
      out.put(",\"deletionTimestamp\":\"")
      out.put(deletion)
      out.put("\",\"deletionGracePeriodSeconds\":0")
    }
    texts("labels", pod.labels, &out)
    texts("annotations", pod.annotations, &out)
    if !identity.owner.isEmpty {
      out.put(",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"name\":")
      out.putQuoted(identity.owner)
      out.put(",\"uid\":\"")
      out.put(identity.ownerUID)
      out.put("\",\"controller\":true,\"blockOwnerDeletion\":true}]")
    }
    out.append(UInt8(ascii: "}"))
  }

  private func texts(_ name: StaticString, _ values: [String: String], _ out: inout [UInt8]) {
    if values.isEmpty { return }
    out.put(",\"")
    out.put(name)
    out.put("\":{")
    for (place, pair) in values.sorted(by: { $0.key < $1.key }).enumerated() {
      if place > 0 { out.append(UInt8(ascii: ",")) }
      out.putQuoted(pair.key)
      out.append(UInt8(ascii: ":"))
      out.putQuoted(pair.value)
    }
    out.append(UInt8(ascii: "}"))
  }

  private func spec(_ pod: PodRecord, _ out: inout [UInt8]) {
    out.put(",\"spec\":{\"containers\":[")
    for (place, container) in pod.identity.containers.enumerated() {
      out.put(place > 0 ? ",{\"name\":" : "{\"name\":")
      out.putQuoted(container.name)
      out.put(",\"image\":")
      out.putQuoted(container.image)
      out.put(",\"resources\":")
      pod.desired[place].write(to: &out)
      resizePolicy(container, &out)
      out.put(
        ",\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\","
          + "\"imagePullPolicy\":\"IfNotPresent\"}")
    }
    out.put(
      "],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":\"ClusterFirst\","
        + "\"serviceAccountName\":\"default\",\"serviceAccount\":\"default\",\"automountServiceAccountToken\":false,"
        + "\"nodeName\":")
    out.putQuoted(pod.identity.node)
    out.put(",\"securityContext\":{},\"schedulerName\":\"default-scheduler\",\"priority\":")
    out.put(pod.identity.priorityClass)
    out.put(",\"enableServiceLinks\":true,\"preemptionPolicy\":\"PreemptLowerPriority\"}")
  }

  /// Of both resources where the version fills them in, else of those that were set.
  private func resizePolicy(_ container: PodIdentity.Container, _ out: inout [UInt8]) {
    let policies: [(StaticString, Bool)] = [("cpu", container.restartsOnCPU), ("memory", container.restartsOnMemory)]
    let told = policies.filter { version.hasResizePolicies || $0.1 }
    if told.isEmpty { return }
    for (place, (resource, restarts)) in told.enumerated() {
      out.put(place == 0 ? ",\"resizePolicy\":[{\"resourceName\":\"" : ",{\"resourceName\":\"")
      out.put(resource)
      out.put(restarts ? "\",\"restartPolicy\":\"RestartContainer\"}" : "\",\"restartPolicy\":\"NotRequired\"}")
    }
    out.append(UInt8(ascii: "]"))
  }

  private func status(_ pod: PodRecord, _ out: inout [UInt8]) {
    let identity = pod.identity
    out.put(",\"status\":{")
    if version.hasGenerations {
      out.put("\"observedGeneration\":")
      out.put(pod.observedGeneration)
      out.append(UInt8(ascii: ","))
    }
    out.put("\"phase\":\"")
    out.put(pod.phase)
    out.put("\",\"conditions\":[")
    conditions(pod, &out)
    out.put("],\"hostIP\":\"")
    out.put(identity.hostIP)
    out.put("\",\"hostIPs\":[{\"ip\":\"")
    out.put(identity.hostIP)
    out.put("\"}],\"podIP\":\"")
    out.put(identity.podIP)
    out.put("\",\"podIPs\":[{\"ip\":\"")
    out.put(identity.podIP)
    out.put("\"}],\"startTime\":\"")
    out.put(identity.created)
    out.put("\",\"containerStatuses\":[")
    for place in identity.containers.indices {
      if place > 0 { out.append(UInt8(ascii: ",")) }
      containerStatus(pod, place, &out)
    }
    out.put("],\"qosClass\":\"")
    out.put(identity.qualityOfService)
    out.append(UInt8(ascii: "\""))
    if !version.hasResizeConditions, let word = pod.resizeWord {
      out.put(",\"resize\":\"")
      out.put(word)
      out.append(UInt8(ascii: "\""))
    }
    if version.hasPodLevelStatus {
      let total = pod.allocated.count == 1 ? pod.allocated[0] : Resources.sum(pod.allocated)
      if !total.requests.isEmpty {
        out.put(",\"allocatedResources\":")
        total.requests.write(to: &out)
      }
      let applied = pod.actual.count == 1 ? pod.actual[0] : Resources.sum(pod.actual)
      if !applied.limits.isEmpty || !applied.requests.isEmpty {
        out.put(",\"resources\":")
        applied.write(to: &out)
      }
    }
    out.append(UInt8(ascii: "}"))
  }

  private func conditions(_ pod: PodRecord, _ out: inout [UInt8]) {
    if version.hasResizeConditions {
      for (type, condition) in [("PodResizePending", pod.pending), ("PodResizeInProgress", pod.progress)] {
        guard let condition else { continue }
        out.put("{\"type\":\"")
        out.put(type)
        out.append(UInt8(ascii: "\""))
        if version.hasGenerations {
          out.put(",\"observedGeneration\":")
          out.put(condition.generation)
        }
        out.put(",\"status\":\"True\",\"lastProbeTime\":\"")
        out.put(condition.probed)
        out.put("\",\"lastTransitionTime\":\"")
        out.put(condition.since)
        out.append(UInt8(ascii: "\""))
        if !condition.reason.isEmpty {
          out.put(",\"reason\":\"")
          out.put(condition.reason)
          out.append(UInt8(ascii: "\""))
        }
        if !condition.message.isEmpty {
          out.put(",\"message\":")
          out.putQuoted(condition.message)
        }
        out.put("},")
      }
    }
    let created = pod.identity.created
    let isUp = pod.isReady
    for (place, (type, isTrue, since)) in [
      ("PodReadyToStartContainers", true, created), ("Initialized", true, created), ("Ready", isUp, pod.readySince),
      ("ContainersReady", isUp, pod.readySince), ("PodScheduled", true, created),
    ].enumerated() {
      out.put(place > 0 ? ",{\"type\":\"" : "{\"type\":\"")
      out.put(type)
      out.append(UInt8(ascii: "\""))
      if version.hasGenerations {
        out.put(",\"observedGeneration\":")
        out.put(pod.observedGeneration)
      }
      out.put(isTrue ? ",\"status\":\"True\"" : ",\"status\":\"False\"")
      out.put(",\"lastProbeTime\":null,\"lastTransitionTime\":\"")
      out.put(since)
      out.append(UInt8(ascii: "\""))
      if !isTrue {
        out.put(",\"reason\":\"ContainersNotReady\",\"message\":")
        out.putQuoted(
          "containers with unready status: [" + pod.identity.containers.map(\.name).joined(separator: " ") + "]")
      }
      out.append(UInt8(ascii: "}"))
    }
  }

  private func containerStatus(_ pod: PodRecord, _ place: Int, _ out: inout [UInt8]) {
    let container = pod.identity.containers[place]
    let state = pod.containers[place]
    out.put("{\"name\":")
    out.putQuoted(container.name)
    out.put(
      state.waitingReason == nil
        ? ",\"state\":{\"running\":{\"startedAt\":\"" : ",\"state\":{\"waiting\":{\"reason\":\"")
    out.put(state.waitingReason ?? state.startedAt)
    out.put("\"}},\"lastState\":{")
    if let last = state.lastEnd {
      out.put("\"terminated\":{\"exitCode\":0,\"reason\":\"Completed\",\"startedAt\":\"")
      out.put(last.startedAt)
      out.put("\",\"finishedAt\":\"")
      out.put(last.at)
      out.put("\",\"containerID\":\"containerd://")
      out.put(last.id)
      out.put("\"}")
    }
    out.put(pod.isReady ? "},\"ready\":true,\"restartCount\":" : "},\"ready\":false,\"restartCount\":")
    out.put(state.restarts)
    out.put(",\"image\":")
    out.putQuoted(container.image)
    out.put(",\"imageID\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"")
    out.put(",\"containerID\":\"containerd://")
    out.put(state.id)
    out.put(pod.isReady ? "\",\"started\":true" : "\",\"started\":false")
    if version.hasAllocatedResources, !pod.allocated[place].requests.isEmpty {
      out.put(",\"allocatedResources\":")
      pod.allocated[place].requests.write(to: &out)
    }
    out.put(",\"resources\":")
    pod.actual[place].write(to: &out)
    out.append(UInt8(ascii: "}"))
  }
}

extension PodRecord {
  /// The state of a resize in one word, as 1.27 to 1.32 tell it; nil for none.
  var resizeWord: String? {
    if let pending { return pending.reason }
    if progress != nil { return "InProgress" }
    return generation > observedGeneration ? "Proposed" : nil
  }
}
