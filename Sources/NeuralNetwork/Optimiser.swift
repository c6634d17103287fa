import CMarlise

/// How parameters follow their gradient.
public struct OptimiserSettings: Codable, Equatable, Sendable {
  public enum Method: String, Codable, Sendable, CaseIterable {
    /// Kingma & Ba 2015.
    case adam
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    case adamW
    /// Gradient descent, with momentum when that is above 0.
    case sgd
  }

  public var method: Method
  public var learningRate: Double
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-8
  /// AdamW and SGD: parameters shrink by learningRate · weightDecay per step.
  public var weightDecay = 0.0
  /// Adam and AdamW: divide by the largest second moment so far (Reddi et al. 2018).
  public var amsgrad = false
  /// SGD only.
  public var momentum = 0.0
  /// Each gradient entry is clipped to ± this; nil for none.
  public var clipValue: Double?
  /// The gradient is scaled down to at most this Euclidean norm; nil for none.
  public var clipNorm: Double?

  public init(_ method: Method, learningRate: Double) {
    self.method = method
    self.learningRate = learningRate
  }
}

/// Moments and step count for one run of parameters. A step is `begin`, then `apply` over ranges that cover the parameters
/// once: in one piece, or in two on two threads, with the same bits. The target network's soft update rides along.
public final class Optimiser {
  public let settings: OptimiserSettings
  public let count: Int
  /// Steps taken.
  public internal(set) var steps = 0
  /// First moment (SGD: velocity), second moment, and its maximum; empty where the method has none.
  public let first: FloatBuffer
  public let second: FloatBuffer
  public let largest: FloatBuffer
  private var c = marlise_adam_settings()

  /// - Precondition: `count` is a multiple of 16, as every `NetworkShape.parameterCount` is.
  public init(_ settings: OptimiserSettings, count: Int) {
    precondition(count % 16 == 0, "an optimiser for \(count) parameters, not a multiple of 16")
    self.settings = settings
    self.count = count
    let isSGD = settings.method == .sgd
    first = FloatBuffer(isSGD && settings.momentum == 0 ? 0 : count)
    second = FloatBuffer(isSGD ? 0 : count)
    largest = FloatBuffer(!isSGD && settings.amsgrad ? count : 0)
  }

  /// Starts a step: counts it and computes the bias corrections.
  ///
  /// - `tau`: the share of the new parameters that a target takes over.
  public func begin(tau: Float = 0) {
    steps += 1
    let correction1 = 1 - power(settings.beta1, steps)
    let correction2 = 1 - power(settings.beta2, steps)
    let decay = settings.method == .adam ? 0 : settings.weightDecay
    c.rate = Float(settings.method == .sgd ? settings.learningRate : settings.learningRate / correction1)
    c.decay = Float(1 - settings.learningRate * decay)
    c.beta1 = Float(settings.beta1)
    c.beta2 = Float(settings.beta2)
    c.rest1 = Float(1 - settings.beta1)
    c.rest2 = Float(1 - settings.beta2)
    c.correction2 = Float((1 / correction2).squareRoot())
    c.epsilon = Float(settings.epsilon)
    c.limit = settings.clipValue.map(Float.init) ?? .infinity
    c.tau = tau
    c.scale = 1
  }

  /// Between `begin` and `apply`, where `settings.clipNorm` is set: finds the scale for this gradient (`gradient` + `other`).
  public func clipNorm(gradient: UnsafePointer<Float>, other: UnsafePointer<Float>? = nil) {
    guard let limit = settings.clipNorm else { return }
    let norm = marlise_sum_of_squares(gradient, other, count).squareRoot()
    if norm > limit { c.scale = Float(limit / (norm + 1e-6)) }
  }

  /// Steps the parameters in `range` (bounds are multiples of 16).
  ///
  /// - `other`: a second gradient that is added to the first, or nil.
  /// - `target`: becomes τ·parameters + (1 − τ)·target, or nil.
  /// - Returns: false when a new parameter is not finite.
  public func apply(
    to parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, other: UnsafePointer<Float>? = nil,
    target: UnsafeMutablePointer<Float>? = nil, range: Range<Int>
  ) -> Bool {
    let from = range.lowerBound
    precondition(from % 16 == 0 && range.count % 16 == 0 && range.upperBound <= count, "optimiser range \(range)")
    let p = parameters + from
    let g = gradient + from
    let g2 = other.map { $0 + from }
    let t = target.map { $0 + from }
    let check: Float
    if settings.method == .sgd {
      check = marlise_sgd(
        p, g, g2, first.count > 0 ? first.pointer + from : nil, Float(settings.momentum), t, range.count, &c)
    } else {
      check = marlise_adam(
        p, g, g2, first.pointer + from, second.pointer + from, largest.count > 0 ? largest.pointer + from : nil, t,
        range.count, &c)
    }
    return check == 0
  }

  /// Continues from saved moments. The caller has checked their sizes and sets the contents of the buffers itself.
  public func restore(steps: Int) { self.steps = steps }

  /// xⁿ by squaring: the same bits everywhere, unlike `pow`.
  private func power(_ x: Double, _ n: Int) -> Double {
    var (result, base, rest) = (1.0, x, n)
    while rest > 0 {
      if rest & 1 == 1 { result *= base }
      base *= base
      rest >>= 1
    }
    return result
  }
}
