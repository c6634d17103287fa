/// What a policy has to reach against an opponent at equal P99 to be worth running, and whether it does.
///
/// A tenth less CPU than a heuristic that acts every second, and no more than a quarter above what perfect knowledge would use.
public struct SavingGoal: Sendable, Equatable, Encodable {
  public enum Outcome: String, Sendable, Encodable {
    /// The margin is reached, and the 95 % interval leaves out zero.
    case met
    /// The mean does not reach the margin.
    case missed
    /// The mean reaches the margin, but the interval does not leave out zero.
    case uncertain
    /// The opponent is never so fast, so no number can be given.
    case incomparable
  }

  /// CPU ÷ CPU of the opponent − 1 at equal P99: at most this.
  public var most: Double
  public var outcome: Outcome
  /// By how much the mean misses `most`, as a share of the opponent's CPU; 0 where it does not.
  public var shortfall: Double

  /// Goals by opponent.
  public static let margins: [String: Double] = ["k8s-cpu-fast": -0.1, "captain": -0.1, "oracle": 0.25]

  /// - Returns: nil for an opponent against which there is no goal.
  public init?(against opponent: String, atEqualP99 difference: PairedDifference?) {
    guard let most = Self.margins[opponent] else { return nil }
    self.most = most
    guard let difference else {
      (outcome, shortfall) = (.incomparable, 0)
      return
    }
    shortfall = max(0, difference.mean - most)
    // Against the oracle it is enough to be near.
    let isClear = most > 0 || difference.high < 0
    outcome = shortfall > 0 ? .missed : isClear ? .met : .uncertain
  }
}
