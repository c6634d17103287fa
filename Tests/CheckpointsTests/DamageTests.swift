import Foundation
import Testing

@testable import Checkpoints

@Suite("Damaged and foreign files")
struct DamageTests {
  @Test("a flipped bit anywhere is noticed", arguments: 0..<150 as Range<UInt64>)
  func flippedBits(seed: UInt64) throws {
    let folder = try TemporaryFolder()
    var bytes = try Checkpoint.example(agents: 1).encoded(for: "")
    var random = TestRandom(seed: seed)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    }
    try save(bytes, to: folder.path())
    let error = refusal { try Checkpoint.read(folder.path(), including: .everything) }
    #expect(error?.file == folder.path())
    #expect([.damaged, .foreign, .version].contains(error?.reason))
  }

  @Test("a flipped bit in each byte of the header, its padding included")
  func flippedHeader() throws {
    let good = try Checkpoint.example(agents: 1).encoded(for: "")
    for position in 0..<UserBlock.size {
      var bytes = good
      bytes[position] ^= 1 << UInt8(position % 8)
      let error = refusal {
        try bytes.withUnsafeBytes { file in
          try UserBlock(parsing: UnsafeRawBufferPointer(rebasing: file[..<512]), actualSize: file.count, file: "a.h5")
            .verify(file, file: "a.h5")
        }
      }
      #expect([.damaged, .foreign, .version].contains(error?.reason), "byte \(position)")
    }
  }

  @Test("a file cut off at any length, or with something after its end", arguments: [true, false])
  func otherLength(isCut: Bool) throws {
    let folder = try TemporaryFolder()
    let good = try Checkpoint.example(agents: 1).encoded(for: "")
    let lengths =
      isCut
      ? [0, 1, 18, 19, 20, 100, 511, 512, 513, good.count - 1] + Array(stride(from: 600, to: good.count, by: 613))
      : [good.count + 1, good.count + 512]
    for length in lengths {
      try save(Array((good + [UInt8](repeating: 0, count: 512)).prefix(length)), to: folder.path())
      let error = refusal { try Checkpoint.read(folder.path(), including: .everything) }
      #expect(error?.reason == .damaged, "\(length) bytes")
    }
  }

  @Test("sentences for files that are something else")
  func foreign() throws {
    let folder = try TemporaryFolder()
    func sentence(_ bytes: [UInt8]) throws -> String? {
      try save(bytes, to: folder.path())
      return refusal { try Checkpoint.read(folder.path(), including: .weights) }?.description
    }
    let path = folder.path()
    #expect(try sentence([]) == "\(path): is empty, expected a checkpoint")
    #expect(
      try sentence(Array("PK\u{3}\u{4} a zip archive of some length".utf8))
        == "\(path): is not a marlise checkpoint, expected it to start with 'MARLISE-CHECKPOINT'")
    #expect(
      try sentence([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a] + [UInt8](repeating: 0, count: 1000))
        == "\(path): is an HDF5 file, but not a marlise checkpoint (published upstream agents have to be imported)")
    #expect(
      try sentence(Array("MARLISE-CHECKPOINT 7 bytes=1 sha256=0\n".utf8) + [UInt8](repeating: 0, count: 600))
        == "\(path): has format version 7, expected 1: written by another version of marlise")
    let good = try Checkpoint.example().encoded(for: "")
    #expect(
      try sentence(Array(good.dropLast(1000)))
        == "\(path): is \(good.count - 1000) bytes long, expected \(good.count): it is cut off")
  }

  @Test("nothing, a folder, a pipe, a file without permission")
  func unreadable() throws {
    let folder = try TemporaryFolder()
    let missing = refusal { try Checkpoint.read(folder.path(), including: .weights) }
    #expect(missing?.description == "\(folder.path()): does not exist, expected a checkpoint")
    let isFolder = refusal { try Checkpoint.read(folder.url.path, including: .weights) }
    #expect(isFolder?.description == "\(folder.url.path): is a folder, expected a checkpoint file")
    mkfifo(folder.path("pipe"), 0o600)
    let pipe = refusal { try Checkpoint.read(folder.path("pipe"), including: .weights) }
    #expect(pipe?.description == "\(folder.path("pipe")): is not a regular file, expected a checkpoint file")
    let below = refusal { try Checkpoint.read(folder.path("pipe") + "/a.h5", including: .weights) }
    #expect(below?.description == "\(folder.path("pipe"))/a.h5: cannot open it: Not a directory")
  }

  @Test("random bytes behind a right header", arguments: 0..<40 as Range<UInt64>)
  func randomContent(seed: UInt64) throws {
    let folder = try TemporaryFolder()
    var random = TestRandom(seed: seed)
    let count = Int.random(in: 0...4000, using: &random)
    let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    try save(resealed([UInt8](repeating: 0, count: 512) + noise), to: folder.path())
    #expect(refusal { try Checkpoint.read(folder.path(), including: .everything) }?.reason == .damaged)
  }
}
