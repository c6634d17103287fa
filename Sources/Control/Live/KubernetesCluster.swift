import Autoscaling
import Kubernetes

/// Real pods behind an API server as something that `ControlLoop` can drive.
///
/// Threads of their own follow the pods, read the metrics and send the resizes; this type is used by the loop's thread only
/// and never waits for any of them longer than a part of the interval. What it tells the loop is what is in force: limits from
/// the metric source where it knows them, else from the kubelet's status, never from the specification alone.
public final class KubernetesCluster: ControlledCluster {
  /// Time and waiting: replaced in tests, where time passes in the emulator.
  public struct Clock: Sendable {
    /// The metric sources' clock: seconds since 1970.
    public var calendar: @Sendable () -> Double
    public var pacing: Pacing
    /// The longest piece of a wait, seconds, after which `shouldStop` is looked at.
    public var piece: Double
    /// The watchers' own: they follow the server in its time, not the loop's.
    public var watching: Pacing

    public init(
      calendar: @escaping @Sendable () -> Double, pacing: Pacing, piece: Double = 0.05, watching: Pacing = .system
    ) {
      self.calendar = calendar
      self.pacing = pacing
      self.piece = piece
      self.watching = watching
    }

    public static let system = Clock(calendar: { Timestamp.now.seconds }, pacing: .system)
  }

  /// What must be known of a pod beside its sample.
  struct Tenant {
    var uid: String
    /// `namespace/name`.
    var key: String
    var container: String
    var original: OriginalValues
    /// Whether the original is kept durably.
    var isKept: Bool
    /// Whether a pod was seen with it: where it is gone later, somebody else has taken it away.
    var isKeptSeen = false
    var sample: PodSample?
    var record: ResizeRecord?
    var settlement = Settlement.settled
    /// Whether a resize was ever sent.
    var isTouched = false
    /// The order whose answer is awaited; nil while none is on its way.
    var ticket: Int?
    /// The last order, answered or not.
    var lastTicket = 0
    /// An order whose answer was lost, and when to look for what became of it.
    var lost: (order: PatchSender.Order, error: ClusterError, lookAt: Double)?
    /// What was asked last, and since when the cluster says that it is in force.
    var asked: Millicores?
    var settledAt: Double?
    /// Whether the record is of a patch that takes back a resize which did not come to pass in time.
    var isWithdrawing = false
    /// Seconds on the monotonic clock until which nothing is sent.
    var quietUntil = -Double.infinity
    /// Refusals in a row.
    var failures = 0
    /// Answers in a row by which the node refused for ever to give less than what is in force.
    var infeasible = 0
    /// The node or the quota has no more than less than this, for a while.
    var ceiling: (limit: Millicores, until: Double)?
    /// For people: why nothing moves.
    var note = ""
  }

  let configuration: LiveConfiguration
  let client: APIClient
  let clock: Clock
  let shouldStop: @Sendable () -> Bool
  let originals: any OriginalsStore
  let sender: PatchSender
  let gatherer: MetricGatherer
  private let responses: ResponseTimeReader?
  let watchers: [PodWatcher]
  let inbox: PodInbox
  var roster: PodRoster
  var tenants: [Tenant?] = []
  /// Pods that left a place since the last sample: the group must see them gone before it sees the next tenant.
  var departed: Set<Int> = []
  var absentees: [String: Absentee] = [:]
  /// Pods that no longer match the selector and keep a limit of ours, by uid.
  var strays: [String: Stray] = [:]
  let returns = StrayReturns()
  private var meters = PodMeters()
  var limitRanges: [String: [LimitRange]]
  let rangeReader = LimitRangeReader()
  private var schedule: TickSchedule?
  private var missedBefore = 0
  /// The round that is waited for.
  private var due: Double?
  /// When this process began with the pods, seconds on the monotonic clock.
  let began: Double
  private let end: Double?
  var tickets = 0
  /// Orders up to this one are unknown to the present group.
  var ticketsOfFormerGroup = 0
  var rejections: [Int] = []
  var events: PodEvents
  /// Events that wait for writes that nobody else needs.
  var notes: [APIRequest] = []
  public internal(set) var statistics = LiveStatistics()
  private var sampledAt = 0.0
  /// Said once each.
  var complaints: Set<String> = []
  public private(set) var places: [Place] = []

