import Autoscaling
import Backend
import Control
import Foundation
import HTTPServer
import Kubernetes
import Learning
import PodSimulation
import Terminal
import Training

/// `marlise serve`: the live loop behind an HTTP interface, with a page.
enum ServeCommand {
  static let command = Command(
    "serve", summary: "Drive pods behind a REST interface, with a live page.",
    discussion: """
      Follows the pods as they come and go, one agent each, and lets an operator start and stop the agents, set pool, interval, \
      bounds, priorities and algorithm, and see every decision with its reasons: on a page, by REST and in Prometheus' format. On a \
      cluster it only recommends unless --apply is given. It listens on this machine only unless told otherwise; elsewhere every \
      change demands the token of --token-file.
      """,
    options: options,
    examples: [
      Example(
        "marlise serve --cluster simulated --start", "Three simulated pods; the page is at http://127.0.0.1:8000"),
      Example("marlise serve --selector app=web --resources 2000 --apply --start", "Act on a cluster"),
      Example(
        "marlise serve --listen 0.0.0.0 --token_file /etc/marlise/token --tls_cert cert.pem --tls_key key.pem",
        "For others than this machine"),
    ]
  ) { try run($0) }

  private static let options: [Option] =
    Option.section(
      "Service",
      [
        .string("listen", default: "127.0.0.1", metavar: "ADDRESS", help: "Address of this machine to listen on."),
        .int("port", default: 8000, in: 0...65_535, help: "Port; 0 takes a free one."),
        .flag("start", help: "Let the agents act (or advise) at once, without waiting for POST /start."),
        .path(
          "token_file", help: "A file with the token that changes demand; needed when listening beyond this machine."),
        .flag("token_reads", help: "Demand the token for reading, too."),
        .path("tls_cert", help: "Serve HTTPS with these certificates, PEM."),
        .path("tls_key", help: "The key that belongs to them, PEM."),
        .strings("cors_origin", metavar: "ORIGIN", help: "Let web pages of this origin use the service."),
        .strings("host", metavar: "NAME", help: "Another name by which the service may be asked for."),
        .path("audit", help: "Append a line of JSON for every change that was asked for."),
        LogOptions.format,
        .flag("debug", help: "More messages."),
      ])
    + Option.section(
      "Agents",
      [
        .path(
          "load_model", help: "The checkpoint with the agents.  Default: the shipped one.", aliases: ["checkpoint"]),
        .choice(
          "algorithm", Algorithms.names,
          help: "Whose shipped agents drive.  Default: \(ShippedCheckpoints.defaultName)."),
        .int("hack", in: 0...1_000_000, metavar: "K", help: "Give every pod the weights of the checkpoint's agent K."),
        .int(
          "scale_action", in: 1...1_000_000, metavar: "M",
          help: "Millicores per unit of a continuous action, in place of what the agents were trained with."),
        .float(
          "caution", .atLeast(-4, atMost: 4), metavar: "D",
          help:
            "How dear late requests are to the agents, in doublings of the price that they were trained around, in place "
            + "of the checkpoint's own."),
      ])
    + Option.section(
      "Loop",
      [
        .choice(
          "cluster", ["auto", "simulated", "kubernetes"], default: "auto",
          help: "Where the pods are; auto: on a cluster if one is configured, else simulated."),
        .float(
          "action_interval", default: 1, .atLeast(0.1, atMost: 3600), metavar: "S", help: "Seconds between decisions."),
        .int("duration", in: 1...10_000_000, metavar: "S", help: "Seconds to run.  Default: until Ctrl-C."),
        .path("log", help: "Write every decision and what it rests on to this file, for `why` and `replay`."),
        .flag("log_observations", default: true, help: "Also log what the networks saw."),
        .int("seed", default: 1, in: 0...Int.max, help: "Seed of the simulated load."),
      ]) + LiveOptions.connection + ActingOptions.options.filter { $0.name != "restore" } + ElectionOptions.options
    + LiveOptions.metrics + PodOptions.pods + WorkloadOptions.options() + PodOptions.service

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    let log = LogOptions.log(options, isDebug: options.flag("debug"))
    let access = try ServeAccess(options)
    let chosen = try ChosenAgents(options)
    let service = ServiceFacts(
      version: softwareVersion,
      algorithms: Algorithms.all.map { .init(name: $0.name, summary: $0.summary, family: "\($0.family)") },
      defaultAlgorithm: chosen.agents.algorithm.name, demandsToken: access.rules.token != nil)
    let isLive =
      switch options.string("cluster") {
      case "simulated": false
      case "kubernetes": true
      default: LiveOptions.isClusterConfigured(options)
      }
    let end = options.optionalInt("duration").map { Clock.monotonic() + Double($0) } ?? .infinity
    Interruption.install()
    let audit = try ServeAudit(options, log)
    // Before there is a session: who watches over the process must not take waiting for pods for hanging.
    let door = FrontDoor()
    let server = try Server(access.server) { door.answer($0) }
    let made =
      isLive
      ? try LiveSession.make(options, chosen, service, log) : try SimulatedSession.make(options, chosen, service, log)
    guard let place = made else { return .finished }
    defer { place.end() }
    door.open(BackendService(place.session, rules: access.rules, audit: audit.write))
    let shown = access.server.address.contains(":") ? "[\(access.server.address)]" : access.server.address
    let url = "\(access.server.tls == nil ? "http" : "https")://\(shown):\(server.port)"
    log.info("serving", ["url": .text(url), "openapi": .text(url + "/openapi.json")])
    let isWhole = place.session.run(
      place.driver, restores: !options.flag("freeze_on_exit"),
      shouldEnd: { Interruption.requested || Clock.monotonic() > end })
    server.stop(graceSeconds: 1)
    return isWhole ? .finished : .failure
  }
}

