/// A run second by second, as measured and as simulated: what the comparisons sum up and pictures show.
public struct RunSeries: Sendable {
  public struct Second: Sendable {
    /// Millicores.
    public var limit: Double
    public var usage: Double
    /// Clients waiting at the second's end; not a number where the measurement does not say.
    public var backlog: Double
    /// Mean response time of the requests that ended in the second, seconds; not a number where none did.
    public var response: Double
  }

  public var measured: [Second] = []
  /// Averages over the period phases.
  public var simulated: [Second] = []

  public init() {}

  mutating func append(_ second: GroundTruth.Second, limit: Double, _ phases: [PodSecond]) {
    let count = Double(phases.count)
    let ended = phases.filter { $0.ended > 0 }
    measured.append(
      Second(
        limit: Double(second.limit), usage: second.usage, backlog: second.inFlight.map(Double.init) ?? .nan,
        response: second.mean ?? .nan))
    simulated.append(
      Second(
        limit: limit, usage: phases.reduce(0) { $0 + $1.usage } / count,
        backlog: Double(phases.reduce(0) { $0 + $1.inFlight }) / count,
        response: ended.isEmpty ? .nan : ended.reduce(0) { $0 + $1.mean } / Double(ended.count)))
  }

  /// Seconds of the longest stretch in which answers came late, in more than half a second on average: how long an overload
  /// lasts until its dead requests are worked off.
  static func longestLate(_ seconds: [Second]) -> Int {
    var (longest, current) = (0, 0)
    for second in seconds where !second.response.isNaN {
      current = second.response > 0.5 ? current + 1 : 0
      longest = max(longest, current)
    }
    return longest
  }
}
