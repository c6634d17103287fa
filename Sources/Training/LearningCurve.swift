import Foundation

/// `metrics.csv`: one row per episode, written as training goes, so that a run can be watched and survives its end.
public struct LearningCurve {
  private let file: FileHandle
  private var pending = ""

  /// Begins the file, or goes on with one whose rows reach `episode`; rows from there on belong to what a stopped run did
  /// after its last save, and are dropped.
  public init(in folder: RunFolder, agents: Int, from episode: Int = 0) throws {
    let perAgent = (0..<agents).map { "reward_agent_\($0)" }.joined(separator: ",")
    var lines = ["episode,reward,mean_latency_s,mean_limit_m,resizes,exploration,loss,updates,\(perAgent)"]
    if episode > 0, let old = try? String(contentsOfFile: folder.path("metrics.csv"), encoding: .utf8) {
      lines += old.split(separator: "\n").dropFirst().prefix(episode).map(String.init)
    }
    file = try folder.create("metrics.csv")
    pending = lines.joined(separator: "\n") + "\n"
  }

  public mutating func add(_ summary: EpisodeSummary) throws {
    let numbers =
      [summary.reward, summary.meanLatency, summary.meanLimit, summary.resizes, summary.exploration, summary.loss]
    pending += "\(summary.episode),"
    pending += numbers.map { "\($0)" }.joined(separator: ",")
    pending += ",\(summary.updates),"
    pending += summary.agentRewards.map { "\($0)" }.joined(separator: ",") + "\n"
    // A write per episode would cost more than the episode where episodes are short.
    if pending.utf8.count > 8192 { try flush() }
  }

  public mutating func close() throws {
    try flush()
    try? file.close()
  }

  private mutating func flush() throws {
    do {
      try file.write(contentsOf: Data(pending.utf8))
    } catch {
      throw TrainingError("metrics.csv cannot be written: \(error.localizedDescription)")
    }
    pending = ""
  }
}
