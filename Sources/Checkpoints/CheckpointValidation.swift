import NeuralNetwork

/// The rules that a checkpoint's content obeys, checked before writing and after reading, so that nothing is ever written
/// that would be refused later. `file` only serves the error's sentence.
extension Checkpoint {
  /// - Throws: `CheckpointError` naming the first rule that is broken.
  public func validate(for file: String) throws {
    let rules = Rules(file: file)
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

private struct Rules {
  let file: String

  func error(_ reason: CheckpointError.Reason, _ place: String, _ explanation: String) -> CheckpointError {
    CheckpointError(reason, file: file, place: place, explanation)
  }

  func check(
    _ holds: Bool, _ reason: CheckpointError.Reason, _ place: String, _ explanation: @autoclosure () -> String
  ) throws {
    if !holds { throw error(reason, place, explanation()) }
  }

  // MARK: Metadata

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

  // MARK: Networks

  func check(_ network: NetworkParameters, at place: String) throws {
    let layers = network.layers
    try check(
      (1...CheckpointLimits.layersPerNetwork).contains(layers.count), .shape, place,
      "has \(layers.count) layers, expected 1 to \(CheckpointLimits.layersPerNetwork)")
    for (index, layer) in layers.enumerated() {
      let here = "\(place)/layer\(index)"
      let widths = 1...CheckpointLimits.layerWidth
      try check(
        widths.contains(layer.inputs) && widths.contains(layer.outputs), .shape, here,
        "has \(layer.inputs) inputs and \(layer.outputs) outputs, expected 1 to \(CheckpointLimits.layerWidth) of each")
      try check(
        layer.weight.count == layer.inputs * layer.outputs, .shape, "\(here)/weight",
        "has \(layer.weight.count) values, expected \(layer.outputs)×\(layer.inputs)")
      try check(
        layer.bias.count == layer.outputs, .shape, "\(here)/bias",
        "has \(layer.bias.count) values, expected \(layer.outputs), the rows of weight")
      if index > 0 {
        try check(
          layer.inputs == layers[index - 1].outputs, .shape, "\(here)/weight",
          "is \(layer.outputs)×\(layer.inputs), expected \(layer.outputs)×\(layers[index - 1].outputs): "
            + "layer\(index - 1) has \(layers[index - 1].outputs) outputs")
      }
      try checkFinite(layer.weight, at: "\(here)/weight", columns: layer.inputs)
      try checkFinite(layer.bias, at: "\(here)/bias", columns: nil)
    }
  }

  func checkFinite(_ values: [Float], at place: String, columns: Int?) throws {
    let bad = values.withUnsafeBufferPointer { buffer in buffer.firstIndex { !$0.isFinite } }
    guard let bad else { return }
    let index = columns.map { "[\(bad / $0), \(bad % $0)]" } ?? "[\(bad)]"
    throw error(.nonFinite, place, "holds \(values[bad]) at \(index), expected finite numbers")
  }

  /// Some network reads the observation and some network has one output per action: the rest of the wiring belongs to
  /// the algorithm.
  func check(_ networks: [String: NetworkParameters], fit metadata: Metadata, at place: String) throws {
    try check(
      (1...CheckpointLimits.networksPerAgent).contains(networks.count), .shape, place,
      "has \(networks.count) networks, expected 1 to \(CheckpointLimits.networksPerAgent)")
    let observation = metadata.observation
    let size = observation.fields.count * observation.history
    try check(
      networks.values.contains { $0.inputs == size }, .shape, place,
      "has no network with \(size) inputs, expected one for \(observation.history) readings of "
        + "\(observation.fields.count) fields (observation '\(observation.kind)')")
    try check(
      networks.values.contains { $0.outputs == metadata.action.count }, .shape, place,
      "has no network with \(metadata.action.count) outputs, expected one for the action "
        + "'\(metadata.action.kind.rawValue)'")
  }

  // MARK: Training state

  func check(training: [String: TrainingArray]) throws {
    try check(
      training.count <= CheckpointLimits.trainingArrays, .shape, "/training",
      "has \(training.count) arrays, expected at most \(CheckpointLimits.trainingArrays)")
    for (path, array) in training.sorted(by: { $0.key < $1.key }) {
      let place = "/training/\(path)"
      let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      try check(
        parts.count <= CheckpointLimits.pathDepth, .shape, place,
        "is \(parts.count) levels deep, expected at most \(CheckpointLimits.pathDepth)")
      for part in parts { try check(name: part, at: place) }
      for depth in 1..<max(parts.count, 1) {
        let group = parts[..<depth].joined(separator: "/")
        try check(training[group] == nil, .schema, place, "lies inside '\(group)', which is itself an array")
      }
      try check(shapeOf: array, at: place)
      let hasNaN =
        switch array {
        case .float32(let values, _): values.withUnsafeBufferPointer { $0.contains { $0.isNaN } }
        case .float64(let values, _): values.withUnsafeBufferPointer { $0.contains { $0.isNaN } }
        case .int64, .uint64: false
        }
      // Infinities are legitimate here: "best return so far" starts at −∞.
      try check(!hasNaN, .nonFinite, place, "holds a value that is not a number")
    }
  }

  func check(shapeOf array: TrainingArray, at place: String) throws {
    try check(
      (1...CheckpointLimits.arrayRank).contains(array.shape.count), .shape, place,
      "has \(array.shape.count) dimensions, expected 1 to \(CheckpointLimits.arrayRank)")
    var count = 1
    for size in array.shape {
      try check(
        (0...CheckpointLimits.arrayValues).contains(size), .shape, place,
        "has a dimension of \(size), expected 0 to \(CheckpointLimits.arrayValues)")
      count = count > CheckpointLimits.arrayValues ? count : count * size
    }
    try check(
      count == array.count && count <= CheckpointLimits.arrayValues, .shape, place,
      "has \(array.count) values, expected \(array.shape.map(String.init).joined(separator: "×")) "
        + "and at most \(CheckpointLimits.arrayValues)")
  }
}
