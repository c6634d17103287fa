import Autoscaling
import Control
import HTTPServer
import Synchronization

/// The live loop and what an operator may do to it. One thread drives: it performs rounds, carries out orders between them, and
/// publishes what it knows; requests read what was published and never wait for a round.
public final class Session: Sendable {
  /// What an order works on, on the loop's thread.
  public final class Desk {
    public fileprivate(set) var settings: SessionSettings
    public let driver: any SessionDriver
    fileprivate var ticks = LatencyHistogram()
    fileprivate var lastTick = 0.0
    fileprivate var notice: String?
    fileprivate var round: ControlRound?

    fileprivate init(_ settings: SessionSettings, _ driver: any SessionDriver) {
      self.settings = settings
      self.driver = driver
    }

    /// Takes new settings: all of them, or none and a sentence. Where the agents stop acting the pods get their original limits
    /// back before this returns.
    public func change(to new: SessionSettings) throws(APIFailure) {
      guard new != settings else { return }
      try check(new)
      do {
        try driver.change(to: new)
      } catch {
        throw APIFailure(422, "refused", "\(error)")
      }
      let stopped = settings.acts && !new.acts
      settings = new
      if stopped {
        let outcome = driver.release()
        notice =
          outcome.failed.isEmpty
          ? nil : "\(outcome.failed.count) pods keep limits of ours: \(outcome.failed.values.sorted().first ?? "")"
      }
    }

    private func check(_ new: SessionSettings) throws(APIFailure) {
      guard new.minimum <= new.maximum else {
        throw .invalid("minimum", "the smallest limit \(new.minimum)m is above the largest \(new.maximum)m")
      }
      let group = driver.group
      var floors = 0
      for place in 0..<group.count where group.samples[place].isPresent && group.samples[place].time.isFinite {
        floors += min(max(group.pods[place].bounds.lowerBound, new.minimum), 1 << 40)
      }
      guard new.capacity >= floors else {
        throw .invalid(
          "capacity", "a pool of \(new.capacity)m is too small: the pods need at least \(floors)m together")
      }
    }
  }

  private typealias Order = (action: @Sendable (Desk) throws(APIFailure) -> ServerResponse, answer: PendingResponse)

  private struct Shared {
    var orders: [Order] = []
    var snapshot: SessionSnapshot
    var state: [UInt8]?
    /// By whether it is OpenMetrics' format.
    var metrics: [Bool: [UInt8]] = [:]
    var history = SessionHistory()
    var publishedAt: Double
    /// When the event streams are to be kept alive again.
    var commentAt = Double.infinity
    var isStopped = false
    var hasEnded = false
  }

  public let service: ServiceFacts
  private let shared: Mutex<Shared>
  let events: EventHub
  private let say: @Sendable (String) -> Void

  /// - Parameter say: gets warnings for people.
  public init(
    _ service: ServiceFacts, settings: SessionSettings, facts: ClusterFacts, say: @escaping @Sendable (String) -> Void
  ) {
    self.service = service
    self.say = say
    events = EventHub()
    shared = Mutex(
      Shared(
        snapshot: SessionSnapshot(
          time: Pace.wall(), settings: settings, facts: facts, election: nil, round: 0, missedRounds: 0,
          counts: ResizeCounts(), allocated: 0, reserved: 0, used: 0, tick: 0, tickMedian: 0, tickHigh: 0,
          notice: Self.waiting, pods: [], roundTime: nil), publishedAt: -.infinity))
  }

  // MARK: For requests

  public var snapshot: SessionSnapshot { shared.withLock { $0.snapshot } }

  /// `/api/v1/state`, encoded once a round.
  var stateBytes: [UInt8] {
    shared.withLock { shared in
      if let state = shared.state { return state }
      let state = shared.snapshot.state(service)
      shared.state = state
      return state
    }
  }

  /// `/metrics`, encoded once a round in each of its formats.
  func metricsBytes(isOpen: Bool) -> [UInt8] {
    shared.withLock { shared in
      if let metrics = shared.metrics[isOpen] { return metrics }
      let metrics = MetricsText.render(shared.snapshot, service, ticks: ticks.withLock { $0 }, isOpen: isOpen)
      shared.metrics[isOpen] = metrics
      return metrics
    }
  }

  func history(seconds: Double) -> [UInt8] { shared.withLock { $0.history }.json(seconds: seconds) }
  func decisions(of pod: String?, limit: Int) -> [UInt8] {
    shared.withLock { $0.history }.decisions(of: pod, limit: limit)
  }

  /// Whether rounds come: the last one is not older than three intervals and a moment.
  public var isReady: Bool {
    let now = Pace.monotonic()
    return shared.withLock { now - $0.publishedAt < 3 * $0.snapshot.settings.interval + 2 && !$0.hasEnded }
  }

  /// Has the loop's thread do something between two rounds.
  public func order(
    _ action: @escaping @Sendable (Desk) throws(APIFailure) -> ServerResponse
  ) -> PendingResponse {
    let answer = PendingResponse()
    let isTaken = shared.withLock { shared in
      guard !shared.isStopped, shared.orders.count < 1000 else { return false }
      shared.orders.append((action, answer))
      return true
    }
    if !isTaken { answer.complete(APIFailure(503, "stopping", "the service is stopping, or too busy").response) }
    return answer
  }

