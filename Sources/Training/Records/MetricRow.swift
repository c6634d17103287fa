/// What is written down of one episode: the same columns in every file.
struct MetricRow {
  let episode: Int
  /// Names and values of what follows the episode; no value where nothing was measured.
  let values: [(name: String, value: Double?)]
  /// Whole numbers, which are written without a point.
  private static let counts: Set<String> = ["updates"]

  static func columns(agents: Int) -> [String] {
    [
      "episode", "reward", "mean_latency_s", "mean_limit_m", "resizes", "exploration", "loss", "updates", "validation",
    ] + (0..<agents).map { "reward_agent_\($0)" }
  }

  /// - Parameter validation: the score after the episode, where there was one.
  init(_ summary: EpisodeSummary, validation: Double?) {
    episode = summary.episode
    let numbers: [Double?] =
      [
        summary.reward, summary.meanLatency, summary.meanLimit, summary.resizes, summary.exploration, summary.loss,
        Double(summary.updates), validation,
      ] + summary.agentRewards
    values = Array(zip(Self.columns(agents: summary.agentRewards.count).dropFirst(), numbers).map { ($0, $1) })
  }

  /// A line of CSV; what was not measured is empty.
  var csv: String {
    "\(episode)," + values.map { name, value in value.map { Self.text($0, of: name) } ?? "" }.joined(separator: ",")
      + "\n"
  }

  /// A line of JSON; what is no finite number is null.
  var json: String {
    let members = values.map { name, value in
      "\"\(name)\":" + (value.flatMap { $0.isFinite ? Self.text($0, of: name) : nil } ?? "null")
    }
    return "{\"episode\":\(episode)," + members.joined(separator: ",") + "}\n"
  }

  /// A record for TensorBoard: what is a finite number, under `training/` and, of single agents, `agents/`.
  func event(wallTime: Double) -> [UInt8] {
    let scalars = values.compactMap { name, value -> (tag: String, value: Float)? in
      guard let value, Float(value).isFinite else { return nil }
      return ((name.hasPrefix("reward_agent_") ? "agents/" : "training/") + name, Float(value))
    }
    return EventRecord.scalars(scalars, step: episode, wallTime: wallTime)
  }

  private static func text(_ value: Double, of name: String) -> String {
    counts.contains(name) ? "\(Int(exactly: value) ?? 0)" : "\(value)"
  }
}
