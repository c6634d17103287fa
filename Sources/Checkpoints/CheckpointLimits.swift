/// What the format allows at most. Generous for anything that trains on one machine; small enough that no arithmetic on
/// sizes from a file can overflow and no allocation can be absurd.
enum CheckpointLimits {
  static let fileBytes = 8 << 30
  static let agents = 100_000
  static let networksPerAgent = 16
  static let layersPerNetwork = 64
  /// Inputs or outputs of one layer.
  static let layerWidth = 1 << 16
  /// Values in one array; also keeps an HDF5 chunk below its limit of 4 GiB.
  static let arrayValues = 1 << 28
  static let arrayRank = 4
  static let trainingArrays = 1 << 20
  static let pathDepth = 8
  /// UTF-8 bytes of a name of a network, of an array, of an attribute.
  static let nameBytes = 200
  /// UTF-8 bytes of one text in the metadata.
  static let textBytes = 16 << 20
  /// Entries of one list or dictionary in the metadata.
  static let metadataEntries = 4096
}
