import Foundation

/// A mean with the half-width of its 95 % interval, and a mean that outliers do not move.
public struct Estimate: Sendable, Equatable, Codable {
  public var mean: Double
  /// Half the width of the 95 % confidence interval; 0 for a single value, which says nothing about its spread.
  public var halfWidth: Double
  /// Mean of the middle half of the values.
  public var interquartileMean: Double

  public init(mean: Double, halfWidth: Double, interquartileMean: Double? = nil) {
    self.mean = mean
    self.halfWidth = halfWidth
    self.interquartileMean = interquartileMean ?? mean
  }

  /// Student's t interval: mean ± t₀.₉₇₅(n − 1) · s / √n. Values that are not finite are the caller's bug.
  public init(of values: [Double]) {
    let count = Double(values.count)
    let mean = values.isEmpty ? .nan : values.reduce(0, +) / count
    self.mean = mean
    interquartileMean = values.interquartileMean
    guard values.count > 1 else {
      halfWidth = 0
      return
    }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    halfWidth = Self.studentT(degrees: values.count - 1) * (squares / (count - 1) / count).squareRoot()
  }

  /// The 0.975 quantile of Student's t distribution.
  ///
  /// Exact for 1 and 2 degrees of freedom; beyond, the Cornish–Fisher expansion to the fourth order, whose error is below
  /// 0.5 % from 3 degrees on.
  ///
  /// - Source: Abramowitz, Stegun: "Handbook of Mathematical Functions", 26.7.5.
  static func studentT(degrees: Int) -> Double {
    precondition(degrees > 0, "Student's t needs at least one degree of freedom")
    if degrees == 1 { return 12.706_204_736 }
    if degrees == 2 { return 4.302_652_730 }
    let z = 1.959_963_984_540_054
    let n = Double(degrees)
    let z3 = z * z * z
    let z5 = z3 * z * z
    let z7 = z5 * z * z
    let z9 = z7 * z * z
    return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n)
      + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n)
      + (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / (92_160 * n * n * n * n)
  }
}

extension Array where Element == Double {
  /// The mean without the lowest and the highest quarter of the values (a quarter of n values: ⌊n ÷ 4⌋ of them).
  public var interquartileMean: Double {
    guard !isEmpty else { return .nan }
    let cut = count / 4
    let middle = sorted()[cut..<count - cut]
    return middle.reduce(0, +) / Double(middle.count)
  }
}

/// Exact percentiles of a set of values.
public struct Percentiles: Sendable {
  private let sorted: [Float]

  public init(sorting values: [Float]) {
    sorted = values.sorted()
  }

  public var isEmpty: Bool { sorted.isEmpty }

  /// The smallest value that at least the share `fraction` of the values does not exceed (nearest rank); 0 of nothing.
  public func callAsFunction(_ fraction: Double) -> Double {
    guard let last = sorted.last else { return 0 }
    let rank = Int((fraction * Double(sorted.count)).rounded(.up)) - 1
    return Double(rank < sorted.count ? sorted[max(rank, 0)] : last)
  }

  public var mean: Double {
    sorted.isEmpty ? 0 : sorted.reduce(0.0) { $0 + Double($1) } / Double(sorted.count)
  }

  /// The share of values above `limit`.
  public func share(above limit: Double) -> Double {
    guard !sorted.isEmpty else { return 0 }
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if Double(sorted[middle]) > limit { high = middle } else { low = middle + 1 }
    }
    return Double(sorted.count - low) / Double(sorted.count)
  }
}