/// A session with what it drives.
struct PlacedSession {
  var session: Session
  var driver: any SessionDriver
  /// Lets go of threads and leases.
  var end: () -> Void
}

/// `serve` on simulated pods.
enum SimulatedSession {
  static func make(
    _ options: ParsedOptions, _ chosen: ChosenAgents, _ service: ServiceFacts, _ log: Log
  ) throws -> PlacedSession? {
    let count = options.int("n_agents")
    let pool = options.int("init_resources")
    let shield = try PodOptions.shield(options, pool: pool, count: count)
    let priorities = try PodOptions.priorities(options, count: count)
    let interval = options.float("action_interval")
    guard interval == interval.rounded() else {
      throw options.rejection("action_interval", "is \(interval); simulated pods need whole seconds")
    }
    let settings = SessionSettings(
      isRunning: options.flag("start"), mode: .apply, algorithm: options.optionalString("algorithm"),
      checkpoint: options.optionalString("load_model"), hack: options.optionalInt("hack"), capacity: pool,
      interval: interval, minimum: shield.minimum, maximum: shield.maximum)
    let facts = ClusterFacts(kind: "simulated")
    let session = Session(service, settings: settings, facts: facts) { log.warning($0) }
    let original = shield.limit(for: max(pool / count, shield.minimum))
    let configuration = try PodOptions.cluster(options, count: count, seed: UInt64(options.int("seed")))
    let cluster = try SimulatedCluster(
      configuration,
      places: priorities.enumerated().map { Place(PodDescription(name: "pod\($0)", priority: $1), original: original) },
      workload: try Workload(WorkloadOptions.settings(options, randomWindow: false)), limit: original, seconds: nil,
      isRealTime: true, shouldStop: { session.isWanted || Interruption.requested })
    let loop = try ControlLoop(
      cluster: cluster, settings: chosen.settings(pool: pool, shield: shield), interval: interval,
      applies: settings.acts,
      makePolicy: { try chosen.policy($0) })
    var hooks = LoopDriver<SimulatedCluster>.Hooks(
      facts: facts,
      release: {
        let places = Array(0..<cluster.places.count)
        cluster.resize(places) { _ in original }
        return (places.count, [:])
      },
      shield: {
        var own = shield
        own.minimum = $0.minimum
        own.maximum = $0.maximum
        return own
      })
    hooks.counts = { ResizeCounts(sent: cluster.resizes) }
    let driver = try LoopDriver(
      loop, chosen, settings, ActingSwitch(settings.acts), hooks: hooks, log: options.optionalString("log"),
      logsObservations: options.flag("log_observations"))
    return PlacedSession(session: session, driver: driver, end: {})
  }
}

