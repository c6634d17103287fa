import Foundation
import PodSimulation

/// The finished episodes of a study in a file, one line of JSON each, so that a study can be stopped and gone on with. Lines are
/// added as episodes finish; one that was cut off by a crash is dropped.
public final class FinishedCells: @unchecked Sendable {  // everything that changes is behind the lock
  struct Cell: Codable {
    var key: String
    var load: String
    var policy: String
    var seed: UInt64
    var metrics: RolloutMetrics
  }

  private struct AnyCell: Decodable { var key: String }

  private let lock = NSLock()
  private let path: String
  private let file: FileHandle
  private var cells: [String: RolloutMetrics] = [:]

  /// Opens the file, or begins it.
  ///
  /// - Throws: `EvaluationError` when it cannot be read or written, or holds something else.
  public init(path: String) throws {
    self.path = path
    if !FileManager.default.fileExists(atPath: path) {
      guard FileManager.default.createFile(atPath: path, contents: nil) else {
        throw EvaluationError("\(path) cannot be made, expected a folder that can be written to")
      }
    }
    do {
      file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
      let data = try file.readToEnd() ?? Data()
      let whole = data.lastIndex(of: 10).map { $0 + 1 } ?? 0
      for (number, line) in data[..<whole].split(separator: 10).enumerated() {
        guard let cell = try? JSONDecoder().decode(Cell.self, from: Data(line)) else {
          // An earlier version measured less: its episodes are played again.
          if (try? JSONDecoder().decode(AnyCell.self, from: Data(line))) != nil { continue }
          throw EvaluationError("\(path):\(number + 1): is not a finished episode of a study, expected a line of JSON")
        }
        cells[cell.key] = cell.metrics
      }
      try file.truncate(atOffset: UInt64(whole))
      try file.seekToEnd()
    } catch let error as EvaluationError {
      throw error
    } catch {
      throw EvaluationError("\(path) cannot be read and written: \(error.localizedDescription)")
    }
  }

  deinit { try? file.close() }

  public var count: Int { lock.withLock { cells.count } }

  subscript(key: String) -> RolloutMetrics? { lock.withLock { cells[key] } }

  func add(_ cell: Cell) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let line = try encoder.encode(cell) + Data([10])
    try lock.withLock {
      cells[cell.key] = cell.metrics
      do {
        try file.write(contentsOf: line)
      } catch {
        throw EvaluationError("\(path) cannot be written: \(error.localizedDescription)")
      }
    }
  }
}

/// Why an evaluation cannot be done, in one sentence.
public struct EvaluationError: Error, CustomStringConvertible, Sendable, Equatable {
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// 128 bits that tell descriptions apart: FNV-1a from two different beginnings.
struct Fingerprint {
  private var low: UInt64 = 0xcbf2_9ce4_8422_2325
  private var high: UInt64 = 0x6c62_272e_07bb_0142

  mutating func add(_ text: String) {
    for byte in text.utf8 { add(byte) }
    add(0)
  }

  mutating func add(_ values: [Float]) {
    for value in values {
      var bits = value.bitPattern
      for _ in 0..<4 {
        add(UInt8(truncatingIfNeeded: bits))
        bits >>= 8
      }
    }
  }

  private mutating func add(_ byte: UInt8) {
    low = (low ^ UInt64(byte)) &* 0x100_0000_01b3
    high = (high ^ UInt64(byte)) &* 0x1000_0000_01b3
    high ^= high >> 29
  }

  var text: String {
    [high, low].map { value in
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}

extension Scenario {
  /// Tells apart what can make two episodes differ, besides policy and seed. The load stands for itself: a recording whose
  /// file has changed is another one.
  func fingerprint(firstSeed: UInt64) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var print = Fingerprint()
    print.add("episode format 2")
    print.add((try? encoder.encode(cluster)).map { String(decoding: $0, as: UTF8.self) } ?? "\(cluster)")
    print.add("\(descriptions) \(settings.pool) \(settings.shield)")
    print.add("\(warmUp) \(seconds) \(initialLimit) \(slo) \(rewritesLimits)")
    print.add((try? encoder.encode(workload.settings)).map { String(decoding: $0, as: UTF8.self) } ?? "")
    let seconds = warmUp + seconds + 1
    print.add(workload.rates(pods: pods.count, seconds: seconds, seed: firstSeed, episode: 0).flatMap { $0 })
    return print.text
  }
}
