import Checkpoints
import Foundation
import Terminal
import Training

/// `marlise checkpoint show|verify|transfer|caution|import|card`: looks into checkpoint files, checks them, and makes new ones of
/// them. Never trains, never overwrites a file unless told to.
enum CheckpointCommand {
  static let commands = [show, verify, transfer, caution, adopt, card]

  // MARK: show

  static let show = Command(
    "checkpoint show", summary: "Describe a checkpoint: what its agents are, see and do.",
    discussion: """
      Reads the whole file with all its checks and prints its metadata, the shape and range of every layer, the arrays \
      of its training state, and its SHA-256.
      """,
    arguments: [Argument("file", .path, help: "The checkpoint.")],
    options: [
      Option.flag("json", help: "Print a JSON object; the run's configuration is JSON text within it.")
        .notInConfiguration()
    ],
    examples: [
      Example("marlise checkpoint show runs/mdqn/last.h5", "For people"),
      Example("marlise checkpoint show --json runs/mdqn/last.h5 | jq .metadata.algorithm", "For programs"),
    ]
  ) { options in
    let path = options.argument("file")
    let summary = try CheckpointSummary(ofFile: path)
    if options.flag("json") {
      let checkpoint = try Checkpoint.read(path, including: .weights)
      try Output.standardOutput.write(try CheckpointDescription(path, checkpoint, summary).json())
    } else {
      try Output.standardOutput.write("\(summary)\n")
    }
    return .success
  }

  // MARK: card

  static let card = Command(
    "checkpoint card", summary: "Fill the numbers of checkpoints' cards, and of other Markdown files.",
    discussion: """
      What stands between `<!-- numbers: ... -->` and `<!-- end of numbers -->` is replaced by what the files beside the \
      Markdown file say: `trained FILE.h5`, `table LOAD FILE.json...` (LOAD or *), `against POLICY FILE.json...`, \
      `equal-p99 FILE.json...`, where FILE.json is what `marlise eval --json` wrote. Everything else stays. A file NAME.md that \
      does not exist yet begins as the card of NAME.h5 with the evaluation NAME.json.
      """,
    arguments: [Argument("file", .path, arity: .many, help: "Markdown files.")],
    options: [
      Option.flag("check", help: "Write nothing; exit with 1 when a file's numbers are not those of its sources.")
        .notInConfiguration()
    ],
    examples: [Example("marlise checkpoint card checkpoints/*.md", "After an evaluation")]
  ) { options in
    var stale: [String] = []
    for path in options.arguments("file") {
      let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
      let old =
        FileManager.default.fileExists(atPath: path) ? try TextFile.read(path) : DocumentNumbers.newCard(name)
      let new = try DocumentNumbers(path).filled(old)
      if options.flag("check") {
        if new != old { stale.append(path) }
      } else if new != old || !FileManager.default.fileExists(atPath: path) {
        try OutputFile(path, option: "file", force: true).write(new)
      }
    }
    guard stale.isEmpty else {
      throw Failure(
        "\(stale.joined(separator: ", ")): the numbers are not those of the files that they come from; `marlise checkpoint "
          + "card` fills them")
    }
    return .success
  }

  // MARK: verify

  static let verify = Command(
    "checkpoint verify", summary: "Check that checkpoints are whole and can be run.",
    discussion: """
      Compares the bytes with the digest they were written with, checks every array and the training \
      state, and builds the agents as eval and infer would. Prints a line per file; exits with 1 when one is bad.
      """,
    arguments: [Argument("file", .path, arity: .many, help: "Checkpoints.")],
    examples: [Example("marlise checkpoint verify runs/*/last.h5", "All runs")]
  ) { options in
    var isGood = true
    for path in options.arguments("file") {
      let line: String
      do {
        line = "ok   " + (try verdict(path))
      } catch {
        isGood = false
        line = "bad  \(error)"
      }
      try Output.standardOutput.write(line + "\n")
    }
    return isGood ? .success : .failure
  }

  private static func verdict(_ path: String) throws -> String {
    let summary = try CheckpointSummary(ofFile: path)
    let agents = try TrainedAgents(loading: path)
    let count = agents.checkpoint.agents.count
    _ = try agents.policy(pods: count)
    let everything = try Checkpoint.read(path, including: .everything)
    try TrainedAgents.naming(path) { try Trainer.verify(everything) }
    return "\(path): \(agents.algorithm.name), \(counted(count, "agent")), \(summary.fileSize ?? 0) bytes, "
      + "SHA-256 \(summary.digest ?? "-")"
  }

  // MARK: transfer

