import Glibc

/// Our own reward, `slo`: its optimum is the least CPU that meets a response-time goal, with few resizes.
///
///     rᵢ = −( price · limitᵢ + λ · d̄ᵢ · Σ late(t) ) ÷ scaleᵢ − κ · resizedᵢ,      late(t) = t⁸ ÷ (t⁸ + SLO⁸)
///
/// over the response times t of the pod's own requests that ended in the second, the timed-out ones included. d̄ is the CPU
/// of an average request, so λ says how many requests' worth of CPU one late request costs: the price that turns "CPU at a
/// given share of late requests" into one number (the Lagrange multiplier of that constraint). `scale` is what the pod
/// demands in its busiest second, which makes rewards of small and large, calm and wild pods alike: a policy is to learn from the
/// calm ones too how little is enough.
///
/// late is smooth because a step at the SLO would give a policy nothing to learn from until requests are late already, and
/// steep because a percentile counts late requests and nothing else: 14 % at eight tenths of the SLO, 86 % at ten eighths.
///
/// Each pod has the credit for its own requests and its own limit only. Where the pool is short, what one holds another
/// lacks; it then pays for that:
///
///     price = clamp(Σ asked ÷ capacity, 1, 4)²
///
public struct SLOReward: Codable, Equatable, Sendable {
  /// Response-time goal, seconds.
  public var slo = 0.25
  /// λ
  public var weight = 40.0
  /// κ: what a resize costs, in seconds of the pod's highest demand.
  public var resizeWeight = 0.1
  /// Every cluster of every episode draws λ up to so many doublings around `weight`, and its agents see which it is (the
  /// observation's caution): they learn the whole front between CPU and response times. 0 keeps `weight`.
  public var weightDoublings = 0.0

  public init() {}

  /// How late a response time (seconds, ≥ 0) is: 0 at once, a half at the SLO, 1 at the end of time.
  @inlinable
  public func lateness(_ response: Double) -> Double {
    let ratio = response / slo
    guard ratio < 1e30 else { return 1 }
    let square = ratio * ratio
    let eighth = square * square * (square * square)
    return eighth / (eighth + 1)
  }

  /// What a millicore costs where pods ask for `asked` millicores of a pool of `capacity`.
  @inlinable
  public static func price(asked: Double, capacity: Double) -> Double {
    let ratio = capacity > 0 ? min(max(asked / capacity, 1), 4) : 4
    return ratio * ratio
  }

  /// One pod's reward for one second.
  ///
  /// - Parameters:
  ///   - limit: in force during the second, millicores.
  ///   - price: of CPU in this second.
  ///   - caution: doublings of λ.
  ///   - lateness: Σ late(t) over the requests that ended.
  ///   - demand: CPU of an average request, millicore-seconds.
  ///   - scale: the pod's highest demand, millicores, above 0.
  public func reward(
    limit: Double, price: Double, caution: Double = 0, lateness: Double, demand: Double, scale: Double, resized: Bool
  ) -> Double {
    -(price * limit + weight * exp2(caution) * demand * lateness) / scale - (resized ? resizeWeight : 0)
  }
}
