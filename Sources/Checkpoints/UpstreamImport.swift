import NeuralNetwork

/// The published upstream agents, repacked as HDF5: the same `/agents` tree as ours, other root attributes, no digest.
extension Checkpoint {
  /// Reads a file of published agents and describes them in this project's words.
  ///
  /// What the file does not say (sizes of actions, limits, reward) is what those agents were trained with; seed and
  /// training steps are unknown and given as 0. Without a digest only HDF5's own checks and this format's rules stand
  /// between a damaged file and its use.
  ///
  /// - Throws: `CheckpointError`.
  public static func importUpstream(_ path: String) throws -> Checkpoint {
    let file = try InputFile(opening: path)
    guard file.size <= UpstreamAgents.fileBytes else {
      throw CheckpointError(.shape, file: path, "has \(file.size) bytes, expected at most \(UpstreamAgents.fileBytes)")
    }
    let bytes = try file.read(first: file.size)
    guard bytes.starts(with: HDF5Superblock.signature) else {
      throw CheckpointError(.foreign, file: path, "is not an HDF5 file, expected published upstream agents")
    }
    let (checkpoint, networks) = try HDF5.session {
      try HDF5Input.open(bytes, file: path) { root in
        let agents = try UpstreamAgents(root)
        var budget = bytes.count
        return (
          Checkpoint(metadata: agents.metadata, agents: try readAgents(root, budget: &budget)), agents.kind.networks
        )
      }
    }
    try checkpoint.requireNetworks(networks, file: path)
    try checkpoint.validate(for: path)
    return checkpoint
  }
}

/// What the root of such a file says.
private struct UpstreamAgents {
  /// Thirty times the largest one.
  static let fileBytes = 32 << 20

  struct Kind {
    let algorithm: String
    let networks: Set<String>
    let action: ActionDescription.Kind
    let outputs: Int
  }

  private static let kinds = [
    "dqn": Kind(algorithm: "mdqn", networks: ["q"], action: .discrete, outputs: 3),
    "ppo": Kind(algorithm: "ppo", networks: ["actor", "critic"], action: .delta, outputs: 1),
    "ddpg": Kind(algorithm: "ddpg", networks: ["actor", "critic"], action: .delta, outputs: 1),
  ]

  let kind: Kind
  let fields: [String]
  let history: Int
  let source: String

  init(_ root: borrowing HDF5Input) throws {
    guard try root.members(atMost: 16) == ["agents"], root.hasAttribute("source") else {
      throw CheckpointError(.foreign, file: root.place.file, "does not have the layout of published upstream agents")
    }
    let name = try root.text("algorithm")
    guard let kind = Self.kinds[name] else {
      throw root.place.attribute("algorithm").error(
        .schema, "is '\(name)', expected \(Self.kinds.keys.sorted().joined(separator: ", "))")
    }
    self.kind = kind
    fields = try root.text("fields").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    history = try root.number("history")
    source = try root.text("source")
  }

  var metadata: Metadata {
    Metadata(
      algorithm: kind.algorithm,
      observation: ObservationDescription(
        kind: fields.contains("other_utilisation") ? "shared" : "independent", fields: fields, history: history),
      action: ActionDescription(
        kind: kind.action, count: kind.outputs, increment: kind.action == .discrete ? 25 : 0,
        scale: kind.action == .delta ? 50 : 0, minimum: 50, maximum: 1000),
      normalisation: "upstream", reward: "2", seed: 0, compatibility: "upstream", extra: ["source": source])
  }
}
