import Glibc

/// Where an axis is labelled, and how.
struct Ticks: Equatable {
  struct Tick: Equatable {
    var value: Double
    var label: String
  }

  var ticks: [Tick]

  /// Values and differences of more than this are not drawn: they would leave the range of a Double when added.
  static let largest = 1e150

  /// Multiples of 1, 2 or 5 times a power of ten between the ends, about `count` of them.
  ///
  /// - Precondition: `low < high`, both within ±`largest`.
  static func linear(_ low: Double, _ high: Double, count: Int) -> Ticks {
    precondition(low < high && abs(low) <= largest && abs(high) <= largest, "ticks between \(low) and \(high)")
    let step = step(low, high, count: count)
    let decimals = max(0, -Int(log10(step).rounded(.down)))
    var ticks: [Tick] = []
    let first = (low / step).rounded(.up)
    // By multiples, not by sums: 0.1 added ten times is not 1. A range too narrow for its place has no multiples.
    for index in 0...(4 * max(count, 1)) {
      let value = (first + Double(index)) * step
      guard value <= high + step * 1e-9 else { break }
      guard ticks.last?.value != value else { break }
      let isWritten = abs(value) < 1e7 && decimals <= 6
      ticks.append(
        Tick(value: value, label: isWritten ? Markup.number(value, decimals: decimals) : Markup.value(value)))
    }
    return Ticks(ticks: ticks)
  }

  /// 1, 2 or 5 times a power of ten.
  static func step(_ low: Double, _ high: Double, count: Int) -> Double {
    let rough = max((high - low) / Double(max(count, 1)), .leastNormalMagnitude * 1e10)
    let power = pow(10, log10(rough).rounded(.down))
    let share = rough / power
    return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10)
  }

  /// Powers of ten; where there are few of them also twice and five times as much.
  ///
  /// - Precondition: `0 < low < high ≤ largest`.
  static func logarithmic(_ low: Double, _ high: Double, count: Int) -> Ticks {
    precondition(0 < low && low < high && high <= largest, "logarithmic ticks between \(low) and \(high)")
    let first = Int(log10(low).rounded(.down))
    let last = Int(log10(high).rounded(.up))
    let decades = log10(high / low)
    let factors: [Double] = decades > 3.5 ? [1] : [1, 2, 5]
    let stride = max(1, (last - first) / max(count, 1))
    var ticks: [Tick] = []
    for power in Swift.stride(from: first, through: last, by: stride) {
      for factor in factors {
        let value = factor * pow(10, Double(power))
        guard value >= low * (1 - 1e-9), value <= high * (1 + 1e-9) else { continue }
        let isWritten = value < 1e7 && value >= 1e-4
        ticks.append(
          Tick(value: value, label: isWritten ? Markup.number(value, decimals: max(0, -power)) : Markup.value(value)))
      }
    }
    // Within a part of a decade the usual ticks say more.
    return ticks.count >= 2 ? Ticks(ticks: ticks) : linear(low, high, count: count)
  }
}
