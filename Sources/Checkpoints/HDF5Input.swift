import CHDF5

/// A group of an HDF5 file that is being read from memory. Trusts nothing: every type, rank and size is looked at before
/// memory is taken for it, and only plain links and plain storage are followed, so no other file is ever opened.
struct HDF5Input: ~Copyable {
  let place: HDF5Place
  let group: HDF5Handle

  private init(_ group: consuming HDF5Handle, _ place: HDF5Place) {
    self.group = group
    self.place = place
  }

  /// Opens the bytes of a file. HDF5 works on a copy in memory, so what is read is what was verified.
  static func open<Result>(
    _ bytes: [UInt8], file: String, _ body: (borrowing HDF5Input) throws -> Result
  ) throws -> Result {
    let whole = HDF5Place(file: file, path: "")
    let access = try HDF5Handle(H5Pcreate(h5_file_access_class()), close: H5Pclose, or: "prepared", at: whole)
    try whole.check(H5Pset_fapl_core(access.id, 1 << 20, false), "prepared")
    try whole.check(H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG), "prepared")
    // HDF5 declares the image as writable, but copies it.
    let status = bytes.withUnsafeBytes {
      H5Pset_file_image(access.id, UnsafeMutableRawPointer(mutating: $0.baseAddress), $0.count)
    }
    try whole.check(status, "loaded")
    let handle = try HDF5Handle(
      H5Fopen("checkpoint", h5_read_only(), access.id), close: H5Fclose, or: "opened", at: whole)
    let root = HDF5Place(file: file, path: "/")
    return try body(
      HDF5Input(HDF5Handle(H5Gopen2(handle.id, "/", 0), close: H5Gclose, or: "opened", at: root), root))
  }

  // MARK: Groups

  /// Names of all members, sorted.
  ///
  /// - Throws: `CheckpointError` when there are more than `limit`, or one is not an ordinary (hard) link.
  borrowing func members(atMost limit: Int) throws -> [String] {
    var info = H5G_info_t()
    try place.check(H5Gget_info(group.id, &info), "listed")
    guard info.nlinks <= hsize_t(limit) else {
      throw place.error(.shape, "has \(info.nlinks) members, expected at most \(limit)")
    }
    var found = FoundLinks()
    let status = withUnsafeMutablePointer(to: &found) {
      H5Literate(group.id, H5_INDEX_NAME, H5_ITER_NATIVE, nil, collectLink, $0)
    }
    try place.check(status, "listed")
    if let link = found.unusual {
      throw place.child(link).error(.schema, "is a link to another place, expected a group or dataset")
    }
    return found.names.sorted()
  }

  borrowing func has(_ member: String) -> Bool { H5Lexists(group.id, member, 0) > 0 }

  borrowing func isGroup(_ member: String) throws -> Bool {
    let here = place.child(member)
    let object = try HDF5Handle(H5Oopen(group.id, member, 0), close: H5Oclose, or: "opened", at: here)
    return H5Iget_type(object.id) == H5I_GROUP
  }

  borrowing func openGroup(_ name: String) throws -> HDF5Input {
    let here = place.child(name)
    guard has(name) else { throw here.error(.schema, "is missing, expected a group") }
    let object = try HDF5Handle(H5Oopen(group.id, name, 0), close: H5Oclose, or: "opened", at: here)
    guard H5Iget_type(object.id) == H5I_GROUP else {
      throw here.error(.schema, "is not a group, expected one")
    }
    return HDF5Input(object, here)
  }
}

/// What `H5Literate` met.
private struct FoundLinks {
  var names: [String] = []
  var unusual: String?
}

private func collectLink(
  _ group: hid_t, _ name: UnsafePointer<CChar>?, _ info: UnsafePointer<H5L_info_t>?, _ data: UnsafeMutableRawPointer?
) -> herr_t {
  guard let name, let data else { return 0 }
  let found = data.assumingMemoryBound(to: FoundLinks.self)
  let text = String(cString: name)
  found.pointee.names.append(text)
  if info?.pointee.type != H5L_TYPE_HARD { found.pointee.unusual = text }
  return 0
}
