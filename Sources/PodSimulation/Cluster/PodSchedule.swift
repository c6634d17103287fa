/// When one pod is there: pods arrive, restart and leave while the others run.
///
/// Seconds since the episode began; every event happens at a second's beginning, before its requests. A pod that is absent
/// gets no requests, uses nothing, and its sample says that it is absent. A pod that arrives or restarts first burns its
/// `startupWork`; requests that come meanwhile wait. A restart or a departure loses the pod's requests: their clients
/// get an error at once and are counted as `refused`. The limit outlives a restart, as it belongs to the pod and not to the
/// process in it.
public struct PodSchedule: Codable, Equatable, Sendable {
  /// The second in which the pod arrives, 0…1,000,000; 0 is there from the beginning.
  public var start: Int
  /// The second from which on the pod is gone, after `start`; nil stays.
  public var end: Int?
  /// The seconds in which it restarts, ascending, between `start` and `end`.
  public var restarts: [Int]

  public init(start: Int = 0, end: Int? = nil, restarts: [Int] = []) {
    self.start = start
    self.end = end
    self.restarts = restarts
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    start = try values.decodeIfPresent(Int.self, forKey: .start) ?? 0
    end = try values.decodeIfPresent(Int.self, forKey: .end)
    restarts = try values.decodeIfPresent([Int].self, forKey: .restarts) ?? []
  }

  public func validate() throws {
    try PodSimulation.validate("schedule.start", start, in: 0...1_000_000, "seconds")
    let last = end ?? 1_000_001
    if let end { try PodSimulation.validate("schedule.end", end, in: start + 1...1_000_001, "seconds") }
    var earliest = start + 1
    for restart in restarts {
      guard (earliest..<last).contains(restart) else {
        throw SimulationError.outOfRange(
          "schedule.restarts", restart, expected: "ascending seconds after \(start) and before \(last)")
      }
      earliest = restart + 1
    }
  }

  /// Whether the pod is there during the second that begins at `time`.
  public func isPresent(at time: Int) -> Bool { time >= start && (end.map { time < $0 } ?? true) }

  /// What can happen at the beginning of a second.
  enum Event { case none, arrival, restart, departure }

  /// What happens first after second `time`, and when; `Int.max` for never.
  func nextEvent(after time: Int) -> (event: Event, at: Int) {
    if start > 0, time < start { return (.arrival, start) }
    if let restart = restarts.first(where: { $0 > time }) { return (.restart, restart) }
    if let end, time < end { return (.departure, end) }
    return (.none, .max)
  }
}

extension SimulatedPod {
  /// The process stops: requests inside are lost, their clients counted as refused. Limit, quota period and the load to come
  /// stay as they are.
  mutating func stop() {
    for place in 0..<inService where serving[place].sent >= 0 { refuse(sentAt: serving[place].sent) }
    for place in 0..<queue.count { refuse(sentAt: queue[place].sent) }
    queue.removeAll()
    expired = 0
    inService = 0
    attained = 0
    overrunUntil = 0
    quota.idle()
    updateRate()
  }

  /// Those who have given up before were counted then.
  private mutating func refuse(sentAt time: Double) {
    if time + timeout > now { refused &+= 1 }
  }

  /// A process starts, in a cgroup of its own: with a full quota, and with the start-up work before all requests.
  mutating func launch(startupWork: Double) {
    isPresent = true
    isActive = false
    wasActive = false
    write(limit)
    capacity = workers
    if startupWork > 0 {
      capacity = 1
      begin(WaitingRequest(sent: -1, work: startupWork))
    }
    updateRate()
  }

  /// The pod is gone; a limit write on its way is lost with it.
  mutating func leave() {
    stop()
    isPresent = false
    isActive = false
    wasActive = false
    writeAt = .infinity
    timerAt = boundaryAt
    write(limit)
  }

  /// Passes over the requests that a trace has for the absent pod before `end`.
  mutating func skipTrace(to end: Double) {
    guard let trace else { return }
    trace._withUnsafeGuaranteedRef { trace in
      while traceCursor < trace.count, trace.times[traceCursor] < end { traceCursor &+= 1 }
    }
  }
}
