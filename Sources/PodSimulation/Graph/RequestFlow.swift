/// The requests under way through one cluster's service graph, and the event loop that moves them: a single one over all
/// pods, so that a visit begins at the instant at which the one before it ends.
///
/// Allocates in `init` and where more requests are under way than ever before.
final class RequestFlow {
  /// A request between its arrival and the end of its last visit.
  private struct Request {
    var sent = 0.0
    var route = 0
    /// 0 is the entry pod.
    var stage = 0
    /// Visits of the stage that have not ended.
    var outstanding = 0
    /// When the stage's answers that have come are all back with the caller.
    var joinedAt = 0.0
    /// Latency outside the pods so far, seconds.
    var latency = 0.0
    var isOpen = false
    /// Whether the client still waits.
    var isWaited = false
    /// Whether a visit failed: no further stage begins.
    var hasFailed = false
  }

  private struct Stage {
    var first: Int
    var count: Int
  }

  let routes: Int
  private let pods: Int
  private let node: SharedNode
  /// Route of each entry pod, −1 for the others: `[pods]`.
  private let routeOfPod: UnsafeMutablePointer<Int>
  private let entries: UnsafeMutablePointer<Int>
  /// Stages of all routes one after the other, the entry's first, and the pods of all stages likewise.
  private let stages: UnsafeMutablePointer<Stage>
  private let firstStage: UnsafeMutablePointer<Int>
  private let visited: UnsafeMutablePointer<Int>
  private let visits: UnsafeMutablePointer<OpenVisits>
  private let windows: UnsafeMutablePointer<ResponseWindow>
  private let seconds: UnsafeMutablePointer<RouteSecond>
  private var requests: UnsafeMutablePointer<Request>
  private var free: UnsafeMutablePointer<Int>
  private var freeCount = 0
  private var capacity = 64

  /// - Parameters:
  ///   - graph: valid for `pods`.
  ///   - node: the node that the pods share; one with cores without end where each has its own.
  init(_ graph: ServiceGraph, pods: Int, node: SharedNode) {
    self.pods = pods
    self.node = node
    routes = graph.routes.count
    routeOfPod = .allocate(capacity: pods)
    routeOfPod.initialize(repeating: -1, count: pods)
    entries = .allocate(capacity: routes)
    firstStage = .allocate(capacity: routes + 1)
    stages = .allocate(capacity: graph.routes.reduce(0) { $0 + $1.stages.count + 1 })
    visited = .allocate(capacity: graph.routes.reduce(0) { $0 + $1.stages.reduce(1) { $0 + $1.count } })
    var stage = 0
    var place = 0
    for (number, route) in graph.routes.enumerated() {
      routeOfPod[route.entry] = number
      (entries + number).initialize(to: route.entry)
      (firstStage + number).initialize(to: stage)
      for pods in [[route.entry]] + route.stages {
        (stages + stage).initialize(to: Stage(first: place, count: pods.count))
        for pod in pods {
          (visited + place).initialize(to: pod)
          place += 1
        }
        stage += 1
      }
    }
    (firstStage + routes).initialize(to: stage)
    visits = .allocate(capacity: pods)
    for pod in 0..<pods { (visits + pod).initialize(to: OpenVisits()) }
    windows = .allocate(capacity: routes)
    for route in 0..<routes { (windows + route).initialize(to: ResponseWindow()) }
    seconds = .allocate(capacity: routes)
    seconds.initialize(repeating: RouteSecond(), count: routes)
    requests = .allocate(capacity: capacity)
    free = .allocate(capacity: capacity)
    removeAll()
  }

  deinit {
    for pod in 0..<pods { visits[pod].deallocate() }
    for route in 0..<routes { windows[route].deallocate() }
    routeOfPod.deallocate()
    entries.deallocate()
    stages.deallocate()
    firstStage.deallocate()
    visited.deallocate()
    visits.deallocate()
    windows.deallocate()
    seconds.deallocate()
    requests.deallocate()
    free.deallocate()
  }

  /// Begins an episode.
  func removeAll() {
    requests.initialize(repeating: Request(), count: capacity)
    for place in 0..<capacity { free[place] = capacity - 1 - place }
    freeCount = capacity
    for pod in 0..<pods { visits[pod].removeAll() }
    for route in 0..<routes {
      windows[route].removeAll()
      seconds[route] = RouteSecond()
    }
  }

  /// What happened to a route's requests in the last second.
  func second(route: Int) -> RouteSecond { seconds[route] }

  /// End-to-end response times that ended in the last second.
  func window(route: Int) -> ResponseWindow { windows[route] }

  // MARK: Time

  /// Starts a second; before that, pods may stop (`lose`).
  func startSecond() {
    for route in 0..<routes {
      windows[route].removeAll()
      seconds[route] = RouteSecond()
    }
  }

