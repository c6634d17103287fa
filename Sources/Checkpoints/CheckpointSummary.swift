import NeuralNetwork

/// What a checkpoint holds, for people: metadata, layer shapes, ranges of the weights.
public struct CheckpointSummary: Equatable, Sendable {
  /// One line of the metadata table.
  public struct Row: Equatable, Sendable {
    public var name: String
    public var value: String
  }

  /// Weights and biases together.
  public struct Statistics: Equatable, Sendable {
    public var count: Int
    public var minimum: Float
    public var maximum: Float
    public var mean: Double
  }

  public struct Layer: Equatable, Sendable {
    public var inputs: Int
    public var outputs: Int
    public var activation: Activation
    public var parameters: Statistics
  }

  public struct Network: Equatable, Sendable {
    public var agent: Int
    public var name: String
    public var layers: [Layer]
    public var parameters: Statistics
  }

  /// One array of the training state.
  public struct State: Equatable, Sendable {
    public var path: String
    public var element: String
    public var shape: [Int]
  }

  public var metadata: [Row]
  /// By agent, then by name.
  public var networks: [Network]
  /// By path; nil when the checkpoint has no training state, or it was not read.
  public var training: [State]?
  /// SHA-256 of the file's content; nil for a checkpoint that does not come from a file.
  public var digest: String?
  /// Bytes of the file; nil likewise.
  public var fileSize: Int?

  /// Reads a whole file, with all its checks, and describes it.
  ///
  /// - Throws: `CheckpointError`.
  public init(ofFile path: String) throws {
    let (bytes, header) = try Checkpoint.verifiedBytes(of: path)
    self.init(of: try Checkpoint.decoded(bytes, file: path, including: .everything))
    digest = header.digest
    fileSize = header.fileSize
  }

  public init(of checkpoint: Checkpoint) {
    metadata = Self.rows(checkpoint.metadata)
    networks = checkpoint.agents.enumerated().flatMap { index, networks in
      networks.sorted { $0.key < $1.key }.map { name, network in
        Network(
          agent: index, name: name,
          layers: network.layers.map {
            Layer(
              inputs: $0.inputs, outputs: $0.outputs, activation: $0.activation,
              parameters: Statistics(of: [$0.weight, $0.bias]))
          },
          parameters: Statistics(of: network.layers.flatMap { [$0.weight, $0.bias] }))
      }
    }
    training = checkpoint.training.map { arrays in
      arrays.sorted { $0.key < $1.key }.map {
        State(path: $0.key, element: $0.value.elementName, shape: $0.value.shape)
      }
    }
  }

  private static func rows(_ metadata: Metadata) -> [Row] {
    let action = metadata.action
    var rows = [
      Row(name: "format version", value: "\(metadata.formatVersion)"),
      Row(name: "algorithm", value: metadata.algorithm),
      Row(name: "observation", value: metadata.observation.kind),
      Row(name: "fields", value: metadata.observation.fields.joined(separator: ", ")),
      Row(name: "history", value: "\(metadata.observation.history) readings"),
      Row(name: "action", value: "\(action.kind.rawValue), \(action.count) output\(action.count == 1 ? "" : "s")"),
      Row(name: "increment", value: "\(action.increment)m"),
      Row(name: "scale", value: "\(action.scale)m"),
      Row(name: "limits", value: "\(action.minimum)m to \(action.maximum)m"),
      Row(name: "normalisation", value: metadata.normalisation),
      Row(name: "reward", value: metadata.reward),
      Row(name: "seed", value: "\(metadata.seed)"),
      Row(name: "training steps", value: "\(metadata.trainingSteps)"),
      Row(name: "compatibility", value: metadata.compatibility),
      Row(name: "configuration", value: metadata.configuration),
    ]
    for (prefix, entries) in [("library", metadata.libraryVersions), ("extra", metadata.extra)] {
      rows += entries.sorted { $0.key < $1.key }.map { Row(name: "\(prefix) \($0.key)", value: $0.value) }
    }
    return rows
  }
}

extension CheckpointSummary.Statistics {
  /// Over all values of all `arrays`; zeros when there are none.
  init(of arrays: [[Float]]) {
    var sum = 0.0
    (count, minimum, maximum, mean) = (0, .infinity, -.infinity, 0)
    for array in arrays {
      array.withUnsafeBufferPointer { values in
        for value in values {
          sum += Double(value)
          minimum = Swift.min(minimum, value)
          maximum = Swift.max(maximum, value)
        }
      }
      count += array.count
    }
    if count == 0 { (minimum, maximum) = (0, 0) }
    if count > 0 { mean = sum / Double(count) }
  }
}
