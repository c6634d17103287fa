import NeuralNetwork

extension Checkpoint {
  /// Reads and checks a file. Either everything that was asked for is there and valid, or an error is thrown.
  ///
  /// Order of the checks: a regular file · header · length · digest · HDF5 structure · metadata · shapes, types and
  /// values of every array · the rules of `validate(for:)`.
  ///
  /// - Throws: `CheckpointError`.
  public static func read(_ path: String, including portion: Portion) throws -> Checkpoint {
    let (bytes, _) = try verifiedBytes(of: path)
    return try decoded(bytes, file: path, including: portion)
  }

  /// The bytes of a file whose header, length and digest are right.
  static func verifiedBytes(of path: String) throws -> (bytes: [UInt8], header: UserBlock) {
    let file = try InputFile(opening: path)
    guard file.size <= CheckpointLimits.fileBytes else {
      throw CheckpointError(
        .shape, file: path, "has \(file.size) bytes, expected at most \(CheckpointLimits.fileBytes)")
    }
    // The header first: a foreign file of any size is refused after 512 bytes.
    let start = try file.read(first: UserBlock.size)
    let header = try start.withUnsafeBytes { try UserBlock(parsing: $0, actualSize: file.size, file: path) }
    let bytes = try file.read(first: file.size)
    guard bytes.count == header.fileSize, bytes.starts(with: header.bytes) else {
      throw CheckpointError(.damaged, file: path, "changed while it was being read")
    }
    try bytes.withUnsafeBytes { try header.verify($0, file: path) }
    return (bytes, header)
  }

  /// Reads verified bytes.
  static func decoded(_ bytes: [UInt8], file: String, including portion: Portion) throws -> Checkpoint {
    let checkpoint = try HDF5.session {
      try HDF5Input.open(bytes, file: file) { root in
        let members = try root.members(atMost: CheckpointLimits.metadataEntries)
        if let unknown = members.first(where: { !CheckpointSchema.rootGroups.contains($0) }) {
          throw root.place.child(unknown).error(.schema, "is not part of the format, expected only agents and training")
        }
        let metadata = try readMetadata(root)
        var budget = bytes.count
        let agents = try readAgents(root, budget: &budget)
        var training: [String: TrainingArray]?
        if portion == .everything, members.contains("training") {
          var arrays: [String: TrainingArray] = [:]
          try readTraining(root.openGroup("training"), prefix: "", depth: 1, into: &arrays, budget: &budget)
          training = arrays
        }
        return Checkpoint(metadata: metadata, agents: agents, training: training)
      }
    }
    try checkpoint.validate(for: file)
    return checkpoint
  }

  private static func readMetadata(_ root: borrowing HDF5Input) throws -> Metadata {
    // First: a later format may have other attributes, and "other version" is then the better sentence.
    let version: Int = try root.number("format_version")
    guard version == Metadata.currentFormatVersion else {
      throw root.place.attribute("format_version").error(
        .version, "is \(version), expected \(Metadata.currentFormatVersion): written by another version of marlise")
    }
    let kindName = try root.text("action_kind")
    guard let kind = ActionDescription.Kind(rawValue: kindName) else {
      throw root.place.attribute("action_kind").error(
        .schema, "is '\(kindName)', expected \(ActionDescription.Kind.allCases.map(\.rawValue).joined(separator: ", "))"
      )
    }
    let names = try root.attributeNames(atMost: 3 * CheckpointLimits.metadataEntries)
    return Metadata(
      formatVersion: version,
      algorithm: try root.text("algorithm"),
      observation: ObservationDescription(
        kind: try root.text("observation_kind"), fields: try root.texts("observation_fields"),
        history: try root.number("observation_history")),
      action: ActionDescription(
        kind: kind, count: try root.number("action_count"), increment: try root.number("action_increment"),
        scale: try root.number("action_scale"), minimum: try root.number("action_minimum"),
        maximum: try root.number("action_maximum")),
      normalisation: try root.text("normalisation"),
      reward: try root.text("reward"),
      seed: try root.number("seed"),
      configuration: try root.text("configuration"),
      trainingSteps: try root.number("training_steps"),
      libraryVersions: try texts(in: root, names, prefix: CheckpointSchema.libraryPrefix),
      compatibility: try root.text("compatibility"),
      extra: try texts(in: root, names, prefix: CheckpointSchema.extraPrefix))
  }

