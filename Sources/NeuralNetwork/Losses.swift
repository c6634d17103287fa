import Glibc

/// Losses over small vectors. Each returns the *sum* over its rows and writes gradients multiplied by `scale`
/// (1 ÷ rows of the whole batch), so that a batch can be computed in pieces whose results add up. They allocate nothing.
public enum Losses {
  /// Huber loss:  L(e) = ½e² for |e| ≤ δ, δ(|e| − ½δ) otherwise,  e = prediction − target.
  ///
  /// - `prediction`, `target`, `gradient`: `[count]`; `gradient` is overwritten with scale · ∂L/∂prediction.
  /// - Source: Huber 1964.
  public static func huber(
    _ prediction: UnsafePointer<Float>, _ target: UnsafePointer<Float>, count: Int, delta: Float, scale: Float,
    gradient: UnsafeMutablePointer<Float>
  ) -> Double {
    var sum = 0.0
    for index in 0..<count {
      let error = prediction[index] - target[index]
      let size = abs(error)
      sum += Double(size <= delta ? 0.5 * error * error : delta * (size - 0.5 * delta))
      gradient[index] = (size <= delta ? error : error < 0 ? -delta : delta) * scale
    }
    return sum
  }

  /// Squared error:  L(e) = e².
  public static func squaredError(
    _ prediction: UnsafePointer<Float>, _ target: UnsafePointer<Float>, count: Int, scale: Float,
    gradient: UnsafeMutablePointer<Float>
  ) -> Double {
    var sum = 0.0
    for index in 0..<count {
      let error = prediction[index] - target[index]
      sum += Double(error) * Double(error)
      gradient[index] = 2 * error * scale
    }
    return sum
  }

  /// PPO's clipped objective of one sample, as a loss:  L = −min(r·A, clip(r, 1 − ε, 1 + ε)·A),  r = exp(log π − log π_old).
  ///
  /// - Returns: L, ∂L/∂log π, r, and if the clip is in force.
  /// - Source: Schulman et al. 2017, eq. 7.
  @inline(__always)
  public static func clippedObjective(
    logProbability: Float, old: Float, advantage: Float, clip: Float
  ) -> (loss: Float, gradient: Float, ratio: Float, clipped: Bool) {
    let ratio = expf(logProbability - old)
    let free = ratio * advantage
    let bounded = min(max(ratio, 1 - clip), 1 + clip) * advantage
    return free <= bounded ? (-free, -free, ratio, false) : (-bounded, 0, ratio, true)
  }
}

/// A normal distribution with a fixed standard deviation, as a continuous policy draws from it.
public struct GaussianPolicy: Sendable {
  public let deviation: Float
  private let precision: Float
  private let constant: Float

  public init(deviation: Float) {
    self.deviation = deviation
    precision = 1 / (deviation * deviation)
    constant = -logf(deviation) - 0.5 * logf(2 * .pi)
  }

  /// log N(action; mean, deviation²)
  @inline(__always)
  public func logProbability(_ action: Float, mean: Float) -> Float {
    let distance = action - mean
    return -0.5 * distance * distance * precision + constant
  }

  /// ∂ log N / ∂ mean = (action − mean) / deviation²
  @inline(__always)
  public func gradient(_ action: Float, mean: Float) -> Float { (action - mean) * precision }

  /// ½ + ½·log 2π + log deviation; does not depend on the mean.
  public var entropy: Float { 0.5 - constant }
}

/// A categorical distribution given as the probabilities that a softmax layer puts out.
public enum CategoricalPolicy {
  /// Probabilities below one part in 2²³ count as that: the logarithm stays finite.
  static let smallest: Float = 0x1p-23

  @inline(__always)
  public static func logProbability(_ probability: Float) -> Float { logf(max(probability, smallest)) }

  /// −Σ p·log p
  @inline(__always)
  public static func entropy(_ probabilities: UnsafePointer<Float>, count: Int) -> Float {
    var sum: Float = 0
    for index in 0..<count { sum -= probabilities[index] * logProbability(probabilities[index]) }
    return sum
  }

  /// Gradient of  a·log p[action] + b·entropy  with respect to the logits:  a·(1[i = action] − pᵢ) − b·pᵢ·(log pᵢ + H).
  @inline(__always)
  public static func gradient(
    _ probabilities: UnsafePointer<Float>, count: Int, action: Int, logProbabilityWeight: Float, entropyWeight: Float,
    into gradient: UnsafeMutablePointer<Float>
  ) {
    let entropy = entropy(probabilities, count: count)
    for index in 0..<count {
      let p = probabilities[index]
      gradient[index] =
        logProbabilityWeight * ((index == action ? 1 : 0) - p)
        - entropyWeight * p * (logProbability(p) + entropy)
    }
  }
}
