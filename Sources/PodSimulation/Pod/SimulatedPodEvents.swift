import Autoscaling
import RandomStreams

/// What happens to a pod, event by event. Every method acts at the pod's own `now`.
extension SimulatedPod {
  // MARK: Service

  @inline(__always)
  var isRunning: Bool { inService > 0 && !quota.isThrottled }

  /// Seconds until the next request is done, at the current rate.
  @inline(__always)
  var toCompletion: Double { (serving[inService &- 1].finish - attained) * Double(inService) * inverseRate }

  /// Seconds until the pod is throttled: until the quota is used up or, with late throttling, until a tick notices.
  @inline(__always)
  var toThrottling: Double { overrunUntil > 0 ? overrunUntil - now : quota.total * inverseRate }

  @inline(__always)
  mutating func updateRate() {
    rate = speed * share * min(Double(max(inService, 1)), cores)
    inverseRate = 1 / rate
  }

  /// A worker takes a request.
  @inline(__always)
  mutating func begin(_ request: WaitingRequest) {
    let finish = attained + request.work
    var place = inService
    while place > 0 && serving[place &- 1].finish < finish {
      serving[place] = serving[place &- 1]
      place &-= 1
    }
    serving[place] = Serving(finish: finish, sent: request.sent)
    inService &+= 1
    isActive = true
    if rateVaries { updateRate() }
  }

  @inline(__always)
  private mutating func takeNext() {
    begin(queue.removeFirst())
    if expired > 0 { expired &-= 1 }
  }

  /// Uses up `work`, shared by the requests in service.
  @inline(__always)
  private mutating func attain(_ work: Double) {
    attained += inService > 1 ? work / Double(inService) : work
    used += work
    quota.consume(work)
  }

  /// Runs until `time`, before which nothing happens to the pod.
  @inline(__always)
  mutating func serve(until time: Double) {
    attain((time - now) * rate)
    now = time
  }

  /// Runs until the next request is done, and answers it.
  @inline(__always)
  mutating func finishRequest() {
    let sent = finishService()
    if sent >= 0 { answer(sentAt: sent) }
  }

  /// Runs until the next request is done, lets its worker go on, and returns when it was sent: below 0 for start-up work.
  @inline(__always)
  mutating func finishService() -> Double {
    now += max(toCompletion, 0)
    let done = serving[inService &- 1]
    let work = max(done.finish - attained, 0) * Double(inService)
    used += work
    quota.consume(work)
    attained = done.finish
    inService &-= 1
    if done.sent < 0 { capacity = workers }
    while inService < capacity && queue.count > 0 { takeNext() }
    if inService == 0 {
      attained = 0
      overrunUntil = 0
      quota.idle()
    } else if rateVaries {
      updateRate()
    }
    return done.sent
  }

  @inline(__always)
  mutating func answer(sentAt time: Double) {
    let response = now - time + latency
    if response <= timeout {
      completed &+= 1
      window.append(response, sentAt: time)
    } else if time + timeout > start {
      // Its client has given up within this second; earlier ones were counted when their second ended.
      timeouts &+= 1
      window.append(timeout, sentAt: time)
    }
  }

  /// Runs until the quota is used up; throttles, at once or once a tick has noticed.
  mutating func exhaust() {
    if overrunUntil > 0 {
      serve(until: overrunUntil)
    } else if quota.total > 0 {
      now += quota.total * inverseRate
      attain(quota.total)
      quota.total = 0
      quota.local = 0
      if tick > 0 {
        overrunUntil = ((now / tick).rounded(.down) + 1) * tick
        return
      }
    }
    overrunUntil = 0
    quota.isThrottled = true
    throttledSince = now
  }

  // MARK: The period and the limit

  /// The timer at `timerAt`: a limit write or a period boundary.
  mutating func fireTimer() {
    if writeAt <= boundaryAt {
      writeAt = .infinity
      write(writeLimit)
    } else {
      if isActive || wasActive { periods &+= 1 }
      if let periodUsage { recordPeriod(in: periodUsage) }
      if quota.refill() {
        throttledPeriods &+= 1
        if !quota.isThrottled { throttledTime += now - throttledSince }
      }
      if quota.total > 0 { overrunUntil = 0 }
      wasActive = isActive
      isActive = inService > 0
      boundaryCount &+= 1
      boundaryAt = phase + Double(boundaryCount) * period
    }
    timerAt = min(boundaryAt, writeAt)
  }

  /// A period ends that somebody wants to know of; late throttling may have overrun the quota in it.
  private mutating func recordPeriod(in record: UnsafeMutablePointer<PeriodUsage>) {
    let base = isPresent ? min(baseUsage, Double(limit)) : 0
    record.pointee.append(Float((used - usedAtBoundary) / period * 1000 + base))
    if quota.isThrottled { record.pointee.throttled &+= 1 }
    usedAtBoundary = used
  }

  /// A quota write; it takes effect at once and refills the pool, also when the value is the old one.
  mutating func write(_ value: Int) {
    if quota.isThrottled { throttledTime += now - throttledSince }
    limit = value
    overrunUntil = 0
    quota.write(quota: quotaPerPeriod(value))
  }

  mutating func scheduleWrite(_ value: Int, after delay: Double) {
    writeAt = now + delay
    writeLimit = value
    timerAt = min(boundaryAt, writeAt)
  }

  // MARK: Arrivals

  /// A request arrives at `nextArrival`, and the next one is drawn.
  @inline(__always)
  mutating func arrive() {
    admit(nextRequest())
    scheduleNext()
  }

