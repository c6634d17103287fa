import Autoscaling
import Control
import Foundation
import Kubernetes
import Terminal

/// `infer` on the pods of a cluster. Looks before it touches: everything that can be known to be wrong is said in one sentence
/// before the first resize.
enum LiveInference {
  static func run(_ options: ParsedOptions) throws -> ExitCode {
    let applies = options.flag("apply")
    if applies, options.flag("dry_run"), options.wasGiven("dry_run") {
      throw options.rejection("dry_run", "contradicts --apply; give one of them")
    }
    let chosen = options.flag("restore") ? nil : try ChosenAgents(options)
    let log = LogOptions.log(options, isDebug: options.flag("debug"))
    let connection = try LiveOptions.connection(options)
    let instance =
      options.flag("restore") ? nil : try ElectionOptions.instance(options, connection, applies: applies, log)
    let election = instance?.elector
    let client = APIClient(
      connection: connection,
      budget: WriteBudget(
        count: ElectionOptions.budget(options, applies: applies), usedUpAt: Pacing.system.now()),
      agent: election.map { ElectionOptions.agent($0.identity) }, mayWrite: { election?.mayAct ?? true })
    Interruption.install()
    guard let chosen else {
      let survey = try ClusterSurvey(
        client, selection: LiveOptions.selection(options, client: client), pool: options.optionalString("pool"),
        needsDrivable: false)
      return try LiveRestore.run(options, survey, survey.listed, log) ? .success : .failure
    }
    guard let survey = try survey(options, client, putsBack: applies && election == nil, log) else { return .finished }

    var configuration = try configuration(options, survey, chosen, log)
    honourQuota(survey, &configuration, log)
    try survey.check(configuration, applies: applies)
    _ = try chosen.policy(configuration.places ?? survey.selected.count)
    let source = try LiveOptions.metrics(options).source(survey, places: configuration.places) { log.warning($0) }
    var settings = configuration
    try apply(options, source: source.name, to: &settings, log)
    if let shares = instance?.shares {
      let pods = survey.selected.count
      shares.begin(
        capacity: settings.capacity, held: survey.limitSum, floor: min(pods * settings.shield.minimum, survey.limitSum))
      settings.withheld = { shares.withheld }
    }
    if let election {
      settings.mayAct = { election.mayAct }
      settings.resizeTimeout = min(settings.resizeTimeout, election.writeTimeout)
    }
    let originals: any OriginalsStore =
      applies ? try LiveRestore.store(options, survey) : OriginalsAnnotation(client)

    try election?.start()
    defer { election?.stop() }
    guard let cluster = try follow(survey, settings, source, originals) else { return .finished }
    defer { cluster.stop() }
    introduce(
      options, survey, cluster, source: source.name, capacity: settings.capacity, applies: applies,
      originals: originals, log
    )
    var outcome = ExitCode.finished
    do {
      try drive(cluster, options, chosen, settings, applies: applies, shares: instance?.shares)
      outcome = .finished
    } catch {
      // Whatever went wrong, the limits go back.
      log.error("\(error)")
      outcome = .failure
    }
    // What another instance holds is not ours to put back.
    guard applies, !options.flag("freeze_on_exit"), election?.mayAct ?? true else { return outcome }
    let restored = cluster.restore(within: options.float("grace"))
    if !LiveRestore.report(restored, log) { outcome = .failure }
    return outcome
  }