  /// Begins to follow the pods and waits for the first list. `ClusterSurvey.check` has been made.
  ///
  /// - Throws: `ClusterError` when no list comes, `LiveError` when no pod can be driven, `Ended`.
  public init(
    _ survey: ClusterSurvey, _ configuration: LiveConfiguration, source: any MetricSource,
    originals: any OriginalsStore, clock: Clock = .system,
    shouldStop: @escaping @Sendable () -> Bool
  ) throws {
    self.configuration = configuration
    client = survey.client
    self.clock = clock
    self.shouldStop = shouldStop
    self.originals = originals
    limitRanges = survey.limitRanges
    sender = PatchSender(
      PodResizer(client, discovery: survey.discovery, timeout: configuration.resizeTimeout), originals: originals,
      pacing: clock.pacing,
      patience: configuration.writePatience, threads: configuration.connections)
    gatherer = MetricGatherer(source, workers: configuration.connections)
    responses = configuration.responseTimes.map { question in
      ResponseTimeReader(ageMaximum: configuration.responseTimeAge, clock: clock.pacing, question: question)
    }
    events = PodEvents(isOn: configuration.sendsEvents)
    let limits = survey.limitRanges
    let shield = configuration.shield
    roster = PodRoster(
      selection: configuration.selection, pool: configuration.poolName, places: configuration.places ?? 0,
      placesMaximum: configuration.places ?? configuration.placesMaximum, capacity: configuration.capacity
    ) { LiveConfiguration.bounds(of: $0, limitRanges: limits, shield: shield, values: configuration.values).lowerBound }
    let inbox = PodInbox()
    self.inbox = inbox
    let namespaces: [String?] = configuration.selection.namespaces.isEmpty ? [nil] : configuration.selection.namespaces
    watchers = namespaces.map { namespace in
      PodWatcher(
        client: survey.client, namespace: namespace, selectors: configuration.selection.selectors,
        pacing: clock.watching
      ) { inbox.append($0) }
    }
    let now = clock.pacing.now()
    began = now
    end = configuration.duration.map { now + $0 }
    for watcher in watchers { watcher.start() }
    try awaitFirstList()
    update()
    guard tenants.contains(where: { $0 != nil }) else {
      stop()
      throw survey.nothingToDrive(roster.refused.map { ($0.key, $0.value) })
    }
    // A first look, so that the first round already has two readings of a counter.
    measure(waitingAtMost: configuration.patience)
  }

  deinit { stop() }

  /// It was asked to stop before it knew any pod.
  public struct Ended: Error {}

  /// All pods that match the selector, as last told.
  var known: [Pod] { watchers.flatMap { $0.pods.values } }

  /// Ends the following of pods.
  public func stop() { for watcher in watchers { watcher.stop() } }

  private func awaitFirstList() throws {
    let deadline = Pacing.system.now() + 15
    while !watchers.allSatisfy(\.isSynced), !shouldStop() {
      if let failure = watchers.compactMap(\.failure).first, !failure.isRetryable || Pacing.system.now() > deadline {
        stop()
        throw failure
      }
      Pacing.system.sleep(0.01)
    }
    if !watchers.allSatisfy(\.isSynced) {
      stop()
      throw Ended()
    }
  }

  // MARK: Rounds

  public var now: Double { clock.calendar() }
  public var missedRounds: Int { missedBefore + (schedule?.missed ?? 0) }

  public func awaitRound(interval: Double) throws -> Bool {
    var schedule = self.schedule ?? TickSchedule(start: clock.pacing.now(), interval: interval)
    if schedule.interval != interval {
      missedBefore += schedule.missed
      schedule = TickSchedule(start: clock.pacing.now(), interval: interval)
      due = nil
    }
    let due = self.due ?? schedule.next(at: clock.pacing.now())
    self.schedule = schedule
    // Who is woken early waits for the same round again.
    self.due = due
    if let end, due > end + interval / 2 { return false }
    let stoodBy = !mayAct
    while true {
      if shouldStop() { return false }
      let left = due - clock.pacing.now()
      if left <= 0 {
        self.due = nil
        break
      }
      // Whoever takes over from another does so at once, in a round beside the grid.
      if stoodBy, mayAct { break }
      clock.pacing.sleep(min(left, clock.piece))
    }
    update()
    return true
  }

