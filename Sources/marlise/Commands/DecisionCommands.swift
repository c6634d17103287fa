import Autoscaling
import Checkpoints
import Control
import Foundation
import Terminal
import Training

/// `marlise why` and `marlise replay`: what a decision log says.
enum DecisionCommands {
  static let commands = [why, replay]

  private static let logOption = Option.path(
    "log", default: "decisions.jsonl", help: "A decision log of `marlise infer --log`.")

  // MARK: why

  private static let why = Command(
    "why", summary: "Explain the last decision about a pod.",
    discussion: "Reads a decision log: what was measured, what the agent wanted, what pool and shield made of it.",
    arguments: [Argument("pod", help: "The pod's name, as the log has it.")],
    options: Option.section(
      "Which decision",
      [
        logOption,
        .int("round", metavar: "N", help: "This round's decision instead of the last."),
        .flag("changed", help: "The last decision that changed the limit."),
      ]),
    examples: [Example("marlise why web-1 --log decisions.jsonl --changed", "Why web-1 has the limit it has")]
  ) { options in
    let wanted = options.argument("pod")
    let path = options.string("log")
    var header: DecisionLogHeader?
    var found: (header: DecisionLogHeader, record: DecisionRecord, place: Int)?
    var names: Set<String> = []
    try DecisionLog.read(path) { line, _ in
      switch line {
      case .header(let next): header = next
      case .cut: break
      case .record(let record):
        guard let header else { return }
        for (place, pod) in record.pods.enumerated() {
          if names.count < 10_000 { names.insert(pod.name) }
          guard pod.name == wanted || pod.name.hasSuffix("/" + wanted) else { continue }
          if let round = options.optionalInt("round"), round != record.round { continue }
          if options.flag("changed"), pod.limit == pod.from { continue }
          found = (header, record, place)
        }
      }
    }
    guard let found else {
      let has = names.sorted().prefix(8).joined(separator: ", ")
      throw Failure(
        names.contains(wanted) || names.contains(where: { $0.hasSuffix("/" + wanted) })
          ? "\(path) has no such decision about \(wanted)" : "\(path) has no pod '\(wanted)'; it has \(has)")
    }
    let pod = found.record.pods[found.place]
    let style = Style.detect(descriptor: 1)
    let moment = found.record.time > 1e9 ? Clock.iso8601(found.record.time) : "\(Number.short(found.record.time)) s"
    var text =
      style.bold(pod.name) + (pod.owner.map { " (\($0))" } ?? "") + ", round \(found.record.round), \(moment)\n"
    for paragraph in DecisionExplanation(found.header, found.record, place: found.place).paragraphs {
      text +=
        "  " + style.dim(paragraph.title.padding(toLength: 10, withPad: " ", startingAt: 0)) + paragraph.text + "\n"
    }
    try Output.standardOutput.write(text)
    return .success
  }

  // MARK: replay

  private static let replay = Command(
    "replay", summary: "Compute all decisions of a log again and compare them bit for bit.",
    discussion: """
      Feeds the logged samples through the same decision path with the same checkpoint. Observations, actions, wishes, grants and \
      limits must agree in every bit. A last line that was cut when its process was killed is said and ignored.
      """,
    arguments: [Argument("log", .path, help: "A decision log of `marlise infer --log`.")],
    options: [
      .path("load_model", help: "The checkpoint, where it is no longer where the log says.", aliases: ["checkpoint"]),
      .flag("json", help: "Print the outcome as a JSON object."),
    ],
    examples: [Example("marlise replay decisions.jsonl", "Check a run")]
  ) { options in
    let path = options.argument("log")
    var replays: [DecisionReplay<AgentPolicy<TrainedActions>>] = []
    var cuts: [Int] = []
    try DecisionLog.read(path) { line, number in
      switch line {
      case .header(let header):
        if header.continues == true, !replays.isEmpty {
          try replays[replays.count - 1].proceed(with: header)
        } else {
          replays.append(try begin(header, options))
        }
      case .record(let record):
        do {
          try replays[replays.count - 1].take(record)
        } catch let error as DecisionLogError {
          throw Failure("\(path):\(number): \(error)")
        }
      case .cut(let number): cuts.append(number)
      }
    }
    let rounds = replays.reduce(0) { $0 + $1.rounds }
    let decisions = replays.reduce(0) { $0 + $1.decisions }
    let differences = replays.flatMap(\.differences)
    if options.flag("json") {
      struct Outcome: Encodable {
        var runs: Int
        var rounds: Int
        var decisions: Int
        var differences: [String]
        var cutLines: [Int]
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
      let data = try encoder.encode(
        Outcome(
          runs: replays.count, rounds: rounds, decisions: decisions, differences: differences.map(\.description),
          cutLines: cuts))
      try Output.standardOutput.write(String(decoding: data, as: UTF8.self) + "\n")
    } else {
      for number in cuts { Screen.standardError.line("\(path):\(number): cut when its process was killed, ignored") }
      for difference in differences.prefix(20) { try Output.standardOutput.write("\(difference)\n") }
      let runs = replays.count == 1 ? "1 run" : "\(replays.count) runs"
      try Output.standardOutput.write(
        differences.isEmpty
          ? "\(runs), \(rounds) rounds, \(decisions) decisions: all computed again, all the same\n"
          : "\(runs), \(rounds) rounds, \(decisions) decisions: they differ\n")
    }
    return differences.isEmpty ? .success : .failure
  }

  private static func begin(
    _ header: DecisionLogHeader, _ options: ParsedOptions
  ) throws -> DecisionReplay<AgentPolicy<TrainedActions>> {
    let path = options.optionalString("load_model") ?? header.agents.checkpoint
    guard FileManager.default.fileExists(atPath: path) else {
      throw Failure("the log's checkpoint \(path) is not there; give it with --load_model")
    }
    let digest = try CheckpointSummary(ofFile: path).digest ?? ""
    guard digest == header.agents.sha256 else {
      throw Failure(
        "\(path) is not the checkpoint that decided: its SHA-256 differs from the log's \(header.agents.sha256.prefix(12))…"
      )
    }
    let agents = try TrainedAgents(loading: path, scale: header.action.scale)
    return try DecisionReplay(header, makePolicy: { try agents.policy(pods: $0, hack: header.agents.hack) }) {
      $0.actions
    }
  }
}

/// The decision log, as options of `infer`.
enum DecisionLogOptions {
  static func writer<Cluster: ControlledCluster>(
    _ options: ParsedOptions, _ chosen: ChosenAgents, _ loop: ControlLoop<Cluster, AgentPolicy<TrainedActions>>
  ) throws -> DecisionLogWriter? {
    guard let path = options.optionalString("log") else { return nil }
    return try DecisionLogWriter(
      path: path,
      header: DecisionLogHeader(
        version: softwareVersion, started: Clock.iso8601(Clock.wall()), applies: loop.applies, interval: loop.interval,
        agents: .init(
          checkpoint: chosen.agents.path, sha256: try CheckpointSummary(ofFile: chosen.agents.path).digest ?? "",
          algorithm: chosen.agents.algorithm.name, hack: chosen.hack), settings: loop.group.settings),
      logsObservations: options.flag("log_observations"))
  }
}
