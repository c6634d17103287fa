import Autoscaling
import Kubernetes

/// What is done when a resize is refused, fails or does not settle. Every refusal leaves the pod where it is, and the pod alone
/// for a while; nothing here is retried in a hurry.
extension KubernetesCluster {
  /// The resize of this place will not come to pass.
  func refuse(_ place: Int, quietFor seconds: Double, note: String) {
    rejections.append(place)
    statistics.resizesRefused += 1
    guard var tenant = tenants[place] else { return }
    tenant.ticket = nil
    tenant.record = nil
    tenant.isWithdrawing = false
    tenant.settlement = .settled
    tenant.failures += 1
    tenant.quietUntil = max(tenant.quietUntil, clock.pacing.now() + seconds)
    tenant.note = note
    tenants[place] = tenant
  }

  /// Nothing was taken, for a reason that passes.
  func refuseForNow(_ place: Int, _ error: ClusterError) {
    let failures = tenants[place].map { $0.failures + 1 } ?? 1
    let delay = Backoff(base: 0.5, maximum: 30).delay(
      failures: failures, retryAfter: error.retryAfter, random: clock.pacing.random())
    refuse(place, quietFor: delay, note: error.description)
  }

  func react(to error: ClusterError, place: Int) {
    let failures = tenants[place].map { $0.failures + 1 } ?? 1
    let backoff = Backoff(base: 0.5, maximum: 30)
    func delay(_ wish: Double? = nil) -> Double {
      backoff.delay(failures: failures, retryAfter: wish, random: clock.pacing.random())
    }
    let text = error.description
    switch ResizeReaction(error) {
    case .tryLater(let seconds): refuse(place, quietFor: delay(seconds), note: text)
    case .renewCredentials, .grantRight:
      complain(once: "rights", text)
      refuse(place, quietFor: 30, note: text)
    case .readAgain, .recompute, .listAgain:
      // The watch brings the pod as it is now.
      refuse(place, quietFor: delay(), note: text)
    case .dropPod, .replacePod: refuse(place, quietFor: 5, note: text)
    case .clampToLimitRange:
      // Refused again at once: the bounds that were known meanwhile have not helped, and there are no others for a while.
      refuse(place, quietFor: failures > 1 ? max(delay(), LimitRangeReader.interval) : delay(), note: text)
      warn(place, "ResizeRefused", text)
      readLimitRanges(of: place)
    case .waitForQuota:
      refuse(place, quietFor: max(delay(), 10), note: text)
      warn(place, "ResizeRefused", text)
    case .waitForAdmission:
      refuse(
        place,
        quietFor: Backoff(base: 5, maximum: 300).delay(failures: failures, random: clock.pacing.random()), note: text)
      complain(
        once: "admission \(tenants[place]?.uid ?? "")",
        "\(roster.places[place]?.key ?? "a pod") is not resized for now, and tried again later: \(text)")
      warn(place, "ResizeRefused", text)
    case .onlySmaller: lowerCeiling(place, asked: tenants[place]?.asked, text)
    case .markIneligible, .reportFault:
      complain(
        once: "pod \(place) \(error.kind)", "\(roster.places[place]?.key ?? "a pod") is no longer driven: \(text)")
      warn(place, "ResizeImpossible", text)
      refuse(place, quietFor: 30, note: text)
      apply(roster.exclude(place))
    case .discoverAgain:
      complain(once: "discovery", "\(text); does the server still serve in-place resize?")
      refuse(place, quietFor: 30, note: text)
    }
  }

  /// Larger than the node (or than what it can give): for a minute no more is asked for than half of the way there. What is in
  /// force fits: the ceiling never comes down to it from above, or the pod would be driven down for asking for more.
  private func lowerCeiling(_ place: Int, asked: Millicores?, _ text: String) {
    refuse(place, quietFor: 1, note: text)
    warn(place, "ResizeInfeasible", text)
    guard let asked, let pod = roster.places[place] else { return }
    let held = held(place, pod)
    let granularity = configuration.shield.granularity
    tenants[place]?.ceiling = (
      held + max(asked - held, 0) / 2 / granularity * granularity, clock.pacing.now() + 60
    )
  }