  /// The request that arrives at `nextArrival`.
  @inline(__always)
  mutating func nextRequest() -> WaitingRequest {
    let demand: Double
    if let trace {
      demand = trace._withUnsafeGuaranteedRef { $0.demands[traceCursor] }
      traceCursor &+= 1
    } else {
      demand = drawDemand()
    }
    return WaitingRequest(sent: nextArrival, work: demand + overhead)
  }

  /// A request is served or, when all workers are busy, waits.
  @inline(__always)
  mutating func admit(_ request: WaitingRequest) {
    sent &+= 1
    if inService < capacity { begin(request) } else { queue.append(request) }
  }

  /// Draws when the request after the one that has just arrived comes.
  @inline(__always)
  mutating func scheduleNext() {
    if trace == nil { untilArrival += nextGap() }
    scheduleArrival()
  }

  /// Sets `nextArrival`; infinity when none comes in this second.
  @inline(__always)
  private mutating func scheduleArrival() {
    if let trace {
      nextArrival = trace._withUnsafeGuaranteedRef { traceCursor < $0.count ? $0.times[traceCursor] : .infinity }
    } else {
      let part = untilArrival * inverseRequestRate
      nextArrival = part < 1 ? start + onOffset + onFraction * part : .infinity
    }
  }

  /// Expected requests until the one after the next.
  @inline(__always)
  mutating func nextGap() -> Double {
    if gapsUsed == Self.drawCount { drawGaps() }
    gapsUsed &+= 1
    return gaps[gapsUsed &- 1]
  }

  @inline(__always)
  mutating func drawDemand() -> Double {
    if demandsUsed == Self.drawCount { drawDemands() }
    demandsUsed &+= 1
    return demands[demandsUsed &- 1]
  }

  @inline(never)
  private mutating func drawGaps() {
    gapsUsed = 0
    if process == .deterministic {
      gaps.update(repeating: 1, count: Self.drawCount)
    } else {
      ExponentialTable.shared.fill(gaps, count: Self.drawCount, mean: 1, using: &arrivalStream)
    }
  }

  @inline(never)
  private mutating func drawDemands() {
    demandsUsed = 0
    switch distribution {
    case .exponential:
      ExponentialTable.shared.fill(demands, count: Self.drawCount, mean: demandMean, using: &demandStream)
    case .deterministic:
      demands.update(repeating: demandMean, count: Self.drawCount)
    case .lognormal:
      for index in 0..<Self.drawCount {
        demands[index] = demandStream.logNormal(mean: demandMean, variation: demandVariation)
      }
    case .empirical:
      for index in 0..<Self.drawCount { demands[index] = samples[demandStream.below(samples.count)] }
    }
  }

  // MARK: Seconds

  /// Starts the second at `now`, in which requests arrive at `rate` per second.
  mutating func startSecond(rate requests: Float) {
    start = now
    if let periodUsage {
      periodUsage.pointee = PeriodUsage()
      usedAtBoundary -= used
    }
    used = 0
    throttledTime = 0
    periods = 0
    throttledPeriods = 0
    sent = 0
    completed = 0
    timeouts = 0
    window.removeAll()
    if quota.isThrottled { throttledSince = now }
    requestRate = requests > 0 && isPresent ? min(Double(requests), 1e6) : 0
    if !isPresent { skipTrace(to: start + 1) }
    inverseRequestRate = 1 / requestRate
    scheduleArrival()
  }

  /// Runs an independent pod to `end`: the fast path.
  @inline(__always)
  mutating func run(to end: Double) {
    while true {
      let next = min(nextArrival, timerAt, end)
      while isRunning {
        let span = next - now
        let toCompletion = toCompletion
        let toThrottling = toThrottling
        if span < min(toCompletion, toThrottling) {
          serve(until: next)
          break
        }
        if toCompletion <= toThrottling { finishRequest() } else { exhaust() }
      }
      now = next
      if next >= end { return }
      if nextArrival <= next { arrive() } else { fireTimer() }
    }
  }

  /// Ends the second at `now` and says what happened in it.
  mutating func endSecond(into second: inout PodSecond) {
    if quota.isThrottled { throttledTime += now - throttledSince }
    if trace == nil { untilArrival = max(untilArrival - requestRate, 0) }
    var waiting = queue.count + inService
    var oldest = Double.infinity
    for place in 0..<inService {
      let time = serving[place].sent
      if time < 0 {
        waiting -= 1
      } else if time + timeout <= now {
        waiting -= 1
        giveUp(sentAt: time)
      } else {
        oldest = min(oldest, time)
      }
    }
    while expired < queue.count {
      let time = queue[expired].sent
      if time + timeout > now {
        oldest = min(oldest, time)
        break
      }
      giveUp(sentAt: time)
      expired &+= 1
    }
    second.time = now
    second.usage = used / (now - start) * 1000 + (isPresent ? min(baseUsage, Double(limit)) : 0)
    second.periods = periods
    second.throttledPeriods = throttledPeriods
    second.throttledTime = throttledTime
    second.sent = sent
    second.completed = completed
    second.timeouts = timeouts
    second.refused = refused
    refused = 0
    second.inFlight = waiting - expired
    second.backlog = queue.count + inService
    second.oldestAge = oldest.isFinite ? now - oldest : 0
    second.mean = window.count > 0 ? window.sum / Double(window.count) : 0
    (second.p95, second.p99) = window.upperTail()
  }

  /// Counts a client that has given up, once: in the second in which its patience ended.
  private mutating func giveUp(sentAt time: Double) {
    guard time + timeout > start else { return }
    timeouts &+= 1
    window.append(timeout, sentAt: time)
  }
}
