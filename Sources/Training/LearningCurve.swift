import Foundation

/// `metrics.csv`: one row per episode, written as training goes, so that a run can be watched and survives its end.
public struct LearningCurve {
  private let file: FileHandle
  private var pending = ""

  public init(to file: FileHandle, agents: Int) {
    self.file = file
    let perAgent = (0..<agents).map { "reward_agent_\($0)" }.joined(separator: ",")
    pending = "episode,reward,mean_latency_s,mean_limit_m,resizes,exploration,loss,updates,\(perAgent)\n"
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