  /// Takes what the watchers have told since the last round.
  private func update() {
    let changes = inbox.take()
    noteStrays(changes)
    apply(roster.apply(changes))
    dropAbsentees()
    forgetDeleted(changes)
    keepOriginals()
    limitRanges.merge(rangeReader.take()) { $1 }
    let time = clock.pacing.now()
    for place in tenants.indices {
      settle(place, at: time)
      lookForLost(place, at: time)
      distrust(place, at: time)
      if configuration.applies, mayAct { withdraw(place, at: time) }
    }
    bringBackStrays(at: time)
    describe()
    watchFailure(watchers.compactMap(\.failure).first)
  }

  func apply(_ changes: [PodRoster.Event]) {
    for change in changes {
      switch change {
      case .taken(let place):
        while tenants.count <= place { tenants.append(nil) }
        if tenants[place] != nil { departed.insert(place) }
        guard let pod = roster.places[place] else { continue }
        absentees[pod.uid] = nil
        strays[pod.uid] = nil
        let kept = originals.original(of: pod.pod)
        tenants[place] = Tenant(
          uid: pod.uid, key: pod.key, container: pod.container,
          original: kept ?? OriginalValues(pod.pod, container: pod.container), isKept: kept != nil,
          isKeptSeen: kept != nil)
      case .updated(let place): takeOriginal(place)
      case .left(let place):
        departed.insert(place)
        if let tenant = tenants[place] {
          absentees[tenant.uid] = Absentee(tenant)
          for kind in ["admission", "infeasible"] { complaints.remove("\(kind) \(tenant.uid)") }
        }
        tenants[place] = nil
      }
    }
    while tenants.count < roster.places.count { tenants.append(nil) }
  }

  /// Another instance may have kept the original meanwhile, and moved the pod. While this one only stands by, what it sees of
  /// a pod that nobody has kept is the original.
  private func takeOriginal(_ place: Int) {
    guard let tenant = tenants[place], let pod = roster.places[place] else { return }
    let kept = originals.original(of: pod.pod)
    if kept != nil {
      tenants[place]?.isKeptSeen = true
    } else if tenant.isKept, tenant.isKeptSeen {
      // Another instance has put the pod back and forgotten it: kept anew before the next resize.
      tenants[place]?.forgetKept()
      return
    }
    guard !tenant.isKept, !tenant.isTouched else { return }
    if let kept {
      tenants[place]?.original = kept
      tenants[place]?.isKept = true
    } else if !mayAct {
      tenants[place]?.original = OriginalValues(pod.pod, container: pod.container)
    }
  }

  /// There is nothing to put back on a pod that is no more.
  private func forgetDeleted(_ changes: [PodChange]) {
    let deleted = changes.compactMap { change -> Pod? in
      guard case .vanished(let pod) = change, pod.metadata.deletionTimestamp != nil else { return nil }
      return originals.isLocal && originals.original(of: pod) != nil ? pod : nil
    }
    if !deleted.isEmpty { try? originals.forget(deleted) }
  }

  private func describe() {
    let time = clock.pacing.now()
    let namespaces = Set(roster.places.compactMap { $0?.namespace })
    for index in tenants.indices {
      guard let tenant = tenants[index], let pod = roster.places[index] else {
        if places.count <= index { places.append(.vacant) }
        continue
      }
      var bounds = LiveConfiguration.bounds(
        of: pod, limitRanges: limitRanges, shield: configuration.shield, values: configuration.values)
      if let ceiling = tenant.ceiling, ceiling.until > time {
        bounds = min(bounds.lowerBound, ceiling.limit)...min(bounds.upperBound, ceiling.limit)
      }
      let priority = pod.settings.priority ?? configuration.priority(ofPlace: index)
      let name = namespaces.count > 1 ? pod.key : pod.name
      let place = Place(
        PodDescription(name: name, priority: priority, bounds: bounds),
        original: configuration.values == .requestsOnly ? tenant.original.request : tenant.original.limit,
        isApplied: (pod.settings.mode ?? .apply) == .apply, owner: pod.pod.workload)
      if index < places.count { places[index] = place } else { places.append(place) }
    }
  }

