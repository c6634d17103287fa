import CHDF5

/// A group of an HDF5 file that is being made in memory. Everything that would make equal content give unequal bytes
/// (time stamps, growth by need) is off.
struct HDF5Output: ~Copyable {
  let place: HDF5Place
  private let group: HDF5Handle

  private init(_ group: consuming HDF5Handle, _ place: HDF5Place) {
    self.group = group
    self.place = place
  }

  /// Builds a file in memory and returns its bytes, the first `userBlock` of them zero.
  ///
  /// Metadata is written in the checksummed form of HDF5 1.10. HDF5 never touches the disk: a full one would make
  /// `H5Fclose` fail half-way, after which the library is not usable; `AtomicFile` knows how to fail.
  static func image(
    file: String, userBlock: Int, _ fill: (borrowing HDF5Output) throws -> Void
  ) throws -> [UInt8] {
    let root = HDF5Place(file: file, path: "/")
    let access = try HDF5Handle(H5Pcreate(h5_file_access_class()), close: H5Pclose, or: "prepared", at: root)
    try root.check(H5Pset_fapl_core(access.id, 1 << 20, false), "prepared")
    try root.check(H5Pset_libver_bounds(access.id, H5F_LIBVER_V110, H5F_LIBVER_V110), "prepared")
    let creation = try HDF5Handle(H5Pcreate(h5_file_create_class()), close: H5Pclose, or: "prepared", at: root)
    try root.check(H5Pset_userblock(creation.id, hsize_t(userBlock)), "prepared")
    try root.check(H5Pset_obj_track_times(creation.id, false), "prepared")

    let handle = try HDF5Handle(
      H5Fcreate("checkpoint", h5_truncate(), creation.id, access.id), close: H5Fclose, or: "created", at: root)
    try fill(
      HDF5Output(HDF5Handle(H5Gopen2(handle.id, "/", 0), close: H5Gclose, or: "opened", at: root), root))
    try root.check(H5Fflush(handle.id, H5F_SCOPE_GLOBAL), "flushed")
    let size = H5Fget_file_image(handle.id, nil, 0)
    guard size > 0 else { throw root.failure("measured") }
    var bytes = [UInt8](repeating: 0, count: userBlock + size)
    // HDF5 1.10 gives the image without the user block.
    let got = bytes.withUnsafeMutableBytes {
      H5Fget_file_image(handle.id, $0.baseAddress?.advanced(by: userBlock), size)
    }
    guard got == size else { throw root.failure("copied") }
    guard HDF5Superblock.finish(&bytes, at: userBlock) else {
      throw root.error(.system, "cannot be written: HDF5 \(HDF5.version) lays out files in another way")
    }
    return bytes
  }

  borrowing func addGroup(_ name: String) throws -> HDF5Output {
    let here = place.child(name)
    let creation = try HDF5Handle(H5Pcreate(h5_group_create_class()), close: H5Pclose, or: "prepared", at: here)
    try here.check(H5Pset_obj_track_times(creation.id, false), "prepared")
    return HDF5Output(
      try HDF5Handle(H5Gcreate2(group.id, name, 0, creation.id, 0), close: H5Gclose, or: "created", at: here), here)
  }

  /// Adds a dataset with a Fletcher32 checksum, so that readers other than ours notice damage too.
  ///
  /// `values`: row-major, as many as `shape` says.
  borrowing func add<Element: HDF5Element>(_ name: String, _ values: [Element], shape: [Int]) throws {
    let here = place.child(name)
    let sizes = shape.map { hsize_t($0) }
    let space = try HDF5Handle(
      H5Screate_simple(Int32(sizes.count), sizes, nil), close: H5Sclose, or: "described", at: here)
    let creation = try HDF5Handle(H5Pcreate(h5_dataset_create_class()), close: H5Pclose, or: "prepared", at: here)
    try here.check(H5Pset_obj_track_times(creation.id, false), "prepared")
    if !values.isEmpty {  // a chunk cannot be empty, and a checksum needs a chunk
      try here.check(H5Pset_chunk(creation.id, Int32(sizes.count), sizes), "prepared")
      try here.check(H5Pset_fletcher32(creation.id), "prepared")
    }
    let dataset = try HDF5Handle(
      H5Dcreate2(group.id, name, Element.fileType, space.id, 0, creation.id, 0), close: H5Dclose, or: "created",
      at: here)
    let status = values.withUnsafeBytes { H5Dwrite(dataset.id, Element.fileType, 0, 0, 0, $0.baseAddress) }
    try here.check(status, "written")
  }

  borrowing func set(_ name: String, _ text: String) throws { try set(name, [text], isList: false) }
  borrowing func set(_ name: String, _ texts: [String]) throws { try set(name, texts, isList: true) }

  /// Text as variable-length UTF-8: h5py shows it as `str`.
  private borrowing func set(_ name: String, _ texts: [String], isList: Bool) throws {
    let here = place.attribute(name)
    let type = try HDF5Handle(H5Tcopy(h5_c_string()), close: H5Tclose, or: "described", at: here)
    try here.check(H5Tset_size(type.id, h5_variable_size()), "described")
    try here.check(H5Tset_cset(type.id, H5T_CSET_UTF8), "described")
    let copies = texts.map { Array($0.utf8CString) }
    let offsets = copies.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    try copies.flatMap { $0 }.withUnsafeBufferPointer { characters in
      let pointers = texts.indices.map { characters.baseAddress?.advanced(by: offsets[$0]) }
      try pointers.withUnsafeBytes { try set(here, name, type.id, count: isList ? texts.count : nil, $0.baseAddress) }
    }
  }

  borrowing func set(_ name: String, _ number: Int) throws {
    try withUnsafeBytes(of: Int64(number)) {
      try set(place.attribute(name), name, h5_int64(), count: nil, $0.baseAddress)
    }
  }

  borrowing func set(_ name: String, _ number: UInt64) throws {
    try withUnsafeBytes(of: number) { try set(place.attribute(name), name, h5_uint64(), count: nil, $0.baseAddress) }
  }

  /// `count` nil: a scalar.
  private borrowing func set(
    _ here: HDF5Place, _ name: String, _ type: hid_t, count: Int?, _ values: UnsafeRawPointer?
  ) throws {
    let space = try HDF5Handle(
      count.map { H5Screate_simple(1, [hsize_t($0)], nil) } ?? H5Screate(H5S_SCALAR), close: H5Sclose, or: "described",
      at: here)
    let creation = try HDF5Handle(H5Pcreate(h5_attribute_create_class()), close: H5Pclose, or: "prepared", at: here)
    try here.check(H5Pset_char_encoding(creation.id, H5T_CSET_UTF8), "prepared")
    let attribute = try HDF5Handle(
      H5Acreate2(group.id, name, type, space.id, creation.id, 0), close: H5Aclose, or: "created", at: here)
    try here.check(H5Awrite(attribute.id, type, values), "written")
  }
}
