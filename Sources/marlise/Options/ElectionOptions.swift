import Control
import Foundation
import Kubernetes
import Terminal

/// Several instances of which one acts, as options.
enum ElectionOptions {
  /// For whatever may have a twin.
  static let election: [Option] = Option.section(
    "Several instances",
    [
      .flag("election", help: "Act only while holding a lease: of several instances one acts, the others stand by."),
      .string(
        "lease", metavar: "NS/NAME",
        help: "The lease.  Default: marlise, or marlise-POOL, in the context's namespace (POD_NAMESPACE if set)."),
      .int(
        "lease_duration", default: 15, in: 6...3600, metavar: "S",
        help: "Seconds after which another instance acts when the one that acted is heard of no more."),
      .string("identity", metavar: "NAME", help: "This instance in the lease.  Default: the host's name and a number."),
    ])

  /// For whatever drives pods.
  static let options: [Option] =
    election
    + Option.section(
      "Several instances",
      [
        .flag(
          "pool_shares",
          help:
            "With --node: take from the pool what `marlise share` hands out to this node.  --resources is the whole pool."
        )
      ])

  /// One of several instances.
  struct Instance {
    var elector: LeaderElector
    /// Its part of a pool that spans nodes.
    var shares: ShareHolder?
  }

  /// The writes a second that are left for pods: keeping the lease takes one of them.
  static func budget(_ options: ParsedOptions, applies: Bool) -> Int {
    options.int("patch_budget") - (isWanted(options, applies: applies) ? 1 : 0)
  }

  /// Instances are told apart in the server's audit log.
  static func agent(_ identity: String) -> String { "marlise (\(identity))" }

  /// Who only recommends need not be elected.
  private static func isWanted(_ options: ParsedOptions, applies: Bool) -> Bool {
    applies && (options.flag("election") || options.flag("pool_shares"))
  }

  /// The name by which a pool's leases are found.
  static func poolLabel(_ options: ParsedOptions) -> String { options.optionalString("pool") ?? "default" }

  /// - Parameter tell: called on a thread of its own whenever this instance begins or ceases to act.
  /// - Throws: one sentence for a lease that cannot be.
  static func instance(
    _ options: ParsedOptions, _ connection: ClusterConnection, applies: Bool, _ log: Log,
    tell: @escaping @Sendable (Bool) -> Void = { _ in }
  ) throws -> Instance? {
    guard isWanted(options, applies: applies) else { return nil }
    guard options.int("patch_budget") >= 2 else {
      throw options.rejection("patch_budget", "is 1, expected at least 2: keeping the lease takes one")
    }
    guard options.string("originals") != "file" else {
      throw options.rejection(
        "originals",
        "is file; where several instances act by turns the originals are kept on the pods, where all see them")
    }
    guard options.flag("pool_shares") else {
      let name = options.optionalString("pool").map { "marlise-\($0)" } ?? "marlise"
      return Instance(elector: try elector(options, connection, name: name, shares: nil, log, tell: tell))
    }
    guard let node = options.optionalString("node") else {
      throw options.rejection("pool_shares", "needs --node: a share is one node's")
    }
    guard !options.flag("election"), options.optionalString("lease")?.contains("/") ?? true else {
      throw options.rejection(
        "pool_shares", "goes without --election and --lease NAME: the agent of a node has a lease of its own")
    }
    guard options.wasGiven("init_resources") else {
      throw options.rejection("pool_shares", "needs --resources, the size of the whole pool")
    }
    let shares = ShareHolder(pool: poolLabel(options))
    return Instance(
      elector: try elector(
        options, connection, name: ShareHolder.leaseName(pool: poolLabel(options), node: node), shares: shares, log),
      shares: shares)
  }

  /// The lease's namespace and name.
  static func place(
    _ options: ParsedOptions, _ connection: ClusterConnection, name: String
  ) throws -> (namespace: String, name: String) {
    var place = (namespace: ProcessInfo.processInfo.environment["POD_NAMESPACE"] ?? connection.namespace, name: name)
    if let lease = options.optionalString("lease") {
      let parts = lease.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard parts.count <= 2, parts.allSatisfy(isObjectName) else {
        throw options.rejection(
          "lease", "is '\(lease)', expected NAMESPACE/NAME or NAME, in lower-case letters, digits, - and .")
      }
      place.name = parts[parts.count - 1]
      if parts.count == 2 { place.namespace = parts[0] }
    }
    return place
  }

  static func elector(
    _ options: ParsedOptions, _ connection: ClusterConnection, name: String, shares: ShareHolder?, _ log: Log,
    tell: @escaping @Sendable (Bool) -> Void = { _ in }
  ) throws -> LeaderElector {
    let environment = ProcessInfo.processInfo.environment
    let place = try place(options, connection, name: name)
    let host = environment["POD_NAME"] ?? ProcessInfo.processInfo.hostName
    let identity =
      options.optionalString("identity") ?? "\(host)_\(String(UInt32.random(in: 0...UInt32.max), radix: 16))"
    let election = LeaderElection(
      identity: identity, namespace: place.namespace, name: place.name, duration: options.int("lease_duration"))
    let text = "\(place.namespace)/\(place.name)"
    return LeaderElector(
      election,
      client: APIClient(
        connection: connection, budget: WriteBudget(count: 1, usedUpAt: Pacing.system.now()), agent: agent(identity),
        readAttempts: 1),
      content: shares
    ) { change in
      switch change {
      case .leads:
        tell(true)
        log.info("acting", ["lease": .text(text), "identity": .text(identity)])
      case .follows(let holder):
        tell(false)
        log.info("standing by", ["lease": .text(text), "holder": .text(holder.isEmpty ? "nobody" : holder)])
      case .fails(let error): log.warning("\(error)")
      }
    }
  }

  private static func isObjectName(_ text: String) -> Bool {
    let allowed = Set("abcdefghijklmnopqrstuvwxyz0123456789-.".utf8)
    return (1...253).contains(text.utf8.count) && text.utf8.allSatisfy(allowed.contains)
      && (text.first?.isLetter == true || text.first?.isNumber == true)
  }
}
