import Glibc

/// What one direction of a chart means.
public struct Axis: Sendable, Equatable {
  public enum Kind: Sendable, Equatable { case linear, logarithmic }

  /// With its unit: "response time, ms".
  public var label: String
  public var kind: Kind
  /// The ends; nil finds them from the data.
  public var range: ClosedRange<Double>?
  /// Whether a linear axis found from the data begins at 0.
  public var includesZero: Bool

  public init(
    _ label: String, kind: Kind = .linear, range: ClosedRange<Double>? = nil, includesZero: Bool = false
  ) {
    self.label = label
    self.kind = kind
    self.range = range
    self.includesZero = includesZero
  }

  /// Whether a value has a place on an axis of this kind.
  func accepts(_ value: Double) -> Bool {
    value.isFinite && abs(value) <= Ticks.largest && (kind == .linear || value >= 1e-150)
  }

  /// The ends that show all `values`; rounded outwards to ticks unless `isTight`.
  func ends(for values: [Double], isTight: Bool, ticks: Int) -> ClosedRange<Double> {
    if let range, accepts(range.lowerBound), accepts(range.upperBound), range.lowerBound < range.upperBound {
      return range
    }
    let values = values.filter(accepts)
    guard var low = values.min(), var high = values.max() else { return kind == .linear ? 0...1 : 1...10 }
    if kind == .logarithmic {
      if low == high { (low, high) = (low / 2, high * 2) }
      return isTight ? low...high : Axis.rounded(low, up: false)...Axis.rounded(high, up: true)
    }
    if includesZero { (low, high) = (min(low, 0), max(high, 0)) }
    // A flat series still needs a range to stand in.
    if high - low <= abs(high) * 1e-12 {
      let pad = max(abs(high) * 0.5, 0.5)
      (low, high) = (includesZero && low >= 0 ? 0 : low - pad, high + pad)
    }
    guard !isTight else { return low...high }
    let step = Ticks.step(low, high, count: ticks)
    // A value on the very edge would touch the frame, hence the little more.
    let above = (high / step + (high == 0 ? 0 : 0.02)).rounded(.up) * step
    let below = (low / step - (low == 0 ? 0 : 0.02)).rounded(.down) * step
    return below...above
  }

  /// The next 1, 2 or 5 times a power of ten.
  private static func rounded(_ value: Double, up: Bool) -> Double {
    let power = pow(10, log10(value).rounded(.down))
    let steps = [1.0, 2, 5, 10].map { $0 * power }
    return up
      ? steps.first { $0 >= value * (1 - 1e-9) } ?? 10 * power : steps.last { $0 <= value * (1 + 1e-9) } ?? power
  }
}

/// Values to pixels.
struct Scale {
  let axis: Axis
  let ends: ClosedRange<Double>
  let start: Double
  let end: Double

  /// Nil for a value that has no place, such as 0 on a logarithmic axis. Values beyond the ends are placed beyond them.
  func place(_ value: Double) -> Double? {
    guard axis.accepts(value) else { return nil }
    let share: Double
    switch axis.kind {
    case .linear: share = (value - ends.lowerBound) / (ends.upperBound - ends.lowerBound)
    case .logarithmic: share = log(value / ends.lowerBound) / log(ends.upperBound / ends.lowerBound)
    }
    guard share.isFinite else { return nil }
    // Far beyond the frame nothing is seen; renderers mind numbers with many digits.
    return start + max(-10, min(11, share)) * (end - start)
  }

  func ticks(count: Int) -> [Ticks.Tick] {
    switch axis.kind {
    case .linear: Ticks.linear(ends.lowerBound, ends.upperBound, count: count).ticks
    case .logarithmic: Ticks.logarithmic(ends.lowerBound, ends.upperBound, count: count).ticks
    }
  }
}