  /// What there is; with --wait, as soon as there is a pod to drive. Without --resources the pool is what the pods bring, so
  /// that those which are started together with the first are waited for as well.
  ///
  /// - Parameter putsBack: whether, where no pod can be driven, what an earlier run has left on them is put back: a limit of ours
  ///   may be what keeps them from running.
  /// - Returns: nil when it was ended while it waited.
  static func survey(
    _ options: ParsedOptions, _ client: APIClient, putsBack: Bool, _ log: Log
  ) throws -> ClusterSurvey? {
    let selection = LiveOptions.selection(options, client: client)
    let pool = options.optionalString("pool")
    func putBack() throws -> ClusterSurvey {
      let survey = try ClusterSurvey(client, selection: selection, pool: pool, needsDrivable: false)
      guard survey.selected.isEmpty, putsBack else { return survey }
      // Those that nobody wants driven from here may be another instance's.
      let pods = survey.others.filter { $0.reason != .notWanted && $0.pod.poolName == pool }.map(\.pod)
      let original = LiveRestore.original(options, survey)
      if pods.contains(where: { original($0) != nil }) { _ = try LiveRestore.run(options, survey, pods, log) }
      return survey
    }
    guard options.flag("wait") else {
      let survey = try putBack()
      if survey.selected.isEmpty { throw survey.nothingToDrive }
      return survey
    }
    return try ClusterSurvey.awaiting(
      client, selection: selection, pool: pool, forCompany: options.wasGiven("init_resources") ? 0 : 60,
      shouldStop: { Interruption.requested }, whenNoneRuns: { _ = try putBack() },
      say: { log.info("waiting for pods", ["because": .text($0)]) })
  }

  /// Begins to follow the pods.
  ///
  /// - Returns: nil when it was ended before it knew any.
  static func follow(
    _ survey: ClusterSurvey, _ configuration: LiveConfiguration, _ source: any MetricSource,
    _ originals: any OriginalsStore, shouldStop: @escaping @Sendable () -> Bool = { Interruption.requested }
  ) throws -> KubernetesCluster? {
    do {
      return try KubernetesCluster(survey, configuration, source: source, originals: originals, shouldStop: shouldStop)
    } catch is KubernetesCluster.Ended {
      return nil
    }
  }

  private static func drive(
    _ cluster: KubernetesCluster, _ options: ParsedOptions, _ chosen: ChosenAgents, _ configuration: LiveConfiguration,
    applies: Bool, shares: ShareHolder?
  ) throws {
    let loop = try ControlLoop(
      cluster: cluster, settings: chosen.settings(pool: configuration.capacity, shield: configuration.shield),
      interval: options.float("action_interval"), applies: applies, makePolicy: { try chosen.policy($0) })
    let log = try DecisionLogOptions.writer(options, chosen, loop)
    let report = InferReport(options.flag("json") ? .json : options.flag("debug") ? .lines : .table)
    let annotator = DecisionAnnotator(isOn: options.flag("annotate"))
    defer { try? report.finish(cluster.statistics, missed: cluster.missedRounds) }
    // One decision needs one sample, which some sources take a while for.
    let once = options.flag("once")
    let deadline = Clock.monotonic() + 60 + MetricChoice.ageMaximum(cluster.sourceName, interval: loop.interval)
    var isDone = false
    try loop.run(rounds: nil, shouldStop: { Interruption.requested || isDone }) { round, loop in
      if once {
        isDone = loop.group.samples.contains(where: \.isPresent)
        guard isDone else {
          if Clock.monotonic() > deadline { throw Failure("\(cluster.sourceName) gives no two readings of any pod") }
          return
        }
      }
      try log?.write(round, loop.group, actions: loop.policy.actions)
      shares?.tell(round, loop.group, beside: cluster.heldBeside)
      try report.show(round, loop.group)
      annotator.annotate(round, loop.group, cluster)
    }
  }

