import Foundation

/// A row per episode, written as training goes, so that a run can be watched and survives its end: `metrics.csv`,
/// `metrics.jsonl` (the same as JSON, one object per line) and `metrics.tfevents` (the same for TensorBoard). Equal runs give
/// equal rows; only TensorBoard's file also says when each was written.
public struct LearningCurve {
  private let files: [File]
  private let now: () -> Double
  private var flushed: Double

  /// Seconds that a row waits to be written: a write per episode would cost more than the episode where episodes are short.
  private static let patience = 2.0

  private final class File {
    let name: String
    let handle: FileHandle
    var pending: Data

    init(_ folder: RunFolder, _ name: String, _ content: Data) throws {
      self.name = name
      handle = try folder.create(name)
      pending = content
    }

    func flush() throws {
      do {
        try handle.write(contentsOf: pending)
      } catch {
        throw TrainingError("\(name) cannot be written: \(error.localizedDescription)")
      }
      pending.removeAll(keepingCapacity: true)
    }
  }

  /// Begins the files, or goes on with those whose rows reach `episode`; rows from there on belong to what a stopped run did
  /// after its last save, and are dropped.
  ///
  /// - Parameter now: seconds since 1970.
  /// - Throws: `TrainingError` when they cannot be written, or `metrics.csv` has other columns.
  public init(
    in folder: RunFolder, agents: Int, from episode: Int = 0,
    now: @escaping () -> Double = { Date().timeIntervalSince1970 }
  ) throws {
    func old(_ name: String) -> Data? {
      episode > 0 ? FileManager.default.contents(atPath: folder.path(name)) : nil
    }
    var header = Data((MetricRow.columns(agents: agents).joined(separator: ",") + "\n").utf8)
    if let table = old("metrics.csv") {
      guard table.starts(with: header) else {
        throw TrainingError(
          "\(folder.path("metrics.csv")) has other columns than this run; move it away to go on without its rows")
      }
      header = table
    }
    let events = old("metrics.tfevents").map { data -> Data in
      let length = EventRecord.length(ofStepsBefore: episode, in: Array(data))
      return data.prefix(length)
    }
    self.now = now
    flushed = now()
    files = [
      try File(folder, "metrics.csv", Self.lines(episode + 1, of: header)),
      try File(folder, "metrics.jsonl", Self.lines(episode, of: old("metrics.jsonl") ?? Data())),
      try File(
        folder, "metrics.tfevents",
        events.flatMap { $0.isEmpty ? nil : $0 } ?? Data(EventRecord.version(wallTime: now()))),
    ]
    // What was there is in memory only until now.
    if episode > 0 { try flush() }
  }

  /// The first whole lines of a file.
  private static func lines(_ count: Int, of data: Data) -> Data {
    var end = data.startIndex
    for _ in 0..<count {
      guard let line = data[end...].firstIndex(of: 10) else { break }
      end = line + 1
    }
    return Data(data[..<end])
  }

  /// - Parameter validation: the score after the episode, where there was one.
  public mutating func add(_ summary: EpisodeSummary, validation: Double? = nil) throws {
    let row = MetricRow(summary, validation: validation)
    let time = now()
    files[0].pending.append(contentsOf: row.csv.utf8)
    files[1].pending.append(contentsOf: row.json.utf8)
    files[2].pending.append(contentsOf: row.event(wallTime: time))
    if time - flushed >= Self.patience || files[0].pending.count > 1 << 16 { try flush() }
  }

  public mutating func close() throws {
    try flush()
    for file in files { try? file.handle.close() }
  }

  /// Writes what waits: before a checkpoint is saved, so that a resumed run finds every row before it.
  public mutating func flush() throws {
    for file in files { try file.flush() }
    flushed = now()
  }
}
