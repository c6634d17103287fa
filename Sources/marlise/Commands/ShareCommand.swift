import Control
import Foundation
import Kubernetes
import Terminal

/// `marlise share`: the central instance of a pool that spans nodes.
enum ShareCommand {
  static let command = Command(
    "share", summary: "Hand a pool that spans nodes out to the agents of the nodes.",
    discussion: """
      Where an instance of marlise runs on every node (`infer --node NAME --pool_shares`), this one decides how much of a common \
      pool each node may use: by what the agents ask for, never more in all than the pool. It resizes nothing itself. All that it \
      knows stands in the nodes' leases, so another instance (`--election`) goes on where it ends; without it the agents keep what \
      they have.
      """,
    options: Option.section(
      "Pool",
      [
        .int(
          "resources", in: 1...1_000_000_000, metavar: "M", help: "The pool's size, millicores.  Required.",
          aliases: ["init_resources"]),
        .float("interval", default: 1, .atLeast(0.2, atMost: 60), metavar: "S", help: "Seconds between looks."),
        .int("duration", in: 1...10_000_000, metavar: "S", help: "Seconds to run.  Default: until Ctrl-C."),
        .int("patch_budget", default: 20, in: 2...10_000, metavar: "B", help: "Writes per second at most."),
        .flag("debug", help: "Tell every look, not only changes."),
        LogOptions.format,
      ]) + LiveOptions.connection + ElectionOptions.election,
    examples: [
      Example("marlise share --pool web --resources 40000 --election", "One of two replicas hands out 40 cores"),
      Example(
        "marlise infer --node node-1 --pool web --pool_shares --resources 40000 --metrics cgroup --apply",
        "The agent of a node"),
    ]
  ) { try run($0) }

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    guard let capacity = options.optionalInt("resources") else {
      throw options.rejection("resources", "is required: the size of the pool, millicores")
    }
    if options.wasGiven("node") {
      throw options.rejection("node", "has no meaning here: a share is handed out to every node")
    }
    let log = LogOptions.log(options, isDebug: options.flag("debug"))
    let connection = try LiveOptions.connection(options)
    let pool = ElectionOptions.poolLabel(options)
    let place = try ElectionOptions.place(options, connection, name: "marlise-pool-\(pool)")
    let elector =
      options.flag("election")
      ? try ElectionOptions.elector(options, connection, name: place.name, shares: nil, log) : nil
    let client = APIClient(
      connection: connection,
      budget: WriteBudget(
        count: options.int("patch_budget") - 1, usedUpAt: Pacing.system.now()),
      agent: elector.map { ElectionOptions.agent($0.identity) }, mayWrite: { elector?.mayAct ?? true })
    let keeper = ShareKeeper(
      client: client, namespace: place.namespace, pool: pool, poolName: options.optionalString("pool"),
      capacity: capacity, selection: LiveOptions.selection(options, client: client))
    Interruption.install()
    try elector?.start()
    defer { elector?.stop() }
    log.info("handing out", ["pool": .text("\(pool) (\(capacity)m)"), "leases": .text(place.namespace)])

    let end = options.optionalInt("duration").map { Clock.monotonic() + Double($0) }
    var schedule = TickSchedule(start: Clock.monotonic(), interval: options.float("interval"))
    var failure: String?
    var silent: [String] = []
    var hasLooked = false
    while !Interruption.requested {
      let due = schedule.next(at: Clock.monotonic())
      if let end, due > end { break }
      while !Interruption.requested, due > Clock.monotonic() {
        Thread.sleep(forTimeInterval: min(due - Clock.monotonic(), 0.05).magnitude)
      }
      do throws(ClusterError) {
        let round = try keeper.perform(mayAct: elector?.mayAct ?? true)
        failure = nil
        if round.silent != silent, !round.silent.isEmpty {
          log.warning("not heard of", ["leases": .text(round.silent.prefix(5).joined(separator: ", "))])
        }
        silent = round.silent
        let facts: KeyValuePairs<String, Log.Value> = [
          "nodes": .int(round.nodes), "changed": .int(round.changed), "committed": .text("\(round.committed)m"),
        ]
        if round.changed > 0 || !hasLooked { log.info("shares", facts) } else { log.debug("shares", facts) }
        hasLooked = true
      } catch {
        if !hasLooked, !error.isRetryable { throw error }
        if failure != error.description { log.warning("\(error)") }
        failure = error.description
      }
    }
    return .finished
  }
}