  private static func texts(
    in root: borrowing HDF5Input, _ names: [String], prefix: String
  ) throws -> [String: String] {
    var result: [String: String] = [:]
    for name in names where name.hasPrefix(prefix) {
      result[String(name.dropFirst(prefix.count))] = try root.text(name)
    }
    return result
  }

  /// `/agents/<0…n−1>/<network>/layer<0…k−1>/{weight,bias}`.
  static func readAgents(
    _ root: borrowing HDF5Input, budget: inout Int
  ) throws -> [[String: NetworkParameters]] {
    let group = try root.openGroup("agents")
    let count = try group.members(atMost: CheckpointLimits.agents).count
    var agents: [[String: NetworkParameters]] = []
    for index in 0..<count {
      // When any name is not a number below `count`, some number below `count` is missing.
      let agent = try group.openGroup(String(index))
      var networks: [String: NetworkParameters] = [:]
      for name in try agent.members(atMost: CheckpointLimits.networksPerAgent) {
        networks[name] = try readNetwork(agent.openGroup(name), budget: &budget)
      }
      agents.append(networks)
    }
    return agents
  }

  private static func readNetwork(_ group: borrowing HDF5Input, budget: inout Int) throws -> NetworkParameters {
    let count = try group.members(atMost: CheckpointLimits.layersPerNetwork).count
    var layers: [LayerParameters] = []
    for index in 0..<count { layers.append(try readLayer(group.openGroup("layer\(index)"), budget: &budget)) }
    let network = NetworkParameters(layers: layers)
    // Files from elsewhere may repeat the shape here.
    for (name, value) in [
      ("layer_count", layers.count), ("input_size", network.inputs), ("output_size", network.outputs),
    ] where group.hasAttribute(name) {
      let stated: Int = try group.number(name)
      guard stated == value else {
        throw group.place.attribute(name).error(.shape, "is \(stated), but the layers make it \(value)")
      }
    }
    return network
  }

  private static func readLayer(_ group: borrowing HDF5Input, budget: inout Int) throws -> LayerParameters {
    let members = try group.members(atMost: 64)
    guard members == ["bias", "weight"] else {
      throw group.place.error(.schema, "holds \(members.joined(separator: ", ")), expected bias and weight")
    }
    let name = try group.text("activation")
    guard let activation = Activation(rawValue: name) else {
      throw group.place.attribute("activation").error(
        .schema, "is '\(name)', expected one of \(Activation.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let weight = try group.array("weight", of: Float.self, ranks: 2...2, budget: &budget)
    let bias = try group.array("bias", of: Float.self, ranks: 1...1, budget: &budget)
    return LayerParameters(
      inputs: weight.shape[1], outputs: weight.shape[0], weight: weight.values, bias: bias.values,
      activation: activation)
  }

  private static func readTraining(
    _ group: borrowing HDF5Input, prefix: String, depth: Int, into arrays: inout [String: TrainingArray],
    budget: inout Int
  ) throws {
    for name in try group.members(atMost: CheckpointLimits.trainingArrays) {
      let path = prefix + name
      if try group.isGroup(name) {
        guard depth < CheckpointLimits.pathDepth else {
          throw group.place.child(name).error(
            .shape, "is a group at depth \(depth), expected at most \(CheckpointLimits.pathDepth) levels")
        }
        try readTraining(
          group.openGroup(name), prefix: path + "/", depth: depth + 1, into: &arrays, budget: &budget)
      } else {
        guard arrays.count < CheckpointLimits.trainingArrays else {
          throw group.place.error(.shape, "has more than \(CheckpointLimits.trainingArrays) arrays")
        }
        arrays[path] = try group.trainingArray(name, budget: &budget)
      }
    }
  }
}
