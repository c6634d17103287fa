import Glibc

/// ε of ε-greedy exploration:  ε(k) = end + (start − end)·exp(−k / decay),  k = decisions so far.
public struct EpsilonSchedule: Codable, Equatable, Sendable {
  public var start = 0.9
  public var end = 0.15
  /// Decisions.
  public var decay = 1000.0

  public init(start: Double = 0.9, end: Double = 0.15, decay: Double = 1000) {
    self.start = start
    self.end = end
    self.decay = decay
  }

  @inlinable
  public func value(at decision: Int) -> Double { end + (start - end) * exp(-Double(decision) / decay) }

  func validate() throws {
    try require("epsilon start", start, "0 to 1", (0...1).contains(start))
    try require("epsilon end", end, "0 to 1", (0...1).contains(end))
    try require("epsilon decay", decay, "above 0 decisions", decay > 0)
  }
}

/// The standard deviation of a continuous policy: it falls by `decrement` every so many steps, rounded to four digits, and
/// stops at `floor`.
public struct ActionDeviationSchedule: Codable, Equatable, Sendable {
  public var start = 0.5
  public var decrement = 0.05
  public var floor = 0.1
  /// How many times it falls over the planned run.
  public var drops = 30

  public init(start: Double = 0.5, decrement: Double = 0.05, floor: Double = 0.1, drops: Int = 30) {
    self.start = start
    self.decrement = decrement
    self.floor = floor
    self.drops = drops
  }

  public func period(plannedSteps: Int) -> Int { max(1, plannedSteps / drops) }

  public func next(after value: Double) -> Double {
    let lower = ((value - decrement) * 10_000).rounded(.toNearestOrEven) / 10_000
    return max(lower, floor)
  }

  func validate() throws {
    try require("action deviation start", start, "above 0 and at most 100", start > 0 && start <= 100)
    try require("action deviation decrement", decrement, "0 to 100", (0...100).contains(decrement))
    try require("action deviation floor", floor, "above 0 and at most the start", floor > 0 && floor <= start)
    try require("action deviation drops", drops, "at least 1", drops >= 1)
  }
}

/// Ornstein–Uhlenbeck noise:  x ← x + θ·(0 − x) + σ·N(0, 1),  σ falling linearly from `sigmaMax` to `sigmaMin`.
///
/// - Source: Lillicrap et al. 2016, §3.
public struct OrnsteinUhlenbeckSettings: Codable, Equatable, Sendable {
  public var theta = 0.15
  public var sigmaMax = 0.25
  public var sigmaMin = 0.01
  /// The share of the planned run over which σ falls.
  public var decayShare = 1 / 3.5

  public init(theta: Double = 0.15, sigmaMax: Double = 0.25, sigmaMin: Double = 0.01, decayShare: Double = 1 / 3.5) {
    self.theta = theta
    self.sigmaMax = sigmaMax
    self.sigmaMin = sigmaMin
    self.decayShare = decayShare
  }

  /// σ after `steps` of `decaySteps`.
  public func sigma(after steps: Int, decaySteps: Double) -> Double {
    sigmaMax - (sigmaMax - sigmaMin) * min(1, Double(steps) / decaySteps)
  }

  public func next(_ x: Double, sigma: Double, draw: Double) -> Double { x + theta * (0 - x) + sigma * draw }

  func validate() throws {
    try require("noise theta", theta, "0 to 1", (0...1).contains(theta))
    try require("noise sigma max", sigmaMax, "0 to 100", (0...100).contains(sigmaMax))
    try require("noise sigma min", sigmaMin, "0 to the largest", sigmaMin >= 0 && sigmaMin <= sigmaMax)
    try require("noise decay share", decayShare, "above 0", decayShare > 0 && decayShare.isFinite)
  }
}
