import NeuralNetwork

extension Checkpoint {
  /// Writes the file: equal content gives equal bytes, on the same version of HDF5.
  ///
  /// Built in memory, then put in place of `path` in one step: a full disk, a crash or a kill leaves the old file as it
  /// was.
  ///
  /// - Throws: `CheckpointError` when the content breaks a rule of the format, or the operating system refuses.
  public func write(to path: String) throws {
    try validate(for: path)
    try encoded(for: path).withUnsafeBytes { try AtomicFile.write($0, to: path) }
  }

  /// The bytes of the file, unchecked. `file` only serves an error's sentence.
  func encoded(for file: String) throws -> [UInt8] {
    var bytes = try HDF5.session {
      try HDF5Output.image(file: file, userBlock: UserBlock.size) { root in
        try write(metadata, to: root)
        try write(agents, to: root.addGroup("agents"))
        if let training { try write(training, to: root.addGroup("training")) }
      }
    }
    let header = bytes.withUnsafeBytes { UserBlock(describing: $0) }.bytes
    bytes.replaceSubrange(0..<UserBlock.size, with: header)
    return bytes
  }

  private func write(_ metadata: Metadata, to root: borrowing HDF5Output) throws {
    try root.set("format_version", metadata.formatVersion)
    try root.set("algorithm", metadata.algorithm)
    try root.set("observation_kind", metadata.observation.kind)
    try root.set("observation_fields", metadata.observation.fields)
    try root.set("observation_history", metadata.observation.history)
    try root.set("action_kind", metadata.action.kind.rawValue)
    try root.set("action_count", metadata.action.count)
    try root.set("action_increment", metadata.action.increment)
    try root.set("action_scale", metadata.action.scale)
    try root.set("action_minimum", metadata.action.minimum)
    try root.set("action_maximum", metadata.action.maximum)
    try root.set("normalisation", metadata.normalisation)
    try root.set("reward", metadata.reward)
    try root.set("seed", metadata.seed)
    try root.set("configuration", metadata.configuration)
    try root.set("training_steps", metadata.trainingSteps)
    try root.set("compatibility", metadata.compatibility)
    for (name, text) in metadata.libraryVersions.sorted(by: { $0.key < $1.key }) {
      try root.set(CheckpointSchema.libraryPrefix + name, text)
    }
    for (name, text) in metadata.extra.sorted(by: { $0.key < $1.key }) {
      try root.set(CheckpointSchema.extraPrefix + name, text)
    }
  }

  private func write(_ agents: [[String: NetworkParameters]], to group: borrowing HDF5Output) throws {
    for (index, networks) in agents.enumerated() {
      let agent = try group.addGroup(String(index))
      for (name, network) in networks.sorted(by: { $0.key < $1.key }) {
        let place = try agent.addGroup(name)
        for (index, parameters) in network.layers.enumerated() {
          let layer = try place.addGroup("layer\(index)")
          try layer.set("activation", parameters.activation.rawValue)
          try layer.add("weight", parameters.weight, shape: [parameters.outputs, parameters.inputs])
          try layer.add("bias", parameters.bias, shape: [parameters.outputs])
        }
      }
    }
  }

  private func write(_ training: [String: TrainingArray], to group: borrowing HDF5Output) throws {
    try write(TrainingTree(training), to: group)
  }

  private func write(_ tree: TrainingTree, to group: borrowing HDF5Output) throws {
    for (name, array) in tree.arrays.sorted(by: { $0.key < $1.key }) {
      switch array {
      case .float32(let values, let shape): try group.add(name, values, shape: shape)
      case .float64(let values, let shape): try group.add(name, values, shape: shape)
      case .int64(let values, let shape): try group.add(name, values, shape: shape)
      case .uint64(let values, let shape): try group.add(name, values, shape: shape)
      }
    }
    for (name, child) in tree.groups.sorted(by: { $0.key < $1.key }) {
      try write(child, to: group.addGroup(name))
    }
  }
}

/// Paths such as `a/b/c` as nested groups.
private struct TrainingTree {
  var arrays: [String: TrainingArray] = [:]
  var groups: [String: TrainingTree] = [:]

  init(_ training: [String: TrainingArray] = [:]) {
    for (path, array) in training { insert(array, at: path.split(separator: "/").map(String.init)[...]) }
  }

  private mutating func insert(_ array: TrainingArray, at path: ArraySlice<String>) {
    guard let first = path.first else { return }
    if path.count == 1 {
      arrays[first] = array
    } else {
      groups[first, default: TrainingTree()].insert(array, at: path.dropFirst())
    }
  }
}

/// Names in the file that both writer and reader need.
enum CheckpointSchema {
  static let libraryPrefix = "library."
  static let extraPrefix = "extra."
  /// Members of the root group.
  static let rootGroups: Set<String> = ["agents", "training"]
}