  /// Advances the pods at `pod[0]`, `pod[stride]`, … by one second to `end`; `rates` lie alike.
  func advance(
    _ pod: UnsafeMutablePointer<SimulatedPod>, stride: Int, to end: Double, _ rates: UnsafePointer<Float>
  ) {
    for index in 0..<pods {
      let isEntry = routeOfPod[index] >= 0
      if !isEntry { pod[index * stride].skipTrace(to: end) }
      pod[index * stride].startSecond(rate: isEntry ? rates[index * stride] : 0)
    }
    while true {
      let (first, next) = node.advanceToEvent(pod, stride: stride, count: pods, before: end)
      if first < 0 { break }
      let acting = pod + first * stride
      switch acting.pointee.serveToEvent() {
      case .completion:
        let sent = acting.pointee.finishService()
        acting.pointee.now = next
        guard sent >= 0 else { continue }
        acting.pointee.answer(sentAt: sent)
        visitEnded(visits[first].remove(sentAt: sent), latency: acting.pointee.latency, pod, stride, at: next)
      case .exhaustion: acting.pointee.exhaust()
      case .arrival:
        var request = acting.pointee.nextRequest()
        acting.pointee.scheduleNext()
        acting.pointee.now = next
        let number = open(route: routeOfPod[first], at: next)
        request.sent = visits[first].append(number, at: next)
        acting.pointee.admit(request)
      case .timer: acting.pointee.fireTimer()
      }
      acting.pointee.now = next
    }
    endSecond(pod, stride, at: end)
  }

  private func endSecond(_ pod: UnsafeMutablePointer<SimulatedPod>, _ stride: Int, at now: Double) {
    for number in 0..<capacity where requests[number].isOpen {
      let route = requests[number].route
      seconds[route].backlog += 1
      guard requests[number].isWaited else { continue }
      let timeout = pod[entries[route] * stride].timeout
      if requests[number].sent + timeout <= now {
        requests[number].isWaited = false
        seconds[route].timeouts += 1
        windows[route].append(timeout, sentAt: requests[number].sent)
      } else {
        seconds[route].inFlight += 1
      }
    }
    for route in 0..<routes {
      seconds[route].time = now
      let window = windows[route]
      seconds[route].mean = window.count > 0 ? window.sum / Double(window.count) : 0
      (seconds[route].p95, seconds[route].p99) = window.upperTail()
    }
  }

  // MARK: Requests

  private func open(route: Int, at now: Double) -> Int {
    if freeCount == 0 { grow() }
    freeCount -= 1
    let number = free[freeCount]
    requests[number] = Request(
      sent: now, route: route, stage: 0, outstanding: 1, joinedAt: 0, latency: 0, isOpen: true, isWaited: true,
      hasFailed: false)
    seconds[route].sent += 1
    return number
  }

  private func close(_ number: Int) {
    requests[number].isOpen = false
    free[freeCount] = number
    freeCount += 1
  }

  /// A visit of the request has ended.
  private func visitEnded(
    _ number: Int, latency: Double, _ pod: UnsafeMutablePointer<SimulatedPod>, _ stride: Int, at now: Double
  ) {
    let request = requests + number
    request.pointee.outstanding -= 1
    request.pointee.joinedAt = max(request.pointee.joinedAt, now + latency)
    guard request.pointee.outstanding == 0 else { return }
    if request.pointee.hasFailed { return close(number) }
    request.pointee.latency += request.pointee.joinedAt - now
    request.pointee.joinedAt = 0
    request.pointee.stage += 1
    let route = request.pointee.route
    let stage = firstStage[route] + request.pointee.stage
    guard stage < firstStage[route + 1] else { return answer(number, pod, stride, at: now) }
    let targets = stages[stage]
    request.pointee.outstanding = targets.count
    for place in targets.first..<targets.first + targets.count {
      let target = pod + visited[place] * stride
      if target.pointee.isPresent {
        let work = target.pointee.drawDemand() + target.pointee.overhead
        let sent = visits[visited[place]].append(number, at: now)
        target.pointee.admit(WaitingRequest(sent: sent, work: work))
      } else {
        fail(number)
      }
    }
    // Only failed visits can have ended by now.
    if requests[number].outstanding == 0 { close(number) }
  }

  private func answer(_ number: Int, _ pod: UnsafeMutablePointer<SimulatedPod>, _ stride: Int, at now: Double) {
    let request = requests[number]
    if request.isWaited {
      let timeout = pod[entries[request.route] * stride].timeout
      let response = now - request.sent + request.latency
      if response <= timeout { seconds[request.route].completed += 1 } else { seconds[request.route].timeouts += 1 }
      windows[request.route].append(min(response, timeout), sentAt: request.sent)
    }
    close(number)
  }

  /// A visit fails, and with it the request; parallel visits go on.
  private func fail(_ number: Int) {
    requests[number].outstanding -= 1
    requests[number].hasFailed = true
    guard requests[number].isWaited else { return }
    requests[number].isWaited = false
    seconds[requests[number].route].refused += 1
  }

  /// All visits to a pod fail: it has stopped. Between `startSecond` and `advance`.
  func lose(pod: Int) {
    while let number = visits[pod].removeFirst() {
      fail(number)
      if requests[number].outstanding == 0 { close(number) }
    }
  }

  @inline(never)
  private func grow() {
    let moreRequests = UnsafeMutablePointer<Request>.allocate(capacity: 2 * capacity)
    moreRequests.moveInitialize(from: requests, count: capacity)
    (moreRequests + capacity).initialize(repeating: Request(), count: capacity)
    requests.deallocate()
    requests = moreRequests
    free.deallocate()
    free = .allocate(capacity: 2 * capacity)
    for place in 0..<capacity { free[place] = 2 * capacity - 1 - place }
    freeCount = capacity
    capacity *= 2
  }
}
