import Glibc

/// The published rewards, by number: an agent's own part from its utilisation, and a part shared by all from response
/// times and priorities. Agent *i*'s reward is ½ · own + shared.
///
/// - Source: golden `tables.json` → `agent_reward`, `shared_reward`.
public struct PublishedReward: Sendable, Equatable {
  /// Which formula for an agent's own part, 1…5 or 42; others give 0.
  public var number: Int
  /// Weight α of the response times.
  public var alpha: Double
  public var shared: SharedPart
  /// The utilisation band, percent.
  public var band: ClosedRange<Double> = 30...60

  /// The shared part. Response times in seconds.
  public enum SharedPart: Sendable, Equatable {
    /// W = 1 − α · (Σᵢ (1 + pᵢ) · rtᵢ − 0.01): a sum, which grows with the number of pods.
    case weightedSum
    /// 1 − 10 · mean(rt).
    case oneLessMean
    /// −10 · mean(rt).
    case negativeMean
  }

  public init(number: Int = 2, alpha: Double = 5, shared: SharedPart = .weightedSum) {
    self.number = number
    self.alpha = alpha
    self.shared = shared
  }

  /// The numbers with a formula of their own.
  public static let numbers = [1, 2, 3, 4, 5, 42]

  /// The shared part that the published PPO trainer chooses by the reward's number; nil where it refuses the number. The
  /// DQN and DDPG trainers always use `.weightedSum`.
  public static func sharedPartOfPPO(number: Int) -> SharedPart? {
    switch number {
    case 1, 2: .weightedSum
    case 3, 5: .oneLessMean
    case 4: .negativeMean
    default: nil
    }
  }

  /// The agent's own part from its last and its previous utilisation, percent.
  public func agent(last: Double, previous: Double) -> Double {
    let ramp = min(max((last - previous) / 10, -1), 1)
    switch number {
    case 1:
      return last <= band.lowerBound ? -1 : 0
    case 2, 3, 42:
      if last < band.lowerBound { return ramp }
      return last <= band.upperBound ? 1 + last / (band.upperBound - band.lowerBound) : 0
    case 4, 5:
      return last < band.lowerBound ? ramp : 0
    default:
      return 0
    }
  }

  /// The shared part. `responseTimes` (seconds) and `priorities` run over the pods of a group.
  public func sharedPart(
    responseTimes: UnsafeBufferPointer<Double>, priorities: UnsafeBufferPointer<Double>
  ) -> Double {
    precondition(responseTimes.count == priorities.count && !responseTimes.isEmpty, "one priority per response time")
    var weighted = 0.0
    var sum = 0.0
    for pod in 0..<responseTimes.count {
      weighted += (1 + priorities[pod]) * responseTimes[pod]
      sum += responseTimes[pod]
    }
    switch shared {
    case .weightedSum: return 1 - alpha * (weighted - 0.01)
    case .oneLessMean: return 1 - 10 * sum / Double(responseTimes.count)
    case .negativeMean: return -10 * sum / Double(responseTimes.count)
    }
  }

  /// ½ · own + shared.
  public func total(agent: Double, shared: Double) -> Double { 0.5 * agent + shared }
}
