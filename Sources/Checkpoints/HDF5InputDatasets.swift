import CHDF5

/// Datasets: exact element types, bounded sizes, plain storage.
extension HDF5Input {
  /// A dataset of exactly one element type, as row-major values and shape.
  ///
  /// - `budget`: bytes that datasets may still hold; nothing is compressed, so all of them together fit into the file.
  borrowing func array<Element: HDF5Element>(
    _ name: String, of _: Element.Type, ranks: ClosedRange<Int>, budget: inout Int
  ) throws -> (values: [Element], shape: [Int]) {
    let here = place.child(name)
    let dataset = try openDataset(name)
    let type = try HDF5Handle(H5Dget_type(dataset.id), close: H5Tclose, or: "described", at: here)
    guard H5Tequal(type.id, Element.fileType) > 0 else {
      throw here.error(.schema, "has another element type, expected little-endian \(Element.typeName)")
    }
    let shape = try Self.shape(of: dataset.id, ranks: ranks, at: here)
    let count = shape.reduce(1, *)
    let bytes = count * MemoryLayout<Element>.stride
    guard bytes <= budget else {
      throw here.error(.shape, "claims \(bytes) bytes, more than the file has left for it")
    }
    budget -= bytes
    try Self.checkStorage(of: dataset.id, at: here)
    if count == 0 { return ([], shape) }
    let values = try [Element](unsafeUninitializedCapacity: count) { buffer, filled in
      buffer.initialize(repeating: Element.zero)
      try here.check(H5Dread(dataset.id, Element.fileType, 0, 0, 0, buffer.baseAddress), "read")
      filled = count
    }
    return (values, shape)
  }

  /// A dataset of any of the four element types.
  borrowing func trainingArray(_ name: String, budget: inout Int) throws -> TrainingArray {
    let here = place.child(name)
    let fileType: Int
    do {
      let dataset = try openDataset(name)
      let type = try HDF5Handle(H5Dget_type(dataset.id), close: H5Tclose, or: "described", at: here)
      let known = [Float.fileType, Double.fileType, Int64.fileType, UInt64.fileType]
      guard let index = known.firstIndex(where: { H5Tequal(type.id, $0) > 0 }) else {
        throw here.error(.schema, "has another element type, expected float32, float64, int64 or uint64")
      }
      fileType = index
    }
    let ranks = 1...CheckpointLimits.arrayRank
    switch fileType {
    case 0:
      let array = try array(name, of: Float.self, ranks: ranks, budget: &budget)
      return .float32(array.values, shape: array.shape)
    case 1:
      let array = try array(name, of: Double.self, ranks: ranks, budget: &budget)
      return .float64(array.values, shape: array.shape)
    case 2:
      let array = try array(name, of: Int64.self, ranks: ranks, budget: &budget)
      return .int64(array.values, shape: array.shape)
    default:
      let array = try array(name, of: UInt64.self, ranks: ranks, budget: &budget)
      return .uint64(array.values, shape: array.shape)
    }
  }

  private borrowing func openDataset(_ name: String) throws -> HDF5Handle {
    let here = place.child(name)
    guard has(name) else { throw here.error(.schema, "is missing, expected a dataset") }
    let object = try HDF5Handle(H5Oopen(group.id, name, 0), close: H5Oclose, or: "opened", at: here)
    guard H5Iget_type(object.id) == H5I_DATASET else {
      throw here.error(.schema, "is not a dataset, expected one")
    }
    return object
  }

  private static func shape(of dataset: hid_t, ranks: ClosedRange<Int>, at here: HDF5Place) throws -> [Int] {
    let space = try HDF5Handle(H5Dget_space(dataset), close: H5Sclose, or: "described", at: here)
    let rank = Int(H5Sget_simple_extent_ndims(space.id))
    guard H5Sget_simple_extent_type(space.id) == H5S_SIMPLE, ranks.contains(rank) else {
      let expected = ranks.count == 1 ? "\(ranks.lowerBound)" : "\(ranks.lowerBound) to \(ranks.upperBound)"
      throw here.error(.shape, "has \(max(rank, 0)) dimensions, expected \(expected)")
    }
    var sizes = [hsize_t](repeating: 0, count: rank)
    guard H5Sget_simple_extent_dims(space.id, &sizes, nil) == Int32(rank) else { throw here.failure("measured") }
    // Each size is below 2²⁸ before it is multiplied with another, so that nothing overflows.
    let limit = CheckpointLimits.arrayValues
    var count = 1
    for size in sizes {
      guard size <= hsize_t(limit) else {
        throw here.error(.shape, "has a dimension of \(size), expected at most \(limit)")
      }
      count *= Int(size)
      guard count <= limit else { throw here.error(.shape, "has more than \(limit) values") }
    }
    return sizes.map { Int($0) }
  }

  /// Values in other files, in virtual datasets or behind unknown filters are refused.
  private static func checkStorage(of dataset: hid_t, at here: HDF5Place) throws {
    let creation = try HDF5Handle(H5Dget_create_plist(dataset), close: H5Pclose, or: "described", at: here)
    let layout = H5Pget_layout(creation.id)
    guard [H5D_COMPACT, H5D_CONTIGUOUS, H5D_CHUNKED].contains(layout), H5Pget_external_count(creation.id) == 0 else {
      throw here.error(.schema, "keeps its values elsewhere, expected them in this file")
    }
    for index in 0..<max(0, H5Pget_nfilters(creation.id)) {
      var flags: UInt32 = 0
      var values = 0
      let filter = H5Pget_filter2(creation.id, UInt32(index), &flags, &values, nil, 0, nil, nil)
      guard filter == H5Z_FILTER_FLETCHER32 else {
        throw here.error(.schema, "is stored through filter \(filter), expected none but Fletcher32")
      }
    }
  }
}
