import CHDF5
import Glibc

/// Attributes: text and whole numbers.
extension HDF5Input {
  /// Names of all attributes, sorted.
  borrowing func attributeNames(atMost limit: Int) throws -> [String] {
    var info = H5O_info_t()
    try place.check(H5Oget_info2(group.id, &info, UInt32(H5O_INFO_NUM_ATTRS)), "listed")
    guard info.num_attrs <= hsize_t(limit) else {
      throw place.error(.shape, "has \(info.num_attrs) attributes, expected at most \(limit)")
    }
    var names: [String] = []
    let status = withUnsafeMutablePointer(to: &names) {
      H5Aiterate2(group.id, H5_INDEX_NAME, H5_ITER_NATIVE, nil, collectAttribute, $0)
    }
    try place.check(status, "listed")
    return names.sorted()
  }

  borrowing func hasAttribute(_ name: String) -> Bool { H5Aexists(group.id, name) > 0 }

  borrowing func text(_ name: String) throws -> String {
    let texts = try texts(name, rank: 0)
    guard let first = texts.first else { throw place.attribute(name).error(.schema, "is empty, expected text") }
    return first
  }

  borrowing func texts(_ name: String) throws -> [String] { try texts(name, rank: 1) }

  /// A scalar integer of any width that fits into `Number`.
  borrowing func number<Number: FixedWidthInteger>(_ name: String, as _: Number.Type = Number.self) throws -> Number {
    let here = place.attribute(name)
    let attribute = try openAttribute(name)
    let type = try HDF5Handle(H5Aget_type(attribute.id), close: H5Tclose, or: "described", at: here)
    let count = try Self.count(ofAttribute: attribute.id, rank: 0, at: here)
    guard H5Tget_class(type.id) == H5T_INTEGER, H5Tget_size(type.id) <= 8, count == 1 else {
      throw here.error(.schema, "is not a whole number, expected one")
    }
    // HDF5 clips silently where a number does not fit, so it is read with its own sign and converted here.
    let number: Number?
    if H5Tget_sign(type.id) == H5T_SGN_2 {
      var signed: Int64 = 0
      try here.check(H5Aread(attribute.id, h5_int64(), &signed), "read")
      number = Number(exactly: signed)
    } else {
      var unsigned: UInt64 = 0
      try here.check(H5Aread(attribute.id, h5_uint64(), &unsigned), "read")
      number = Number(exactly: unsigned)
    }
    guard let number else { throw here.error(.schema, "is out of range, expected \(Number.min) to \(Number.max)") }
    return number
  }

  private borrowing func openAttribute(_ name: String) throws -> HDF5Handle {
    let here = place.attribute(name)
    guard hasAttribute(name) else { throw here.error(.schema, "is missing, expected an attribute") }
    return try HDF5Handle(H5Aopen(group.id, name, 0), close: H5Aclose, or: "opened", at: here)
  }

  private static func count(ofAttribute attribute: hid_t, rank: Int32, at here: HDF5Place) throws -> Int {
    let space = try HDF5Handle(H5Aget_space(attribute), close: H5Sclose, or: "described", at: here)
    let count = H5Sget_simple_extent_npoints(space.id)
    guard H5Sget_simple_extent_ndims(space.id) == rank, H5Sget_simple_extent_type(space.id) != H5S_NULL else {
      throw here.error(.schema, rank == 0 ? "is not a single value, expected one" : "is not a list, expected one")
    }
    guard (0...hssize_t(CheckpointLimits.metadataEntries)).contains(count) else {
      throw here.error(.shape, "has \(count) entries, expected at most \(CheckpointLimits.metadataEntries)")
    }
    return Int(count)
  }

  /// Text of variable or of fixed length.
  private borrowing func texts(_ name: String, rank: Int32) throws -> [String] {
    let here = place.attribute(name)
    let attribute = try openAttribute(name)
    let type = try HDF5Handle(H5Aget_type(attribute.id), close: H5Tclose, or: "described", at: here)
    guard H5Tget_class(type.id) == H5T_STRING else { throw here.error(.schema, "is not text, expected text") }
    let count = try Self.count(ofAttribute: attribute.id, rank: rank, at: here)
    if count == 0 { return [] }

    if H5Tis_variable_str(type.id) > 0 {
      var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
      // A call that fails half-way has freed some of them and left the pointers in place.
      try here.check(H5Aread(attribute.id, type.id, &pointers), "read")
      defer { for pointer in pointers { H5free_memory(pointer) } }
      return try pointers.map { pointer in
        guard let pointer else { return "" }
        return try Self.text(UnsafeBufferPointer(start: pointer, count: strlen(pointer)), at: here)
      }
    }
    let size = H5Tget_size(type.id)
    guard (1...(CheckpointLimits.textBytes / count)).contains(size) else {
      throw here.error(.shape, "has text of \(size) bytes, expected at most \(CheckpointLimits.textBytes / count)")
    }
    var characters = [CChar](repeating: 0, count: size * count)
    try here.check(H5Aread(attribute.id, type.id, &characters), "read")
    return try characters.withUnsafeBufferPointer { buffer in
      try (0..<count).map { index in
        let piece = UnsafeBufferPointer(rebasing: buffer[(index * size)..<((index + 1) * size)])
        let end = piece.firstIndex(of: 0) ?? piece.count
        return try Self.text(UnsafeBufferPointer(rebasing: piece[..<end]), at: here)
      }
    }
  }

  private static func text(_ characters: UnsafeBufferPointer<CChar>, at here: HDF5Place) throws -> String {
    guard let text = String(validating: characters, as: UTF8.self) else {
      throw here.error(.schema, "is not valid UTF-8, expected text")
    }
    return text
  }
}

private func collectAttribute(
  _ object: hid_t, _ name: UnsafePointer<CChar>?, _ info: UnsafePointer<H5A_info_t>?, _ data: UnsafeMutableRawPointer?
) -> herr_t {
  guard let name, let data else { return 0 }
  data.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
  return 0
}
