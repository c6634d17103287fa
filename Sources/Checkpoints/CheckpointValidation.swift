import NeuralNetwork

/// The rules that a checkpoint's content obeys, checked before writing and after reading, so that nothing is ever written
/// that would be refused later. `file` only serves the error's sentence.
extension Checkpoint {
  /// - Throws: `CheckpointError` naming the first rule that is broken.
  public func validate(for file: String) throws {
    let rules = CheckpointRules(file: file)
    try rules.check(metadata)
    guard let first = agents.first else {
      throw rules.error(.schema, "/agents", "is empty, expected at least one agent")
    }
    try rules.check(
      agents.count <= CheckpointLimits.agents, .shape, "/agents",
      "has \(agents.count) agents, expected at most \(CheckpointLimits.agents)")
    for (index, networks) in agents.enumerated() {
      let place = "/agents/\(index)"
      try rules.check(
        networks.keys.sorted() == first.keys.sorted(), .schema, place,
        "has the networks \(list(networks.keys)), expected \(list(first.keys)) as in /agents/0")
      for (name, network) in networks.sorted(by: { $0.key < $1.key }) {
        try rules.check(name: name, at: place)
        try rules.check(network, at: "\(place)/\(name)")
      }
      try rules.check(networks, fit: metadata, at: place)
    }
    try rules.check(training: training ?? [:])
  }

  /// Refuses agents that have not exactly the networks that an algorithm needs.
  ///
  /// - Throws: `CheckpointError`, e.g. "a.h5: /agents/0 has the networks 'q', expected 'actor' and 'critic' …".
  public func requireNetworks(_ names: Set<String>, file: String) throws {
    for (index, networks) in agents.enumerated() where Set(networks.keys) != names {
      throw CheckpointError(
        .schema, file: file, place: "/agents/\(index)",
        "has the networks \(list(networks.keys)), expected \(list(names)) (algorithm '\(metadata.algorithm)')")
    }
  }
}

private func list(_ names: some Sequence<String>) -> String {
  let quoted = names.sorted().map { "'\($0)'" }
  return quoted.isEmpty ? "none" : quoted.joined(separator: ", ")
}

/// One check per method; the first that fails throws.
struct CheckpointRules {
  let file: String

  func error(_ reason: CheckpointError.Reason, _ place: String, _ explanation: String) -> CheckpointError {
    CheckpointError(reason, file: file, place: place, explanation)
  }

  func check(
    _ holds: Bool, _ reason: CheckpointError.Reason, _ place: String, _ explanation: @autoclosure () -> String
  ) throws {
    if !holds { throw error(reason, place, explanation()) }
  }

  func check(_ metadata: Metadata) throws {
    try check(
      metadata.formatVersion == Metadata.currentFormatVersion, .version, "/@format_version",
      "is \(metadata.formatVersion), expected \(Metadata.currentFormatVersion): written by another version of marlise")
    for (name, text) in [
      ("algorithm", metadata.algorithm), ("observation_kind", metadata.observation.kind),
      ("normalisation", metadata.normalisation), ("reward", metadata.reward), ("compatibility", metadata.compatibility),
    ] {
      try check(!text.isEmpty, .schema, "/@\(name)", "is empty, expected a name")
      try check(text: text, at: "/@\(name)")
    }
    try check(text: metadata.configuration, at: "/@configuration")
    for (prefix, entries) in [("library", metadata.libraryVersions), ("extra", metadata.extra)] {
      try check(
        entries.count <= CheckpointLimits.metadataEntries, .shape, "/@\(prefix).*",
        "are \(entries.count) attributes, expected at most \(CheckpointLimits.metadataEntries)")
      for (name, text) in entries.sorted(by: { $0.key < $1.key }) {
        try check(
          !name.isEmpty && name.utf8.count <= CheckpointLimits.nameBytes && !name.utf8.contains(0), .schema,
          "/@\(prefix).\(name)", "has a name that is empty, too long or contains a zero byte")
        try check(text: text, at: "/@\(prefix).\(name)")
      }
    }
    try check(
      metadata.trainingSteps >= 0, .schema, "/@training_steps", "is \(metadata.trainingSteps), expected 0 or more")

    let observation = metadata.observation
    try check(
      (1...CheckpointLimits.metadataEntries).contains(observation.fields.count), .shape, "/@observation_fields",
      "has \(observation.fields.count) names, expected 1 to \(CheckpointLimits.metadataEntries)")
    for field in observation.fields { try check(text: field, at: "/@observation_fields") }
    try check(
      (1...CheckpointLimits.layerWidth).contains(observation.history), .shape, "/@observation_history",
      "is \(observation.history), expected 1 to \(CheckpointLimits.layerWidth)")

    let action = metadata.action
    try check(
      (1...CheckpointLimits.layerWidth).contains(action.count), .shape, "/@action_count",
      "is \(action.count), expected 1 to \(CheckpointLimits.layerWidth)")
    for (name, value) in [("increment", action.increment), ("scale", action.scale), ("minimum", action.minimum)] {
      try check(value >= 0, .schema, "/@action_\(name)", "is \(value) millicores, expected 0 or more")
    }
    try check(
      action.maximum >= action.minimum, .schema, "/@action_maximum",
      "is \(action.maximum) millicores, expected at least the minimum, \(action.minimum)")
  }

  func check(text: String, at place: String) throws {
    try check(
      text.utf8.count <= CheckpointLimits.textBytes, .shape, place,
      "has \(text.utf8.count) bytes, expected at most \(CheckpointLimits.textBytes)")
    // HDF5 strings end at the first zero byte: the rest would be lost silently.
    try check(!text.utf8.contains(0), .schema, place, "contains a zero byte, expected text")
  }

  func check(name: String, at place: String) throws {
    let allowed = name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") }
    try check(
      !name.isEmpty && allowed && name != "." && name != ".." && name.utf8.count <= CheckpointLimits.nameBytes, .schema,
      place,
      "contains the name '\(name)', expected 1 to \(CheckpointLimits.nameBytes) bytes without spaces, slashes, '.' or '..'"
    )
  }
}
