/// The pods of one cluster on one node: a single event loop in which the running pods share the node's cores.
///
/// Max-min fairness by weight (the CPU request): every running pod wants min(n, C) cores; what one does not use goes to the
/// others in proportion to their weights. Throttled and idle pods take no part.
struct SharedNode {
  let cores: Double

  /// Advances the pods at `pods[0]`, `pods[stride]`, … by one second to `end`; `rates` lie alike.
  func advance(
    _ pods: UnsafeMutablePointer<SimulatedPod>, stride: Int, count: Int, to end: Double, _ rates: UnsafePointer<Float>
  ) {
    for index in 0..<count { pods[index * stride].startSecond(rate: rates[index * stride]) }
    while true {
      let (first, next) = advanceToEvent(pods, stride: stride, count: count, before: end)
      if first < 0 { return }
      pods[first * stride].step()
      // A completion ends where its work ends, which rounding may put beside `next`.
      pods[first * stride].now = next
    }
  }

  /// Divides the cores and brings all pods to the next event before `end`, or to `end`, but for the pod that it happens to.
  ///
  /// - Returns: that pod, −1 for none, and when.
  @inline(__always)
  func advanceToEvent(
    _ pods: UnsafeMutablePointer<SimulatedPod>, stride: Int, count: Int, before end: Double
  ) -> (first: Int, next: Double) {
    shareOut(pods, stride, count)
    var next = end
    var first = -1
    for index in 0..<count {
      let at = pods[index * stride].nextEvent
      if at < next {
        next = at
        first = index
      }
    }
    for index in 0..<count where index != first {
      if pods[index * stride].isRunning { pods[index * stride].serve(until: next) }
      pods[index * stride].now = next
    }
    return (first, next)
  }

  /// Sets every running pod's share g so that g · min(n, C) is its max-min fair part of the cores.
  private func shareOut(_ pods: UnsafeMutablePointer<SimulatedPod>, _ stride: Int, _ count: Int) {
    var wanted = 0.0
    for index in 0..<count where pods[index * stride].isRunning { wanted += pods[index * stride].wantedCores }
    if wanted <= cores {
      for index in 0..<count where pods[index * stride].isRunning { pods[index * stride].setShare(1) }
      return
    }
    // Water filling: whoever wants less than a fair part gets all it wants; the others share what is left.
    for index in 0..<count where pods[index * stride].isRunning { pods[index * stride].share = 0 }
    var left = cores
    while true {
      var weight = 0.0
      for index in 0..<count where pods[index * stride].isRunning && pods[index * stride].share == 0 {
        weight += pods[index * stride].weight
      }
      let level = left / weight
      var settled = false
      for index in 0..<count where pods[index * stride].isRunning && pods[index * stride].share == 0 {
        let pod = pods[index * stride]
        if pod.wantedCores <= level * pod.weight {
          pods[index * stride].setShare(1)
          left -= pod.wantedCores
          settled = true
        }
      }
      if settled { continue }
      for index in 0..<count where pods[index * stride].isRunning && pods[index * stride].share == 0 {
        let pod = pods[index * stride]
        pods[index * stride].setShare(level * pod.weight / pod.wantedCores)
      }
      return
    }
  }
}

extension SimulatedPod {
  /// Cores that the pod could use now.
  var wantedCores: Double { min(Double(inService), cores) }

  mutating func setShare(_ value: Double) {
    share = value
    updateRate()
  }

  /// When the pod's next event comes if its rate stays as it is.
  var nextEvent: Double {
    let given = min(nextArrival, timerAt)
    return isRunning ? min(given, now + max(min(toCompletion, toThrottling), 0)) : given
  }

  enum Event { case completion, exhaustion, arrival, timer }

  /// Runs to the pod's next event and handles it.
  @inline(__always)
  mutating func step() {
    switch serveToEvent() {
    case .completion: finishRequest()
    case .exhaustion: exhaust()
    case .arrival: arrive()
    case .timer: fireTimer()
    }
  }

  /// Says which event is the pod's next and runs to it, except for the last bit of a request or a quota, which its handler
  /// runs.
  @inline(__always)
  mutating func serveToEvent() -> Event {
    let given = min(nextArrival, timerAt)
    if isRunning {
      let toCompletion = toCompletion
      let toThrottling = toThrottling
      if min(toCompletion, toThrottling) <= given - now {
        return toCompletion <= toThrottling ? .completion : .exhaustion
      }
      serve(until: given)
    }
    now = given
    return nextArrival <= now ? .arrival : .timer
  }
}
