import NeuralNetwork

/// All agents of a run with everything needed to use them, and optionally everything needed to continue the run: the
/// content of one HDF5 file, as plain values.
///
/// Knows the file's schema only. What the names mean (algorithms, observation kinds, rewards) is decided by the rooms
/// that write and read them.
public struct Checkpoint: Equatable, Sendable {
  public var metadata: Metadata
  /// Per agent: name of the network → weights (`"q"`; `"actor"`, `"critic"`). All agents have the same names.
  public var agents: [[String: NetworkParameters]]
  /// What a resumed run needs: slash-separated path → array (`"agents/0/optimizer/q/m"`). nil when the file holds
  /// weights only, or when only weights were read.
  public var training: [String: TrainingArray]?

  public init(
    metadata: Metadata, agents: [[String: NetworkParameters]], training: [String: TrainingArray]? = nil
  ) {
    self.metadata = metadata
    self.agents = agents
    self.training = training
  }

  /// Version of the HDF5 library in use, e.g. `"1.10.8"`, for `Metadata.libraryVersions["hdf5"]`.
  public static var hdf5Version: String { HDF5.version }

  /// How much of a file to load.
  public enum Portion: Sendable {
    /// Metadata and networks: what inference and evaluation need.
    case weights
    /// Also the arrays under `/training`.
    case everything
  }
}

/// What the agents are, what they see, what their outputs mean, and where they come from.
public struct Metadata: Equatable, Sendable {
  /// The format that this build writes and reads.
  public static let currentFormatVersion = 1

  public var formatVersion: Int
  /// Name in the catalogue of algorithms, e.g. `"mdqn"`.
  public var algorithm: String
  public var observation: ObservationDescription
  public var action: ActionDescription
  /// Name of the way readings become numbers, e.g. `"upstream"`.
  public var normalisation: String
  /// Name or number of the reward function.
  public var reward: String
  public var seed: UInt64
  /// The run's settings, as JSON text. Kept as it is, never interpreted here.
  public var configuration: String
  /// Environment steps behind these weights.
  public var trainingSteps: Int
  /// What the run was computed with: `"hdf5"`, `"openblas"`, `"openblas.kernel"`, `"marlise"`…
  public var libraryVersions: [String: String]
  /// `"none"`, or whose quirks the agents were trained with (`"upstream"`).
  public var compatibility: String
  /// Anything else worth keeping, by name.
  public var extra: [String: String]

  public init(
    formatVersion: Int = currentFormatVersion, algorithm: String, observation: ObservationDescription,
    action: ActionDescription, normalisation: String, reward: String, seed: UInt64, configuration: String = "{}",
    trainingSteps: Int = 0, libraryVersions: [String: String] = [:], compatibility: String = "none",
    extra: [String: String] = [:]
  ) {
    self.formatVersion = formatVersion
    self.algorithm = algorithm
    self.observation = observation
    self.action = action
    self.normalisation = normalisation
    self.reward = reward
    self.seed = seed
    self.configuration = configuration
    self.trainingSteps = trainingSteps
    self.libraryVersions = libraryVersions
    self.compatibility = compatibility
    self.extra = extra
  }
}

/// What the networks see: `history` readings of `fields`, oldest reading first.
public struct ObservationDescription: Equatable, Sendable {
  /// Name of the observation, e.g. `"shared"`.
  public var kind: String
  /// Names of one reading's numbers, in order.
  public var fields: [String]
  /// Readings in one observation.
  public var history: Int

  public init(kind: String, fields: [String], history: Int) {
    self.kind = kind
    self.fields = fields
    self.history = history
  }
}

/// What the networks' outputs mean. CPU in millicores.
public struct ActionDescription: Equatable, Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    /// One output per choice; the choice is a change of the limit.
    case discrete
    /// One output in −1…1, times `scale`: a change of the limit.
    case delta
    /// One output in 0…1: the limit itself, as a share of the maximum.
    case instant
  }

  public var kind: Kind
  /// Network outputs: the number of choices, or of continuous dimensions.
  public var count: Int
  /// Change of the limit by one discrete step, millicores; 0 where there is none.
  public var increment: Int
  /// Change of the limit by an output of 1, millicores; 0 where there is none.
  public var scale: Int
  /// Limits that actions lead to, millicores.
  public var minimum: Int
  public var maximum: Int

  public init(kind: Kind, count: Int, increment: Int, scale: Int, minimum: Int, maximum: Int) {
    self.kind = kind
    self.count = count
    self.increment = increment
    self.scale = scale
    self.minimum = minimum
    self.maximum = maximum
  }
}

/// One named array of training state: row-major values and 1 to 4 dimensions, each ≥ 0.
public enum TrainingArray: Equatable, Sendable {
  case float32([Float], shape: [Int])
  case float64([Double], shape: [Int])
  case int64([Int64], shape: [Int])
  case uint64([UInt64], shape: [Int])

  public var shape: [Int] {
    switch self {
    case .float32(_, let shape), .float64(_, let shape), .int64(_, let shape), .uint64(_, let shape): shape
    }
  }

  /// Number of values.
  public var count: Int {
    switch self {
    case .float32(let values, _): values.count
    case .float64(let values, _): values.count
    case .int64(let values, _): values.count
    case .uint64(let values, _): values.count
    }
  }

  /// Name of the element type, as NumPy has it.
  public var elementName: String {
    switch self {
    case .float32: "float32"
    case .float64: "float64"
    case .int64: "int64"
    case .uint64: "uint64"
    }
  }
}
