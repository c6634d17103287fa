import Foundation
import Terminal
import Training

/// The folder of a sweep: one folder per run below `runs`, and the ranking.
struct SweepFolder {
  let path: String
  /// Held by the sweep and, until they stop, by the runs that it started: two sweeps never write into one folder.
  private let lock: Int32

  /// Waits for the runs of an earlier sweep that was killed: they stop after their episode.
  init(_ path: String) throws {
    self.path = path
    do {
      try FileManager.default.createDirectory(atPath: path + "/runs", withIntermediateDirectories: true)
    } catch {
      throw Failure("\(path) cannot be made for --out: \(error.localizedDescription)")
    }
    lock = open(path + "/.lock", O_RDWR | O_CREAT, 0o644)
    guard lock >= 0 else { throw Failure("\(path)/.lock cannot be made, expected a folder that can be written to") }
    var hasSaid = false
    while flock(lock, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else { throw Failure("\(path)/.lock cannot be locked") }
      if Interruption.requested { throw CancellationError() }
      if !hasSaid { Screen.standardError.line("waiting: another sweep, or a run of one, still works in \(path)") }
      hasSaid = true
      usleep(100_000)
    }
  }

  func run(_ name: String) throws -> RunFolder { try RunFolder("\(path)/runs/\(name)", force: true) }

  func write(_ name: String, _ text: String) throws {
    try RunFolder(path, force: true).write(name, text)
  }
}

/// What a run's folder says of how it ended.
enum SweepRecord {
  private struct Result: Decodable {
    var reason: String
    var episodes: Int
    var bestValidation: Double?
    var bestEpisode: Int?
  }

  private static let failureFile = "failure.txt"

  /// Nil for a run that has not ended yet.
  static func outcome(in folder: RunFolder, retries: Bool) -> SweepRanking.Outcome? {
    if let data = FileManager.default.contents(atPath: folder.path("result.json")),
      let result = try? JSONDecoder().decode(Result.self, from: data), result.reason != "interrupted"
    {
      guard let score = result.bestValidation else { return .failed("no validation score is a finite number") }
      return .finished(
        score: score, bestEpisode: result.bestEpisode ?? 0, episodes: result.episodes,
        stoppedEarly: result.reason != "finished")
    }
    guard !retries, let reason = try? String(contentsOfFile: folder.path(failureFile), encoding: .utf8) else {
      return nil
    }
    return .failed(reason.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  static func note(failure reason: String, in folder: RunFolder) throws { try folder.write(failureFile, reason + "\n") }

  static func forgetFailure(in folder: RunFolder) {
    try? FileManager.default.removeItem(atPath: folder.path(failureFile))
  }

  /// The last complaint in a run's log.
  static func complaint(in folder: RunFolder) -> String? {
    guard let text = try? String(contentsOfFile: folder.path("log.txt"), encoding: .utf8) else { return nil }
    // The folder's name says nothing new, and is long.
    return text.split(separator: "\n").last { $0.hasPrefix("error: ") }
      .map { String($0.dropFirst(7)).replacing(folder.folder + "/", with: "") }
  }
}