  /// As `--metrics` names it.
  public var sourceName: String { gatherer.source.name }

  /// Why nothing moves on a place, for people; empty when all is well.
  public func note(ofPlace place: Int) -> String { place < tenants.count ? tenants[place]?.note ?? "" : "" }

  /// `namespace/name` of the pod in each place; nil where there is none.
  public var keys: [String?] { roster.places.map { $0?.key } }

  // MARK: Samples

  /// Reads the metrics of all pods that have a place.
  private func measure(waitingAtMost patience: Double) {
    let placed = roster.places.indices.filter { roster.places[$0] != nil }
    let pods = placed.compactMap { roster.places[$0] }
    let snapshot = gatherer.gather(pods, waitingAtMost: patience)
    statistics.unreadableReadings += snapshot.unreadable
    let times = responses?.read() ?? [:]
    for (place, outcome) in zip(placed, meters.take(snapshot, of: pods)) {
      if case .sample(var sample) = outcome {
        sample.responseTimes = tenants[place].flatMap { times[$0.key] }.map { ResponseTimes(mean: $0, p95: $0) }
        tenants[place]?.sample = sample
      }
    }
    if let failure = responses?.failure {
      complain(once: "responses", "response times: \(failure)")
    } else {
      complaints.remove("responses")
    }
    if let failure = gatherer.failure { complain(once: "metrics", "\(failure)") } else { complaints.remove("metrics") }
  }

  public func sample(into samples: UnsafeMutableBufferPointer<PodSample>) throws {
    measure(waitingAtMost: configuration.patience)
    sampledAt = clock.pacing.now()
    let now = self.now
    for place in samples.indices {
      guard let tenant = tenants[place], let pod = roster.places[place], var sample = tenant.sample,
        !departed.contains(place)
      else {
        samples[place] = .absent(at: now)
        continue
      }
      sample.limit = limitInForce(pod, tenant, measured: sample.limit)
      samples[place] = sample
    }
    departed.removeAll(keepingCapacity: true)
  }

  /// Desired and actual limit are never compared for equality: the kernel's granularity and the runtime's conversions change
  /// the number. What has settled counts as what was asked.
  func limitInForce(_ pod: SelectedPod, _ tenant: Tenant, measured: Millicores) -> Millicores {
    if configuration.values == .requestsOnly { return pod.request }
    guard let wanted = tenant.record?.limit ?? pod.pod.container(pod.container)?.resources?.limits["cpu"]?.cpu
    else { return measured }
    return abs(wanted - measured) < configuration.shield.granularity && tenant.settlement == .settled
      ? wanted : measured
  }

  // MARK: Resizes

  public var mayAct: Bool { configuration.mayAct() }

  /// Those that must wait for their turn go out within the round.
  public var resizesAvailable: Int? {
    client.writesAvailable(within: configuration.writePatience).map { min($0, configuration.roundMaximum) }
  }

  /// The first resize of a pod whose original is to be kept on it takes two writes.
  public func affordable(_ order: [Int]) -> Int {
    guard !originals.isLocal, var writes = resizesAvailable else { return order.count }
    for (count, place) in order.enumerated() {
      writes -= tenants[place]?.isKept == false ? 2 : 1
      if writes < 0 { return count }
    }
    return order.count
  }

  public func isQuiet(_ place: Int) -> Bool {
    guard let tenant = tenants[place] else { return true }
    return tenant.ticket != nil || tenant.quietUntil > clock.pacing.now()
  }

  public func resize(_ places: [Int], to limits: (Int) -> Millicores) throws {
    for place in places {
      guard let pod = roster.places[place], tenants[place] != nil else { continue }
      do throws(ResizeRefusal) {
        try order(place, pod, limits(place))
      } catch {
        refuse(place, quietFor: 60, note: error.description)
      }
    }
  }

