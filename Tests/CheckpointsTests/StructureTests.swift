import CHDF5
import Foundation
import Testing

@testable import Checkpoints

/// A change made with HDF5 itself to a good file, whose header is made to fit again: what only the checks behind the
/// digest can find.
struct Surgery: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let reason: CheckpointError.Reason
  let sentence: String
  let operate: @Sendable (hid_t) -> Void

  init(
    _ name: String, _ reason: CheckpointError.Reason, _ sentence: String, _ operate: @escaping @Sendable (hid_t) -> Void
  ) {
    testDescription = name
    self.reason = reason
    self.sentence = sentence
    self.operate = operate
  }
}

/// Puts a dataset with the given sizes in the place of another; no values are written.
private func replaceDataset(
  _ file: hid_t, _ path: String, _ sizes: [hsize_t], type: hid_t = h5_float32(), deflate: Bool = false,
  external: Bool = false
) {
  H5Ldelete(file, path, 0)
  let space = H5Screate_simple(Int32(sizes.count), sizes, nil)
  let creation = H5Pcreate(h5_dataset_create_class())
  if deflate {
    H5Pset_chunk(creation, Int32(sizes.count), sizes)
    H5Pset_deflate(creation, 6)
  }
  if external { H5Pset_external(creation, "elsewhere.bin", 0, hsize_t(1 << 20)) }
  H5Dclose(H5Dcreate2(file, path, type, space, 0, creation, 0))
  H5Pclose(creation)
  H5Sclose(space)
}

private func replaceAttribute(_ file: hid_t, _ name: String, type: hid_t, sizes: [hsize_t] = []) {
  H5Adelete(file, name)
  let space = sizes.isEmpty ? H5Screate(H5S_SCALAR) : H5Screate_simple(Int32(sizes.count), sizes, nil)
  let attribute = H5Acreate2(file, name, type, space, 0, 0)
  let zeros = [UInt8](repeating: 0xff, count: 8 * Int(sizes.reduce(1, *)))
  H5Awrite(attribute, type, zeros)
  H5Aclose(attribute)
  H5Sclose(space)
}

