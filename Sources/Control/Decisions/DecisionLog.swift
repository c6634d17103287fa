import Autoscaling
import Foundation
import Glibc

/// Writes decisions as JSON lines, each with one `write`, so that a killed process leaves whole lines and at most one that is
/// cut. A file that exists is continued with a header of its own.
public final class DecisionLogWriter {
  private let path: String
  private let file: Int32
  private let encoder = DecisionLog.encoder()
  private let logsObservations: Bool

  /// - Throws: `DecisionLogError` when the file cannot be written.
  public init(path: String, header: DecisionLogHeader, logsObservations: Bool = true) throws {
    self.path = path
    self.logsObservations = logsObservations
    file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      throw DecisionLogError("\(path) cannot be opened for the decision log: \(String(cString: strerror(errno)))")
    }
    let size = lseek(file, 0, SEEK_END)
    if size > 0 {
      // A run that was killed may have left a line without an end.
      var last: UInt8 = 10
      _ = pread(file, &last, 1, size - 1)
      if last != 10 { try put(Data([10])) }
    }
    try put(try encoder.encode(header) + [10])
  }

  deinit { close(file) }

  /// Notes new settings: of the same run if the header says that it continues, else of a new one.
  public func write(_ header: DecisionLogHeader) throws { try put(try encoder.encode(header) + [10]) }

  public func write(_ round: ControlRound, _ group: PodGroup, actions: [Float]) throws {
    let record = DecisionRecord(round, group, actions: actions, logsObservations: logsObservations)
    try put(try encoder.encode(record) + [10])
  }

  private func put(_ bytes: Data) throws {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: done), bytes.count - done) }
      if count < 0, errno != EINTR {
        throw DecisionLogError("\(path): the decision log cannot be written: \(String(cString: strerror(errno)))")
      }
      done += max(count, 0)
    }
  }
}

/// Reads decision logs, run by run.
public enum DecisionLog {
  public enum Line: Sendable {
    case header(DecisionLogHeader)
    case record(DecisionRecord)
    /// A line that was cut when its process was killed; nothing of it counts.
    case cut(number: Int)
  }

  /// Only headers have it: in a text it would be escaped.
  private static let headerMark = Data("\"decisionLog\":".utf8)

  static func encoder() -> JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }

  static func decoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }

  /// Calls `body` with every line in turn and its number, from 1.
  ///
  /// A line that cannot be read is allowed where a killed process leaves one: at the end of the file, or before a header.
  ///
  /// - Throws: `DecisionLogError` for anything else that is not a decision log, with the line's number.
  public static func read(_ path: String, _ body: (Line, Int) throws -> Void) throws {
    guard let stream = fopen(path, "re") else {
      throw DecisionLogError("\(path) cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { fclose(stream) }
    var buffer: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(buffer) }
    let decoder = decoder()
    var number = 0
    var damaged: (number: Int, reason: String)?
    var hasHeader = false
    while true {
      let length = getline(&buffer, &capacity, stream)
      guard length > 0, let start = buffer else { break }
      number += 1
      let bytes = Data(bytes: start, count: start[length - 1] == 10 ? length - 1 : length)
      if bytes.isEmpty { continue }
      if bytes.range(of: Self.headerMark) != nil, let header = try? decoder.decode(DecisionLogHeader.self, from: bytes)
      {
        guard header.decisionLog == 1 else {
          throw DecisionLogError("\(path):\(number): a decision log of format \(header.decisionLog), expected 1")
        }
        if let cut = damaged { try body(.cut(number: cut.number), cut.number) }
        damaged = nil
        hasHeader = true
        try body(.header(header), number)
        continue
      }
      if let damaged {
        throw DecisionLogError("\(path):\(damaged.number): not a line of a decision log: \(damaged.reason)")
      }
      do {
        let record = try decoder.decode(DecisionRecord.self, from: bytes)
        guard hasHeader else { throw DecisionLogError("it has no header before it") }
        try body(.record(record), number)
      } catch let error as DecodingError {
        damaged = (number, Self.reason(error))
      } catch let error as DecisionLogError where !hasHeader {
        throw DecisionLogError("\(path):\(number): not a decision log: \(error)")
      }
    }
    if let damaged {
      guard hasHeader else {
        throw DecisionLogError("\(path):\(damaged.number): not a decision log: \(damaged.reason)")
      }
      try body(.cut(number: damaged.number), damaged.number)
    }
    if !hasHeader { throw DecisionLogError("\(path) is empty, expected a decision log of `marlise infer --log`") }
  }

  private static func reason(_ error: DecodingError) -> String {
    switch error {
    case .dataCorrupted(let context), .typeMismatch(_, let context), .valueNotFound(_, let context):
      context.debugDescription
    case .keyNotFound(let key, _): "it has no '\(key.stringValue)'"
    @unknown default: "it cannot be read"
    }
  }
}