  /// Sends one resize.
  func order(_ place: Int, _ pod: SelectedPod, _ limit: Millicores) throws(ResizeRefusal) {
    guard var tenant = tenants[place] else { return }
    var resize = try PodResize(
      of: pod.pod, container: pod.container, to: limit, values: configuration.values,
      requestBaseline: tenant.original.request,
      bounds: LimitRangeBounds(limitRanges[pod.namespace] ?? [], pod: pod.pod, container: pod.container))
    // What we know of the pod may be older than what we asked last: the wish is sent in any case.
    if configuration.values == .requestsOnly { resize.changesRequest = true } else { resize.changesLimit = true }
    tickets += 1
    tenant.ticket = tickets
    tenant.lastTicket = tickets
    tenant.isTouched = true
    tenant.asked = limit
    tenant.settledAt = nil
    // What was asked before no longer counts. Should this answer be lost, a look at the pod must not take our own new wish
    // for somebody else's.
    tenant.record = nil
    tenant.isWithdrawing = false
    tenant.settlement = .settled
    tenants[place] = tenant
    sender.send(
      PatchSender.Order(
        place: place, ticket: tickets, resize: resize, pod: pod.pod,
        original: tenant.isKept ? nil : tenant.original))
    statistics.resizesSent += 1
  }

  /// Keeps all that are not kept yet with one write, before any of them is resized: a disk that takes its time must not stand
  /// between a sample and a patch. Where this fails, the sender finds out pod by pod.
  private func keepOriginals() {
    guard configuration.applies, originals.isLocal, mayAct else { return }
    var new: [(pod: Pod, original: OriginalValues)] = []
    for place in tenants.indices {
      guard let tenant = tenants[place], !tenant.isKept, let pod = roster.places[place] else { continue }
      new.append((pod.pod, tenant.original))
    }
    guard !new.isEmpty else { return }
    do {
      try originals.keep(new)
      for place in tenants.indices { tenants[place]?.isKept = true }
    } catch {
      complain(once: "originals", "\(error)")
    }
  }

  public func takeRejections(isRoundOver: Bool) throws -> [Int] {
    let answers = sender.takeAnswers(waitingAtMost: isRoundOver ? configuration.patience : 0)
    for answer in answers { take(answer) }
    if isRoundOver { sendNotes() }
    defer { rejections = [] }
    return rejections
  }

  private func take(_ answer: PatchSender.Answer) {
    if let sentAt = answer.sentAt { statistics.latencies.add(sentAt - sampledAt) }
    guard tenants.indices.contains(answer.place), tenants[answer.place]?.ticket == answer.ticket else { return }
    tenants[answer.place]?.ticket = nil
    tenants[answer.place]?.lost = nil
    switch answer.outcome {
    case .accepted(let record, let pod):
      tenants[answer.place]?.record = record
      tenants[answer.place]?.settlement = .requested(since: clock.pacing.now())
      tenants[answer.place]?.failures = 0
      if answer.keptOriginal { tenants[answer.place]?.isKept = true }
      if let uid = tenants[answer.place]?.uid { complaints.remove("admission \(uid)") }
      // A pod whose resize is taken back keeps the reason.
      if tenants[answer.place]?.isWithdrawing == false { tenants[answer.place]?.note = "" }
      roster.refresh(answer.place, with: pod)
    case .unknown(let error, let order):
      // It may act yet: the pool counts the larger limit until a later look tells. Until then nothing else is sent.
      if answer.sentAt != nil { statistics.resizesUnanswered += 1 }
      tenants[answer.place]?.ticket = answer.ticket
      tenants[answer.place]?.lost = (order, error, clock.pacing.now() + 1)
      tenants[answer.place]?.note = "\(error)"
    case .notKept(let text):
      complain(once: "originals", text)
      refuse(answer.place, quietFor: 30, note: text)
    case .refused(let error): react(to: error, place: answer.place)
    case .notTaken(let error): refuseForNow(answer.place, error)
    }
  }
}