  /// Whether the loop has something to do before its next round: what its driver waits with.
  public var isWanted: Bool {
    let now = Pace.monotonic()
    return shared.withLock { !$0.orders.isEmpty || $0.isStopped || now >= $0.commentAt }
  }

  // MARK: The loop

  private let ticks = Mutex(TickCounts())

  /// Drives until `stop` or until `shouldEnd` says so, on the calling thread; then puts the original limits back.
  ///
  /// - Returns: whether everything is as it was.
  public func run(_ driver: any SessionDriver, restores: Bool = true, shouldEnd: () -> Bool = { false }) -> Bool {
    let desk = Desk(snapshot.settings, driver)
    desk.notice = Self.waiting
    republish(desk)
    var failures = 0
    keepAlive()
    while !shared.withLock({ $0.isStopped }) {
      if shouldEnd() { stop() }
      fulfil(desk)
      if shared.withLock({ Pace.monotonic() >= $0.commentAt }) { keepAlive() }
      do {
        guard let (round, seconds) = try driver.perform() else {
          if !isWanted { Pace.rest(0.05) }
          continue
        }
        failures = 0
        if desk.notice == Self.waiting || desk.notice?.hasPrefix(Self.failed) == true { desk.notice = nil }
        publish(round, seconds, desk)
      } catch {
        // A loop that ends silently would leave pods to themselves: it is said, and tried again.
        failures += 1
        desk.notice = "\(Self.failed)\(error)"
        if failures == 1 { say("\(error)") }
        republish(desk)
        Pace.rest(min(Double(failures) * 0.2, 5))
      }
    }
    fulfil(desk)
    shared.withLock { $0.hasEnded = true }
    guard restores, desk.settings.acts || driver.owesLimits, driver.election?.isLeader ?? true else { return true }
    let outcome = driver.release()
    for (pod, reason) in outcome.failed.sorted(by: { $0.key < $1.key }).prefix(5) {
      say("\(pod) is still resized: \(reason)")
    }
    return outcome.failed.isEmpty
  }

  private static let waiting = "the first round has not come yet"
  private static let failed = "the last round failed: "

  /// However long the wait for a round is, what stands between us and a listener must not think that nobody is there.
  private func keepAlive() {
    events.sendComment()
    shared.withLock { $0.commentAt = Pace.monotonic() + 10 }
  }

  /// Ends the loop after what it is doing.
  public func stop() { shared.withLock { $0.isStopped = true } }

  private func fulfil(_ desk: Desk) {
    let orders = shared.withLock { shared -> [Order] in
      defer { shared.orders = [] }
      return shared.orders
    }
    guard !orders.isEmpty else { return }
    let before = desk.settings
    var answers: [(PendingResponse, ServerResponse)] = []
    for order in orders {
      let response: ServerResponse
      do throws(APIFailure) {
        response = try order.action(desk)
      } catch {
        response = error.response
      }
      answers.append((order.answer, response))
    }
    // Whoever reads after his answer finds what he has changed.
    if desk.settings != before { republish(desk) }
    for (answer, response) in answers { answer.complete(response) }
    if desk.settings != before { events.send("state") { stateBytes } }
  }

  private func publish(_ round: ControlRound, _ seconds: Double, _ desk: Desk) {
    desk.round = round
    desk.lastTick = seconds
    desk.ticks.add(seconds)
    ticks.withLock { $0.add(seconds) }
    let snapshot = snapshot(desk)
    shared.withLock { shared in
      shared.snapshot = snapshot
      shared.state = nil
      shared.metrics = [:]
      shared.history.take(snapshot)
      shared.publishedAt = Pace.monotonic()
    }
    events.send("round") { snapshot.roundUpdate() }
  }

  private func republish(_ desk: Desk) {
    let snapshot = snapshot(desk)
    shared.withLock { shared in
      shared.snapshot = snapshot
      shared.state = nil
      shared.metrics = [:]
    }
  }

  private func snapshot(_ desk: Desk) -> SessionSnapshot {
    let driver = desk.driver
    let group = driver.group
    var pods: [PodView] = []
    var used = 0.0
    if let round = desk.round {
      var isSent = Array(repeating: false, count: group.count)
      for place in round.sent where place < group.count { isSent[place] = true }
      pods.reserveCapacity(group.count)
      for place in 0..<group.count where group.pods[place].name != Place.vacant.description.name {
        let view = PodView(
          place, round, group, isSent: isSent[place], note: driver.note(place), bounds: desk.settings)
        if view.isPresent { used += view.usage }
        pods.append(view)
      }
    }
    return SessionSnapshot(
      time: Pace.wall(), settings: desk.settings, facts: driver.facts, election: driver.election,
      round: desk.round?.number ?? 0, missedRounds: desk.round?.missedRounds ?? 0, counts: driver.counts,
      allocated: group.settings.pool.capacity - group.reserved - group.available, reserved: group.reserved, used: used,
      tick: desk.lastTick, tickMedian: desk.ticks.quantile(0.5) ?? 0, tickHigh: desk.ticks.quantile(0.99) ?? 0,
      notice: desk.notice, pods: pods, roundTime: desk.round.map { _ in Pace.wall() })
  }
}