  static func configuration(
    _ options: ParsedOptions, _ survey: ClusterSurvey, _ chosen: ChosenAgents, _ log: Log
  ) throws -> LiveConfiguration {
    let places = options.wasGiven("n_agents") ? options.int("n_agents") : nil
    let capacity =
      options.wasGiven("init_resources")
      ? options.int("init_resources")
      : survey.originalSum(places: places, LiveRestore.original(options, survey))
    let minimum = options.int("min_cpu")
    let maximum = options.optionalInt("max_cpu") ?? max(capacity, minimum)
    guard minimum <= maximum else {
      throw options.rejection("max_cpu", "is \(maximum), expected at least --min_cpu (\(minimum))")
    }
    var shield = SafetyShield(
      minimum: minimum, maximum: maximum, stepMaximum: options.optionalInt("max_step"),
      deadband: options.int("deadband"))
    // A resize takes time to act, and a raise must not act before the cut that pays for it.
    shield.waitsForCuts = true
    var configuration = LiveConfiguration(
      selection: survey.selection, capacity: capacity, shield: shield,
      values: ControlledValues(rawValue: options.string("controlled-values")) ?? .limitsOnly)
    configuration.poolName = options.optionalString("pool")
    configuration.places = places
    configuration.placesMaximum = chosen.placesMaximum
    let count = configuration.places ?? survey.selected.count
    let given = options.floats("priorities")
    configuration.priorities = given.isEmpty ? [] : try PodOptions.priorities(options, count: count)
    configuration.patience = min(options.float("action_interval") / 4, 1)
    configuration.duration = options.optionalInt("duration").map(Double.init)
    configuration.applies = options.flag("apply")
    configuration.sendsEvents = configuration.applies && options.flag("events")
    configuration.burst = options.int("patch_budget")
    configuration.say = { log.warning($0) }
    if let query = options.optionalString("latency_query") {
      let prometheus = try LiveOptions.metrics(options).prometheus()
      configuration.responseTimes = { () throws(ClusterError) in try prometheus.values(query) }
      configuration.responseTimeAge = max(30, 3 * options.float("action_interval"))
    }
    if let places = configuration.places, survey.selected.count < places {
      log.warning("\(survey.selected.count) of \(places) pods are there; the other places wait")
    }
    return configuration
  }

  /// A pool that the namespace's quota does not allow would only be refused, pod after pod.
  static func honourQuota(_ survey: ClusterSurvey, _ configuration: inout LiveConfiguration, _ log: Log) {
    guard let (quota, room) = survey.quotaRoom(configuration.values, places: configuration.places),
      room < configuration.capacity
    else { return }
    log.warning(
      "the resource quota \(quota) leaves \(room)m to these pods: the pool has \(room)m instead of \(configuration.capacity)m"
    )
    configuration.capacity = max(room, 0)
  }

  /// What depends on how old the source's samples are.
  static func apply(
    _ options: ParsedOptions, source: String, to configuration: inout LiveConfiguration, _ log: Log
  ) throws {
    let interval = options.float("action_interval")
    let age = options.optionalFloat("metrics_max_age") ?? MetricChoice.ageMaximum(source, interval: interval)
    let restore = options.optionalFloat("restore_after") ?? age + 60
    guard restore > age else {
      throw options.rejection("restore_after", "is \(restore), expected more than --metrics_max_age (\(age))")
    }
    configuration.shield.sampleAgeMaximum = age
    configuration.shield.restoreAfter = restore
    configuration.withdrawAfter = max(configuration.withdrawAfter, age + 30)
    // The cluster tells of every resize what became of it: nothing is given up for merely taking long.
    configuration.shield.settlementTimeout = 86_400
    if let name = MetricSourceName(rawValue: source), !name.suits(interval: interval) {
      log.warning(
        "\(source) usually gives a new sample every \(name == .kubelet ? 10 : 15) s or more rarely: with --action_interval "
          + "\(Number.short(interval)) most rounds will only wait for one")
    }
  }