@Suite("Files with a right digest and a wrong structure")
struct StructureTests {
  static let surgeries: [Surgery] = [
    Surgery("no bias", .schema, "/agents/0/actor/layer1 holds weight, expected bias and weight") {
      H5Ldelete($0, "agents/0/actor/layer1/bias", 0)
    },
    Surgery("a layer is missing", .schema, "/agents/0/actor/layer1 is missing, expected a group") {
      H5Ldelete($0, "agents/0/actor/layer1", 0)
    },
    Surgery("an agent is missing", .schema, "/agents/0 is missing, expected a group") {
      H5Ldelete($0, "agents/0", 0)
    },
    Surgery("no agents", .schema, "/agents is missing, expected a group") { H5Ldelete($0, "agents", 0) },
    Surgery("something unknown", .schema, "/more is not part of the format, expected only agents and training") {
      H5Gclose(H5Gcreate2($0, "more", 0, 0, 0))
    },
    Surgery("a dataset in place of a group", .schema, "/agents/0/critic is not a group, expected one") {
      replaceDataset($0, "agents/0/critic", [1])
    },
    Surgery("a group in place of a dataset", .schema, "/agents/0/critic/layer0/bias is not a dataset, expected one") {
      H5Ldelete($0, "agents/0/critic/layer0/bias", 0)
      H5Gclose(H5Gcreate2($0, "agents/0/critic/layer0/bias", 0, 0, 0))
    },
    Surgery("no seed", .schema, "/@seed is missing, expected an attribute") { H5Adelete($0, "seed") },
    Surgery("seed is a list", .schema, "/@seed is not a single value, expected one") {
      replaceAttribute($0, "seed", type: h5_uint64(), sizes: [2])
    },
    Surgery("seed is a fraction", .schema, "/@seed is not a whole number, expected one") {
      replaceAttribute($0, "seed", type: h5_float64())
    },
    Surgery("seed is negative", .schema, "/@seed is out of range, expected 0 to 18446744073709551615") {
      replaceAttribute($0, "seed", type: h5_int64())
    },
    Surgery(
      "history is huge", .schema,
      "/@observation_history is out of range, expected -9223372036854775808 to 9223372036854775807"
    ) { replaceAttribute($0, "observation_history", type: h5_uint64()) },
    Surgery("algorithm is a number", .schema, "/@algorithm is not text, expected text") {
      replaceAttribute($0, "algorithm", type: h5_int64())
    },
    Surgery("algorithm is not UTF-8", .schema, "/@algorithm is not valid UTF-8, expected text") {
      let type = H5Tcopy(h5_c_string())
      H5Tset_size(type, 8)
      replaceAttribute($0, "algorithm", type: type)
      H5Tclose(type)
    },
    Surgery("fields are one text", .schema, "/@observation_fields is not a list, expected one") {
      let type = H5Tcopy(h5_c_string())
      H5Tset_size(type, 8)
      replaceAttribute($0, "observation_fields", type: type)
      H5Tclose(type)
    },
    Surgery(
      "float64 weights", .schema,
      "/agents/0/critic/layer0/weight has another element type, expected little-endian float32"
    ) { replaceDataset($0, "agents/0/critic/layer0/weight", [5, 6], type: h5_float64()) },
    Surgery("flat weights", .shape, "/agents/0/critic/layer0/weight has 1 dimensions, expected 2") {
      replaceDataset($0, "agents/0/critic/layer0/weight", [30])
    },
    Surgery("other shape", .shape, "/agents/0/critic/layer0/bias has 5 values, expected 6, the rows of weight") {
      replaceDataset($0, "agents/0/critic/layer0/weight", [6, 5])
    },
    Surgery(
      "more bytes than the file", .shape,
      "/agents/0/critic/layer0/weight claims 1048576 bytes, more than the file has left for it"
    ) { replaceDataset($0, "agents/0/critic/layer0/weight", [512, 512]) },
    Surgery(
      "absurd size", .shape,
      "/agents/0/critic/layer0/weight has a dimension of 1099511627776, expected at most 268435456"
    ) { replaceDataset($0, "agents/0/critic/layer0/weight", [1 << 40, 6]) },
    Surgery(
      "sizes that would overflow", .shape, "/agents/0/critic/layer0/weight has more than 268435456 values"
    ) { replaceDataset($0, "agents/0/critic/layer0/weight", [1 << 28, 1 << 28]) },
    Surgery(
      "compressed", .schema, "/agents/0/critic/layer0/bias is stored through filter 1, expected none but Fletcher32"
    ) { replaceDataset($0, "agents/0/critic/layer0/bias", [5], deflate: true) },
    Surgery(
      "values in another file", .schema,
      "/agents/0/critic/layer0/bias keeps its values elsewhere, expected them in this file"
    ) { replaceDataset($0, "agents/0/critic/layer0/bias", [5], external: true) },
    Surgery(
      "symbolic link", .schema, "/agents/0/critic/layer0 is a link to another place, expected a group or dataset"
    ) {
      H5Ldelete($0, "agents/0/critic/layer0", 0)
      H5Lcreate_soft("/agents/0/actor/layer0", $0, "agents/0/critic/layer0", 0, 0)
    },
    Surgery(
      "link to another file", .schema, "/training/other is a link to another place, expected a group or dataset"
    ) { H5Lcreate_external("other.h5", "/", $0, "training/other", 0, 0) },
    Surgery(
      "a circle", .shape,
      "/training/agents/loop/agents/loop/agents/0/optimizer/actor is a group at depth 8, expected at most 8 levels"
    ) { H5Lcreate_hard($0, "training", $0, "training/agents/loop", 0, 0) },
    Surgery(
      "training state of bytes", .schema,
      "/training/best has another element type, expected float32, float64, int64 or uint64"
    ) {
      let type = H5Tcopy(h5_c_string())
      replaceDataset($0, "training/best", [5], type: type)
      H5Tclose(type)
    },
    Surgery(
      "unknown activation", .schema,
      "/agents/1/actor/layer0/@activation is '', expected one of identity, relu, tanh, sigmoid, softmax"
    ) { file in
      let layer = H5Gopen2(file, "agents/1/actor/layer0", 0)
      let type = H5Tcopy(h5_c_string())
      H5Adelete(layer, "activation")
      let space = H5Screate(H5S_SCALAR)
      let attribute = H5Acreate2(layer, "activation", type, space, 0, 0)
      H5Awrite(attribute, type, [0 as CChar])
      H5Aclose(attribute)
      H5Sclose(space)
      H5Tclose(type)
      H5Gclose(layer)
    },
  ]

  @Test("refused with a sentence that names the place", arguments: surgeries)
  func refused(_ surgery: Surgery) throws {
    let folder = try TemporaryFolder()
    try Checkpoint.example().write(to: folder.path())
    try HDF5.session {
      let file = H5Fopen(folder.path(), 1, 0)
      surgery.operate(file)
      H5Fclose(file)
    }
    try save(resealed(try load(folder.path())), to: folder.path())
    let error = refusal { try Checkpoint.read(folder.path(), including: .everything) }
    #expect(error?.reason == surgery.reason)
    #expect(error?.description == "\(folder.path()): \(surgery.sentence)")
  }

  @Test("unknown attributes are left alone")
  func unknownAttributes() throws {
    let folder = try TemporaryFolder()
    try Checkpoint.example().write(to: folder.path())
    try HDF5.session {
      let file = H5Fopen(folder.path(), 1, 0)
      replaceAttribute(file, "comment", type: h5_float64())
      H5Fclose(file)
    }
    try save(resealed(try load(folder.path())), to: folder.path())
    #expect(try Checkpoint.read(folder.path(), including: .everything) == .example())
  }
}