  /// What is in force of the value that moves, as far as the kubelet and the samples have told.
  private func held(_ place: Int, _ pod: SelectedPod) -> Millicores {
    configuration.values == .requestsOnly ? pod.request : max(pod.limit, tenants[place]?.sample?.limit ?? 0)
  }

  /// The node says that it can never give what was asked. Where that is more than the pod has, less may do. Where it is less,
  /// no other value will fare better (the static CPU manager takes none of a Guaranteed pod's): after a few such answers, or
  /// one that says so, the pod is left alone.
  private func noteInfeasible(_ place: Int, _ record: ResizeRecord, _ message: String) {
    guard let tenant = tenants[place], let pod = roster.places[place] else { return }
    let text = message.isEmpty ? "the node says that it can never give this" : message
    let asked = configuration.values == .requestsOnly ? record.request : record.limit
    let held = held(place, pod)
    let isMore = asked.map { $0 > held } ?? true
    guard !isMore || Settlement.isForGood(message) else {
      return lowerCeiling(place, asked: asked, text)
    }
    let count = tenant.infeasible + 1
    guard count >= Self.infeasibleMaximum || Settlement.isForGood(message) || tenant.isWithdrawing else {
      tenants[place]?.infeasible = count
      refuse(place, quietFor: 10 * Double(count), note: text)
      return warn(place, "ResizeInfeasible", text)
    }
    refuse(place, quietFor: Self.hopelessFor, note: text)
    complain(
      once: "infeasible \(tenant.uid)",
      "\(pod.key) cannot be resized on its node and is left as it is; tried again every \(Int(Self.hopelessFor / 60)) min: "
        + text)
    warn(place, "ResizeImpossible", text)
    // The wish would stay in the specification and be taken up when the kubelet starts anew. Where the node says no to this as
    // well, it is not said again.
    guard configuration.applies, mayAct, !tenant.isWithdrawing, asked != held else { return }
    do throws(ResizeRefusal) {
      try order(place, pod, held)
      tenants[place]?.isWithdrawing = true
    } catch {
      tenants[place]?.note = text + "; " + error.description
    }
  }

  /// Answers in a row by which a node has said that it cannot even give less.
  static let infeasibleMaximum = 3
  /// Seconds for which such a pod is left alone.
  static let hopelessFor = 600.0

  private func readLimitRanges(of place: Int) {
    guard let namespace = roster.places[place]?.namespace else { return }
    // Meanwhile the bounds that are known hold.
    rangeReader.ask(namespace, at: clock.pacing.now(), perform: sender.perform) {
      [resizer = sender.resizer] () throws(ClusterError) in
      try resizer.limitRanges(namespace: namespace, isTriedOnce: true)
    }
  }

  /// Looks for the last resize in the pod's status.
  func settle(_ place: Int, at time: Double) {
    guard let tenant = tenants[place], let record = tenant.record, tenant.ticket == nil else { return }
    let next = tenant.settlement.next(record, observing: roster.places[place]?.pod, at: time)
    guard next != tenant.settlement else { return }
    tenants[place]?.settlement = next
    switch next {
    case .infeasible(let message): noteInfeasible(place, record, message)
    case .superseded:
      tenants[place]?.record = nil
      tenants[place]?.isWithdrawing = false
      tenants[place]?.settlement = .settled
      rejections.append(place)
    case .lost: tenants[place]?.record = nil
    case .deferred(let message, _):
      tenants[place]?.note = message
      warn(place, "ResizeDeferred", message)
    case .failing(let message, _):
      tenants[place]?.note = message
      warn(place, "ResizeFailing", message)
    case .settled where tenant.isWithdrawing:
      // Now it is certain that the withdrawn resize will not come to pass.
      tenants[place]?.isWithdrawing = false
      rejections.append(place)
    case .settled:
      tenants[place]?.settledAt = time
      tenants[place]?.infeasible = 0
      if let uid = tenants[place]?.uid { complaints.remove("infeasible \(uid)") }
      if let pod = roster.places[place], let limit = record.limit {
        note(pod, "Resized", "CPU limit is now \(limit)m, request \(record.request.map { "\($0)m" } ?? "unset")")
      }
    case .requested, .inProgress: break
    }
  }

