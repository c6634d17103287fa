import Glibc

/// Draws from the distributions that the project uses. `Double` throughout: they feed the simulator's clock and the
/// weights' initialisers, where a 24-bit tail would show.
extension RandomStream {
  /// Exponential with the given mean, ≥ 0.
  @inlinable
  public mutating func exponential(mean: Double) -> Double {
    let u: Double = uniform()
    return -mean * log1p(-u)
  }

  /// Standard normal, by the Box–Muller transform (one of the pair; the other is dropped so that the state stays a count).
  @inlinable
  public mutating func normal() -> Double {
    let u: Double = uniform()
    let v: Double = uniform()
    return (-2 * log1p(-u)).squareRoot() * cos(2 * .pi * v)
  }

  /// Poisson with the given mean; 0 for a mean that is not above 0.
  ///
  /// Multiplication of uniforms in chunks of mean 16, exact at any mean and O(mean): rates here are requests per second.
  public mutating func poisson(mean: Double) -> Int {
    var remaining = mean
    var count = 0
    while remaining > 0 {
      let threshold = exp(-Swift.min(remaining, 16))
      var product = 1.0
      while true {
        product *= uniform() as Double
        if product <= threshold { break }
        count += 1
      }
      remaining -= 16
    }
    return count
  }

  /// Log-normal with the given mean and coefficient of variation (standard deviation ÷ mean).
  @inlinable
  public mutating func logNormal(mean: Double, variation: Double) -> Double {
    let variance = log1p(variation * variation)
    return mean * exp(variance.squareRoot() * normal() - variance / 2)
  }

  /// Shuffles the first `count` places so that they hold a uniform sample without replacement (Fisher–Yates, partial).
  @inlinable
  public mutating func shufflePrefix(_ count: Int, of items: UnsafeMutableBufferPointer<Int32>) {
    for place in 0..<Swift.min(count, items.count) {
      items.swapAt(place, place + below(items.count - place))
    }
  }
}
