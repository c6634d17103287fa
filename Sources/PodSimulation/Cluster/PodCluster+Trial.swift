import RandomStreams

/// Playing what has not happened yet: copies of pods as they are, and what their clients met in the last second.
extension PodCluster {
  /// Makes a cluster the same as one of another simulation of the same pods: queues, quotas, the requests to come, the time.
  /// Whatever is played from there on, under the same limits, is the same in both. The last second and the readings of lagging
  /// metrics are not copied.
  ///
  /// - Precondition: both simulate the same pods in the same episode with the same seed; they stay from beginning to end,
  ///   and there is no service graph.
  public func take(_ source: Int, of other: PodCluster, into cluster: Int) {
    precondition(other.pods == pods && other.configuration.seed == configuration.seed, "clusters of other pods")
    precondition(
      other.episodeNumber(ofCluster: source) == episodeNumber(ofCluster: cluster),
      "cluster \(cluster) plays episode \(episodeNumber(ofCluster: cluster)), not \(other.episodeNumber(ofCluster: source))"
    )
    precondition(
      configuration.schedules.isEmpty && configuration.churn == nil, "when pods come and go is not copied")
    precondition(flows.isEmpty && other.flows.isEmpty, "the requests of a service graph are not copied")
    for index in 0..<pods {
      pod[place(index, cluster)].take(other.pod[other.place(index, source)])
    }
    time = other.time
  }

  /// Forgets which requests were to come and draws others, at the same rates: one of the futures that are possible for somebody
  /// who knows the load but not the requests. Those that are here already stay. The same `future` gives the same requests.
  public func redraw(cluster: Int, future: Int) {
    for index in 0..<pods {
      let seed = configuration.seed
      pod[place(index, cluster)].redraw(
        arrivals: RandomStream(seed: seed, purpose: "imagined arrivals", index, future),
        demands: RandomStream(seed: seed, purpose: "imagined demands", index, future))
    }
  }

  /// Response times of a pod's requests that ended in the last second, seconds, in their order; one that timed out counts as the
  /// timeout. Valid until the next second.
  public func responses(pod index: Int, cluster: Int) -> UnsafeBufferPointer<Double> {
    let window = pod[place(index, cluster)].window
    return UnsafeBufferPointer(start: window.responses, count: window.count)
  }

  /// Response times of a route's requests that ended in the last second, from end to end, seconds. Valid until the next second.
  public func responses(route: Int, cluster: Int) -> UnsafeBufferPointer<Double> {
    let window = flows[cluster].window(route: route)
    return UnsafeBufferPointer(start: window.responses, count: window.count)
  }

  /// Requests of the last second that took longer than `goal` seconds: those that ended, and those that are still waiting and
  /// have waited longer already.
  public func lateResponses(pod index: Int, cluster: Int, above goal: Double) -> Int {
    let pod = pod + place(index, cluster)
    var late = 0
    for place in 0..<pod.pointee.window.count where pod.pointee.window.responses[place] > goal { late += 1 }
    let now = pod.pointee.now
    func isLate(_ sent: Double) -> Bool { sent >= 0 && now - sent > goal && now - sent < pod.pointee.timeout }
    for place in 0..<pod.pointee.inService where isLate(pod.pointee.serving[place].sent) { late += 1 }
    var place = pod.pointee.expired
    // First come, first served: behind one that is not late nobody is.
    while place < pod.pointee.queue.count, isLate(pod.pointee.queue[place].sent) {
      late += 1
      place += 1
    }
    return late
  }
}

extension SimulatedPod {
  /// Draws the requests to come from other streams.
  mutating func redraw(arrivals: RandomStream, demands: RandomStream) {
    arrivalStream = arrivals
    demandStream = demands
    gapsUsed = Self.drawCount
    demandsUsed = Self.drawCount
    // Equally spaced requests go on as they do: when the next one comes is no secret.
    if process != .deterministic { untilArrival = nextGap() }
  }

  /// Becomes another pod of the same parameters, in its own memory.
  mutating func take(_ other: SimulatedPod) {
    limit = other.limit
    quota = other.quota
    boundaryAt = other.boundaryAt
    boundaryCount = other.boundaryCount
    writeAt = other.writeAt
    writeLimit = other.writeLimit
    timerAt = other.timerAt
    overrunUntil = other.overrunUntil
    throttledSince = other.throttledSince
    isActive = other.isActive
    wasActive = other.wasActive
    queue.take(other.queue)
    serving.update(from: other.serving, count: other.inService)
    inService = other.inService
    capacity = other.capacity
    attained = other.attained
    share = other.share
    rate = other.rate
    inverseRate = other.inverseRate
    expired = other.expired
    arrivalStream = other.arrivalStream
    demandStream = other.demandStream
    gaps.update(from: other.gaps, count: Self.drawCount)
    demands.update(from: other.demands, count: Self.drawCount)
    gapsUsed = other.gapsUsed
    demandsUsed = other.demandsUsed
    untilArrival = other.untilArrival
    nextArrival = other.nextArrival
    requestRate = other.requestRate
    inverseRequestRate = other.inverseRequestRate
    traceCursor = other.traceCursor
    now = other.now
    start = other.start
    window.removeAll()
    used = other.used
    usedAtBoundary = other.usedAtBoundary
    limitArea = other.limitArea
    limitSince = other.limitSince
    throttledTime = other.throttledTime
    periods = other.periods
    throttledPeriods = other.throttledPeriods
    sent = other.sent
    completed = other.completed
    timeouts = other.timeouts
    refused = other.refused
    isPresent = other.isPresent
  }
}

extension RequestQueue {
  /// Holds the same requests as another one, in its own memory.
  mutating func take(_ other: RequestQueue) {
    removeAll()
    for place in 0..<other.count { append(other[place]) }
  }
}
