import Checkpoints
import Foundation

/// A checkpoint's description for programs, under the names that the file itself uses.
struct CheckpointDescription: Encodable {
  struct Observation: Encodable {
    var kind: String
    var fields: [String]
    var history: Int
  }

  /// Millicores.
  struct Action: Encodable {
    var kind: String
    var count: Int
    var increment: Int
    var scale: Int
    var minimum: Int
    var maximum: Int
  }

  struct Metadata: Encodable {
    var formatVersion: Int
    var algorithm: String
    var observation: Observation
    var action: Action
    var normalisation: String
    var reward: String
    var seed: UInt64
    var trainingSteps: Int
    var compatibility: String
    /// JSON text, as the file keeps it.
    var configuration: String
    var libraryVersions: [String: String]
    var extra: [String: String]
  }

  struct Statistics: Encodable {
    var count: Int
    var minimum: Float
    var maximum: Float
    var mean: Double
  }

  struct Layer: Encodable {
    var inputs: Int
    var outputs: Int
    var activation: String
    var parameters: Statistics
  }

  struct Network: Encodable {
    var agent: Int
    var name: String
    var layers: [Layer]
    var parameters: Statistics
  }

  struct State: Encodable {
    var path: String
    var element: String
    var shape: [Int]
  }

  var file: String
  var bytes: Int?
  var sha256: String?
  var agents: Int
  var metadata: Metadata
  var networks: [Network]
  /// Absent when the file holds weights only.
  var training: [State]?

  init(_ path: String, _ checkpoint: Checkpoint, _ summary: CheckpointSummary) {
    file = path
    bytes = summary.fileSize
    sha256 = summary.digest
    agents = checkpoint.agents.count
    metadata = Metadata(checkpoint.metadata)
    networks = summary.networks.map { network in
      Network(
        agent: network.agent, name: network.name,
        layers: network.layers.map {
          Layer(
            inputs: $0.inputs, outputs: $0.outputs, activation: $0.activation.rawValue,
            parameters: Statistics($0.parameters))
        }, parameters: Statistics(network.parameters))
    }
    training = summary.training?.map { State(path: $0.path, element: $0.element, shape: $0.shape) }
  }

  /// With sorted keys, ended by a line break.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}

extension CheckpointDescription.Metadata {
  fileprivate init(_ metadata: Checkpoints.Metadata) {
    formatVersion = metadata.formatVersion
    algorithm = metadata.algorithm
    observation = CheckpointDescription.Observation(
      kind: metadata.observation.kind, fields: metadata.observation.fields, history: metadata.observation.history)
    action = CheckpointDescription.Action(
      kind: metadata.action.kind.rawValue, count: metadata.action.count, increment: metadata.action.increment,
      scale: metadata.action.scale, minimum: metadata.action.minimum, maximum: metadata.action.maximum)
    normalisation = metadata.normalisation
    reward = metadata.reward
    seed = metadata.seed
    trainingSteps = metadata.trainingSteps
    compatibility = metadata.compatibility
    configuration = metadata.configuration
    libraryVersions = metadata.libraryVersions
    extra = metadata.extra
  }
}

extension CheckpointDescription.Statistics {
  fileprivate init(_ statistics: CheckpointSummary.Statistics) {
    count = statistics.count
    minimum = statistics.minimum
    maximum = statistics.maximum
    mean = statistics.mean
  }
}
