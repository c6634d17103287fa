import RandomStreams

/// How much one policy differs from another on the same seeds, with a bootstrap interval.
public struct PairedDifference: Sendable, Equatable, Codable {
  /// Mean over the seeds.
  public var mean: Double
  /// Mean of the middle half of the seeds.
  public var interquartileMean: Double
  /// The 95 % interval of the mean.
  public var low: Double
  public var high: Double

  /// Whether the interval lies on one side of zero.
  public var isSignificant: Bool { low > 0 || high < 0 }

  /// Resamples: enough for the ends of the interval to settle to a hundredth of its width.
  static let resamples = 10_000

  /// Percentile bootstrap: seeds are drawn with replacement, the mean of each draw is taken, and the interval reaches from
  /// the 2.5th to the 97.5th percentile of these means. The draws come from a stream of their own, so the same values give
  /// the same interval.
  ///
  /// - Parameter differences: one per seed, finite, at least one.
  /// - Source: Efron, Tibshirani: "An Introduction to the Bootstrap", §13.3.
  public init(of differences: [Double], seed: UInt64 = 0) {
    precondition(!differences.isEmpty, "a paired difference needs at least one pair")
    let count = differences.count
    mean = differences.reduce(0, +) / Double(count)
    interquartileMean = differences.interquartileMean
    var random = RandomStream(seed: seed, purpose: "bootstrap of paired differences")
    var means = [Double](repeating: 0, count: Self.resamples)
    for index in means.indices {
      var sum = 0.0
      for _ in 0..<count { sum += differences[random.below(count)] }
      means[index] = sum / Double(count)
    }
    means.sort()
    low = means[Int(0.025 * Double(Self.resamples))]
    high = means[Int(0.975 * Double(Self.resamples)) - 1]
  }

  /// Relative differences a ÷ b − 1, seed by seed; nil where a `b` is not above 0.
  public init?(ratio a: [Double], to b: [Double]) {
    precondition(a.count == b.count, "\(a.count) values against \(b.count): pairs are needed")
    guard !a.isEmpty, b.allSatisfy({ $0 > 0 }) else { return nil }
    self.init(of: zip(a, b).map { $0 / $1 - 1 })
  }
}
