import Checkpoints
import NeuralNetwork

/// What a run's numbers depend on besides its settings: equal bytes are promised on one kind of CPU with these.
enum LibraryVersions {
  static var current: [String: String] {
    ["hdf5": Checkpoint.hdf5Version, "kernel": Kernels.name, "marlise": softwareVersion]
  }
}

/// The version of this software.
public let softwareVersion = "0.1.0"