  static func introduce(
    _ options: ParsedOptions, _ survey: ClusterSurvey, _ cluster: KubernetesCluster, source: String,
    capacity: Millicores, applies: Bool,
    originals: any OriginalsStore, _ log: Log
  ) {
    let pods = cluster.places.filter { $0 != .vacant }
    log.info(
      applies ? "resizing" : "only recommending; --apply acts",
      [
        "server": .text(survey.client.connection.address.base), "kubernetes": .text(survey.discovery.gitVersion),
        "pods": .int(pods.count), "metrics": .text(source), "pool": .text("\(capacity)m"),
      ])
    let owners = Dictionary(grouping: pods, by: \.owner).sorted { $0.key < $1.key }
    for (owner, pods) in owners.prefix(20) {
      let names = pods.prefix(5).map(\.description.name).joined(separator: ", ") + (pods.count > 5 ? ", …" : "")
      log.info("driven", ["owner": .text(owner), "pods": .int(pods.count), "names": .text(names)])
    }
    for (pod, reason) in survey.others where reason != .notWanted {
      log.info("not driven", ["pod": .text(pod.key), "because": .text("\(reason)")])
    }
    guard applies else { return }
    log.info("originals are kept", ["in": .text(originals.place)])
    let seconds = Double(pods.count * (originals.isLocal ? 1 : 2)) / Double(options.int("patch_budget"))
    if seconds > options.float("grace"), !options.flag("freeze_on_exit") {
      log.warning(
        "putting \(pods.count) pods back takes \(Number.short(seconds)) s at --patch_budget \(options.int("patch_budget")), longer "
          + "than --grace \(Number.short(options.float("grace")))")
    }
  }
}

/// Putting back, for `infer` at its end and `infer --restore`.
enum LiveRestore {
  /// Where originals are kept: on the pods if the account may, else in a file.
  static func store(_ options: ParsedOptions, _ survey: ClusterSurvey) throws -> any OriginalsStore {
    let annotation = OriginalsAnnotation(survey.client)
    let pod = survey.selected.first?.pod ?? survey.listed.first
    switch options.string("originals") {
    case "annotation":
      guard let pod, try annotation.isAllowed(on: pod) else {
        throw Failure(
          "--originals annotation needs the right to patch pods; grant {apiGroups: [\"\"], resources: [pods], verbs: [patch]} or "
            + "keep them in a file with --originals file")
      }
      return annotation
    case "auto":
      if !options.wasGiven("state_file"), let pod, try annotation.isAllowed(on: pod) {
        return annotation
      }
    default: break
    }
    return try OriginalsFile(path: statePath(options, survey), server: survey.client.connection.address.base)
  }

  private static func statePath(_ options: ParsedOptions, _ survey: ClusterSurvey) -> String {
    if let path = options.optionalString("state_file") { return path }
    let path = OriginalsFile.defaultPath(
      server: survey.client.connection.address.base, environment: ProcessInfo.processInfo.environment)
    return options.optionalString("pool").map { path.replacing(".json", with: "-\($0).json") } ?? path
  }

  /// What has been kept of a pod in any place, by an earlier run or by another instance that acts now.
  static func original(_ options: ParsedOptions, _ survey: ClusterSurvey) -> (Pod) -> OriginalValues? {
    let annotation = OriginalsAnnotation(survey.client)
    let filed = OriginalsFile.look(
      at: statePath(options, survey), server: survey.client.connection.address.base)
    return { annotation.original(of: $0) ?? filed[$0.metadata.uid] }
  }

  /// Puts back what is kept of these pods, fit to be driven or not.
  ///
  /// - Returns: false when something is left.
  static func run(_ options: ParsedOptions, _ survey: ClusterSurvey, _ pods: [Pod], _ log: Log) throws -> Bool {
    let store = try store(options, survey)
    let (touched, untouched) = store.kept(of: pods)
    try store.forget(untouched)
    guard !touched.isEmpty else {
      log.info("nothing to put back", ["in": .text(store.place)])
      return true
    }
    let restorer = Restorer(PodResizer(survey.client, discovery: survey.discovery), originals: store)
    let restored = restorer.restore(touched, before: Pacing.system.now() + options.float("grace"))
    return report(restored, log)
  }

  /// Says what was put back; false when something is left.
  static func report(_ restored: KubernetesCluster.Restored, _ log: Log) -> Bool {
    if restored.pods > 0 { log.info("original limits are back", ["pods": .int(restored.pods)]) }
    if restored.failed.isEmpty { return true }
    for (pod, reason) in restored.failed.sorted(by: { $0.key < $1.key }).prefix(5) {
      log.error("still resized", ["pod": .text(pod), "because": .text(reason)])
    }
    log.error(
      "\(restored.failed.count) pods keep limits of ours; the next run, or `marlise infer --restore`, puts the originals back"
    )
    return false
  }
}