  /// Looks at a pod whose patch was never answered until the server tells what became of it.
  func lookForLost(_ place: Int, at time: Double) {
    guard let lost = tenants[place]?.lost, lost.lookAt <= time else { return }
    // The answer of this look sets the next.
    tenants[place]?.lost = nil
    sender.lookUp(lost.order, lost: lost.error)
  }

  /// The cluster says that the resize is in force, the samples go on showing another limit: then this is what holds.
  func distrust(_ place: Int, at time: Double) {
    guard let tenant = tenants[place], tenant.ticket == nil, let settledAt = tenant.settledAt,
      time - settledAt > configuration.withdrawAfter
    else { return }
    tenants[place]?.settledAt = nil
    if let pod = roster.places[place], let sample = tenant.sample,
      limitInForce(pod, tenant, measured: sample.limit) != tenant.asked
    {
      rejections.append(place)
    }
  }

  /// Takes back a resize that has not come to pass in time, so that it cannot come to pass later, when the pool has long given
  /// its CPU to others: a node that was full makes room, a runtime recovers. Until the cluster shows that it is taken back the
  /// pool counts it.
  func withdraw(_ place: Int, at time: Double) {
    guard let tenant = tenants[place], tenant.ticket == nil, tenant.record != nil, !tenant.isWithdrawing,
      tenant.quietUntil <= time, let pod = roster.places[place], let measured = tenant.sample?.limit,
      let since = tenant.settlement.since, time - since > configuration.withdrawAfter
    else { return }
    do throws(ResizeRefusal) {
      try order(
        place, pod, configuration.values == .requestsOnly ? pod.request : measured)
      tenants[place]?.isWithdrawing = true
      note(
        pod, "ResizeWithdrawn", "not in force after \(Int(configuration.withdrawAfter)) s: \(tenant.note)",
        isWarning: true)
    } catch {
      tenants[place]?.quietUntil = time + 60
    }
  }

  // MARK: Telling people

  /// Says something once until it is forgotten.
  func complain(once key: String, _ text: String) {
    if complaints.insert(key).inserted { configuration.say(text) }
  }

  func watchFailure(_ failure: ClusterError?) {
    if let failure { complain(once: "watch", "following the pods: \(failure)") } else { complaints.remove("watch") }
  }

  private func warn(_ place: Int, _ reason: String, _ text: String) {
    if let pod = roster.places[place] { note(pod, reason, text, isWarning: true) }
  }

  func note(_ pod: SelectedPod, _ reason: String, _ text: String, isWarning: Bool = false) {
    guard let event = events.event(about: pod, reason, text, isWarning: isWarning, at: clock) else { return }
    // What cannot be said soon is not worth saying.
    if notes.count < 200 { notes.append(event) }
  }

  /// Sends notes with what the round's resizes have left of the budget, half of it at most.
  func sendNotes() {
    guard !notes.isEmpty else { return }
    let room = client.writesAvailable.map { max($0 - configuration.burst / 2, 0) } ?? notes.count
    for note in notes.prefix(room) { sender.send(note: note) }
    notes.removeFirst(min(room, notes.count))
  }
}

/// Events on pods, rare enough not to be a burden.
struct PodEvents {
  private let isOn: Bool
  private var limiter = EventLimiter(interval: 60)

  init(isOn: Bool) {
    self.isOn = isOn
  }

  mutating func event(
    about pod: SelectedPod, _ reason: String, _ text: String, isWarning: Bool, at clock: KubernetesCluster.Clock
  ) -> APIRequest? {
    guard isOn, limiter.allows(uid: pod.uid, reason: reason, at: clock.pacing.now()) else { return nil }
    return PodNotes.create(
      Event(
        about: pod.pod, isWarning: isWarning, reason: reason, message: text,
        at: Timestamp(seconds: clock.calendar()), instance: "marlise"))
  }
}