/// `serve` on the pods of a cluster.
enum LiveSession {
  /// - Returns: nil when it was ended while it waited for pods.
  static func make(
    _ options: ParsedOptions, _ chosen: ChosenAgents, _ service: ServiceFacts, _ log: Log
  ) throws -> PlacedSession? {
    let applies = options.flag("apply")
    if applies, options.flag("dry_run"), options.wasGiven("dry_run") {
      throw options.rejection("dry_run", "contradicts --apply; give one of them")
    }
    let connection = try LiveOptions.connection(options)
    let label = options.flag("election") ? LeaderLabel(connection, log) : nil
    label?.set(false)
    let instance = try ElectionOptions.instance(options, connection, applies: true, log) { label?.set($0) }
    let election = instance?.elector
    let client = APIClient(
      connection: connection,
      budget: WriteBudget(
        count: ElectionOptions.budget(options, applies: true), usedUpAt: Pacing.system.now()),
      agent: election.map { ElectionOptions.agent($0.identity) }, mayWrite: { election?.mayAct ?? true })
    guard let survey = try LiveInference.survey(options, client, putsBack: applies && election == nil, log) else {
      return nil
    }
    var configuration = try LiveInference.configuration(options, survey, chosen, log)
    LiveInference.honourQuota(survey, &configuration, log)
    try survey.check(configuration, applies: applies)
    _ = try chosen.policy(configuration.places ?? survey.selected.count)
    let source = try LiveOptions.metrics(options).source(survey, places: configuration.places) { log.warning($0) }
    try LiveInference.apply(options, source: source.name, to: &configuration, log)
    // The mode may change at any time; what is prepared for acting is prepared.
    configuration.applies = true
    configuration.sendsEvents = options.flag("events")
    configuration.duration = nil
    if let shares = instance?.shares {
      let pods = survey.selected.count
      shares.begin(
        capacity: configuration.capacity, held: survey.limitSum,
        floor: min(pods * configuration.shield.minimum, survey.limitSum))
      configuration.withheld = { shares.withheld }
    }
    if let election { configuration.resizeTimeout = min(configuration.resizeTimeout, election.writeTimeout) }
    let settings = SessionSettings(
      isRunning: options.flag("start"), mode: applies ? .apply : .recommend,
      algorithm: options.optionalString("algorithm"), checkpoint: options.optionalString("load_model"),
      hack: options.optionalInt("hack"), capacity: configuration.capacity, interval: options.float("action_interval"),
      minimum: configuration.shield.minimum, maximum: configuration.shield.maximum)
    let switches = ActingSwitch(settings.acts)
    configuration.mayAct = { switches.acts.load(ordering: .relaxed) && (election?.mayAct ?? true) }
    let facts = ClusterFacts(
      kind: "kubernetes", server: survey.client.connection.address.base, version: survey.discovery.gitVersion,
      metrics: source.name)
    let session = Session(service, settings: settings, facts: facts) { log.warning($0) }
    let originals = try LiveRestore.store(options, survey)
    try election?.start()
    let stops: @Sendable () -> Bool = { session.isWanted || Interruption.requested }
    guard let cluster = try LiveInference.follow(survey, configuration, source, originals, shouldStop: stops) else {
      election?.stop()
      return nil
    }
    let loop = try ControlLoop(
      cluster: cluster, settings: chosen.settings(pool: configuration.capacity, shield: configuration.shield),
      interval: settings.interval, applies: settings.acts, makePolicy: { try chosen.policy($0) })
    LiveInference.introduce(
      options, survey, cluster, source: source.name, capacity: configuration.capacity, applies: applies,
      originals: originals, log)
    let grace = options.float("grace")
    let shield = configuration.shield
    let proven = configuration
    var hooks = LoopDriver<KubernetesCluster>.Hooks(
      facts: facts,
      release: {
        guard election?.mayAct ?? true else { return (0, [:]) }
        let restored = cluster.release(within: grace)
        return (restored.pods, restored.failed)
      },
      shield: {
        var own = shield
        own.minimum = $0.minimum
        own.maximum = $0.maximum
        return own
      })
    hooks.counts = {
      let statistics = cluster.statistics
      return ResizeCounts(
        sent: statistics.resizesSent, refused: statistics.resizesRefused, unanswered: statistics.resizesUnanswered)
    }
    hooks.owesLimits = { cluster.hasStrays }
    hooks.note = { cluster.note(ofPlace: $0) }
    let annotator = DecisionAnnotator(isOn: options.flag("annotate"))
    let shares = instance?.shares
    hooks.follow = { round, group in
      shares?.tell(round, group, beside: cluster.heldBeside)
      annotator.annotate(round, group, cluster)
    }
    hooks.prove = { try survey.check(proven, applies: true) }
    if let election {
      let lease = election.lease
      hooks.election = {
        ElectionFacts(identity: election.identity, leader: election.holder, isLeader: election.mayAct, lease: lease)
      }
    }
    let driver = try LoopDriver(
      loop, chosen, settings, switches, hooks: hooks, log: options.optionalString("log"),
      logsObservations: options.flag("log_observations"))
    return PlacedSession(
      session: session, driver: driver,
      end: {
        cluster.stop()
        election?.stop()
      })
  }
}
