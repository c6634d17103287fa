import NeuralNetwork

/// The rules for networks and for training state.
extension CheckpointRules {
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