  static let transfer = Command(
    "checkpoint transfer", summary: "Give one agent's weights to other agents, in a new file.",
    discussion: """
      The same as --hack K, made permanent. A number that follows the last agent adds an agent. The new file holds \
      weights only: the training state describes the agents that made it.
      """,
    arguments: [Argument("file", .path, help: "The checkpoint to take the agents from.")],
    options: Option.section(
      "Transfer",
      [
        .int("from", in: 0...1_000_000, metavar: "K", help: "The agent whose weights are given.").required(),
        .strings("to", metavar: "K", help: "The agents that get them: numbers, or all.").required(),
      ]) + writing,
    examples: [
      Example("marlise checkpoint transfer runs/mdqn/last.h5 --from 0 --to all --out same.h5", "All as agent 0"),
      Example("marlise checkpoint transfer a.h5 --from 1 --to 3 4 --out five.h5", "Two agents more"),
    ]
  ) { options in
    let path = options.argument("file")
    let out = try output(options)
    var checkpoint = try Checkpoint.read(path, including: .weights)
    let targets = try targets(options, agents: checkpoint.agents.count)
    try checkpoint.transfer(from: options.int("from"), to: targets, file: path)
    try checkpoint.write(to: out)
    try Output.standardOutput.write(
      "\(out): \(counted(checkpoint.agents.count, "agent")), "
        + "agent \(options.int("from"))'s weights in \(targets.map(String.init).joined(separator: " "))\n")
    return .success
  }

  private static func targets(_ options: ParsedOptions, agents: Int) throws -> [Int] {
    let given = options.strings("to")
    if given == ["all"] { return Array(0..<agents) }
    let numbers = try given.map { text in
      guard let number = Number.parseInt(text), (0...1_000_000).contains(number) else {
        throw options.rejection("to", "has '\(text)', expected numbers of agents, or all")
      }
      return number
    }
    guard !numbers.isEmpty else { throw options.rejection("to", "is empty, expected numbers of agents, or all") }
    return numbers
  }

  // MARK: caution

  static let caution = Command(
    "checkpoint caution", summary: "Set how dear late requests are to agents, in a new file.",
    discussion: """
      The same as --caution D of eval and infer, made permanent. It makes a difference to agents that were trained with \
      --slo_weight_doublings; one training then gives several points between CPU and response times.
      """,
    arguments: [Argument("file", .path, help: "The checkpoint to take the agents from.")],
    options: Option.section(
      "Caution",
      [
        .float(
          "doublings", .atLeast(-4, atMost: 4), metavar: "D",
          help: "Doublings of the price that they were trained around."
        )
        .required()
      ]) + writing,
    examples: [
      Example("marlise checkpoint caution runs/ppo/best.h5 --doublings -1 --out thrifty.h5", "Half the price")
    ]
  ) { options in
    let path = options.argument("file")
    let out = try output(options)
    var checkpoint = try Checkpoint.read(path, including: .weights)
    checkpoint.metadata.extra["caution"] = "\(options.float("doublings"))"
    try checkpoint.write(to: out)
    try Output.standardOutput.write("\(out): \(checkpoint.metadata.algorithm), caution \(options.float("doublings"))\n")
    return .success
  }

  // MARK: import

  static let adopt = Command(
    "checkpoint import", summary: "Turn published agents into a checkpoint.",
    discussion: """
      Reads the published system's agents, repacked as HDF5 (groups /agents/K/NETWORK/layerN with weight and bias; root \
      attributes source, algorithm, fields, history), and writes a checkpoint that eval, infer and train --load_weights \
      take. What such a file does not say is filled in as those agents were trained.
      """,
    arguments: [Argument("file", .path, help: "The published agents.")],
    options: Option.section(
      "Import",
      [.int("n_agents", in: 1...1_000_000, help: "Keep only the first N agents.  Default: all of the file.")])
      + writing,
    examples: [Example("marlise checkpoint import dqn.h5 --out published.h5", "")]
  ) { options in
    let path = options.argument("file")
    let out = try output(options)
    var checkpoint = try Checkpoint.importUpstream(path)
    if let count = options.optionalInt("n_agents") {
      guard count <= checkpoint.agents.count else {
        throw options.rejection(
          "n_agents",
          "is \(count), but \(path) holds \(counted(checkpoint.agents.count, "agent")); "
            + "checkpoint transfer adds agents to a checkpoint")
      }
      checkpoint.agents.removeSubrange(count...)
    }
    try checkpoint.write(to: out)
    try Output.standardOutput.write(
      "\(out): \(checkpoint.metadata.algorithm), \(counted(checkpoint.agents.count, "agent"))\n")
    return .success
  }

  // MARK: What they share

  private static let writing = Option.section(
    "Output",
    [
      .path("out", help: "The checkpoint to write; must not exist yet, unless --force.").required(),
      OutputFile.force,
    ])

  private static func output(_ options: ParsedOptions) throws -> String {
    try OutputFile(options.string("out"), option: "out", force: options.flag("force")).path
  }

  private static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
