/// The first 512 bytes of a checkpoint, which HDF5 leaves to the application: one line of text, then zeros.
///
///     MARLISE-CHECKPOINT 1 bytes=<size of the whole file> sha256=<digest of bytes 512…end>\n
///
/// It is checked before HDF5 sees a single byte, because HDF5 1.10 can crash on damaged metadata.
struct UserBlock: Equatable {
  static let size = 512
  private static let magic = "MARLISE-CHECKPOINT "

  /// Bytes of the whole file, this block included.
  var fileSize: Int
  /// 64 lower-case hexadecimal digits.
  var digest: String

  /// The block that belongs to a file's bytes; those at 0..<512 are not looked at.
  init(describing file: UnsafeRawBufferPointer) {
    fileSize = file.count
    digest = SHA256.hexDigest(UnsafeRawBufferPointer(rebasing: file.dropFirst(Self.size)))
  }

  /// Reads the block at the start of a file of `actualSize` bytes.
  ///
  /// - Throws: `CheckpointError` when the file is not a checkpoint, of another version, cut off or lengthened.
  init(parsing start: UnsafeRawBufferPointer, actualSize: Int, file: String) throws {
    guard actualSize > 0 else { throw CheckpointError(.damaged, file: file, "is empty, expected a checkpoint") }
    let known = start.prefix(Self.magic.utf8.count)
    guard known.elementsEqual(Self.magic.utf8.prefix(known.count)) else {
      let isHDF5 = start.prefix(4).elementsEqual([0x89, 0x48, 0x44, 0x46])
      throw CheckpointError(
        .foreign, file: file,
        isHDF5
          ? "is an HDF5 file, but not a marlise checkpoint (published upstream agents have to be imported)"
          : "is not a marlise checkpoint, expected it to start with '\(Self.magic.dropLast())'")
    }
    guard start.count >= Self.size else {
      throw CheckpointError(.damaged, file: file, "is cut off after \(actualSize) bytes, inside its first \(Self.size)")
    }
    let text = String(decoding: start.prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }, as: UTF8.self)
    let words = text.split(separator: " ", omittingEmptySubsequences: false).dropFirst()
    guard let version = words.first.flatMap({ Int($0) }) else {
      throw CheckpointError(.damaged, file: file, "is damaged: its first line has no format version")
    }
    guard version == Metadata.currentFormatVersion else {
      throw CheckpointError(
        .version, file: file,
        "has format version \(version), expected \(Metadata.currentFormatVersion): written by another version of marlise"
      )
    }
    let values = words.dropFirst().map { $0.split(separator: "=", omittingEmptySubsequences: false).last ?? "" }
    guard values.count == 2, let size = Int(values[0]) else {
      throw CheckpointError(.damaged, file: file, "is damaged: its first line has no size and digest")
    }
    fileSize = size
    digest = String(values[1])
    guard start.prefix(Self.size).elementsEqual(bytes) else {
      throw CheckpointError(.damaged, file: file, "is damaged: its first \(Self.size) bytes are not a valid header")
    }
    guard fileSize == actualSize else {
      throw CheckpointError(
        .damaged, file: file,
        "is \(actualSize) bytes long, expected \(fileSize)" + (actualSize < fileSize ? ": it is cut off" : ""))
    }
  }

  /// All 512 bytes.
  var bytes: [UInt8] {
    let line = "\(Self.magic)\(Metadata.currentFormatVersion) bytes=\(fileSize) sha256=\(digest)\n"
    return Array(line.utf8) + [UInt8](repeating: 0, count: max(0, Self.size - line.utf8.count))
  }

  /// - Throws: `CheckpointError` when the bytes after the block are not those that were written.
  func verify(_ wholeFile: UnsafeRawBufferPointer, file: String) throws {
    let found = SHA256.hexDigest(UnsafeRawBufferPointer(rebasing: wholeFile.dropFirst(Self.size)))
    guard found == digest else {
      throw CheckpointError(
        .damaged, file: file,
        "is damaged: its content has SHA-256 \(found.prefix(16))…, expected \(digest.prefix(16))…")
    }
  }
}
