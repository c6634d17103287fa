import FoundationEssentials

/// One line of a pod watch.
public enum PodEvent: Sendable, Equatable {
  case added(Pod)
  case modified(Pod)
  case deleted(Pod)
  /// The stream has delivered everything up to this resource version. `endsInitial`: the list part of a streaming list
  /// is complete.
  case bookmark(resourceVersion: String, endsInitial: Bool)
  case error(APIStatus)
}

extension PodEvent: Decodable {
  enum CodingKeys: String, CodingKey { case type, object }

  struct Bookmark: Decodable {
    var metadata: ObjectMetadata
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    switch try container.decode(String.self, forKey: .type) {
    case "ADDED": self = .added(try container.decode(Pod.self, forKey: .object))
    case "MODIFIED": self = .modified(try container.decode(Pod.self, forKey: .object))
    case "DELETED": self = .deleted(try container.decode(Pod.self, forKey: .object))
    case "BOOKMARK":
      let metadata = try container.decode(Bookmark.self, forKey: .object).metadata
      self = .bookmark(
        resourceVersion: metadata.resourceVersion,
        endsInitial: metadata.annotations["k8s.io/initial-events-end"] == "true")
    case "ERROR": self = .error(try container.decode(APIStatus.self, forKey: .object))
    case let other:
      throw DecodingError.dataCorruptedError(
        forKey: .type, in: container, debugDescription: "'\(other.prefix(40))' is no watch event")
    }
  }
}

/// Cuts a stream of chunks into lines; a chunk is not a line.
public struct LineSplitter: Sendable {
  private var pending: [UInt8] = []
  /// A longer line is refused: an object of the API is at most 1.5 MB in etcd.
  public var lineLengthMaximum = 16 << 20

  public init() {}

  /// Calls `line` with each whole line, without its end. Returns false when the line under way is too long.
  public mutating func feed<Failure: Error>(
    _ chunk: UnsafeBufferPointer<UInt8>, line: (Data) throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    var start = chunk.startIndex
    while let end = chunk[start...].firstIndex(of: 10) {
      var data = Data(pending)
      data.append(contentsOf: chunk[start..<end])
      pending.removeAll(keepingCapacity: true)
      start = end + 1
      if !data.isEmpty { try line(data) }
    }
    pending.append(contentsOf: chunk[start...])
    return pending.count <= lineLengthMaximum
  }
}
