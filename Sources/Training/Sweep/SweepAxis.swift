import Foundation
import RandomStreams

/// One thing that a sweep varies: the values that it takes, or a range to draw them from.
///
///     learning_rate=0.0003,0.001        hidden=64:64,128        learning_rate=1e-4..1e-2:log
public struct SweepAxis: Equatable, Sendable {
  public enum Values: Equatable, Sendable {
    case list([String])
    /// Drawn uniformly, or log-uniformly; whole numbers where both ends are written as such.
    case range(from: Double, to: Double, isLogarithmic: Bool, isWhole: Bool)
  }

  public let key: String
  public let values: Values

  /// - Throws: `TrainingError` for a text that is no axis.
  public init(_ text: String) throws {
    let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else {
      throw TrainingError("'\(text)' is not KEY=VALUE,VALUE or KEY=FROM..TO")
    }
    key = String(sides[0].map { $0 == "-" ? "_" : $0 })
    guard let dots = sides[1].range(of: "..") else {
      let list = sides[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard !list.contains(""), Set(list).count == list.count else {
        throw TrainingError("'\(text)' has an empty value or one twice")
      }
      values = .list(list)
      return
    }
    let from = String(sides[1][..<dots.lowerBound])
    var to = String(sides[1][dots.upperBound...])
    let isLogarithmic = to.hasSuffix(":log")
    if isLogarithmic { to.removeLast(4) }
    guard let low = Double(from), let high = Double(to), low.isFinite, high.isFinite, low < high,
      !isLogarithmic || low > 0
    else {
      throw TrainingError(
        "'\(text)' is no range, expected two numbers, the second one larger"
          + (isLogarithmic ? ", both above 0 because of :log" : ""))
    }
    values = .range(
      from: low, to: high, isLogarithmic: isLogarithmic, isWhole: Int(from) != nil && Int(to) != nil)
  }

  /// The texts of one command-line option, whose commas have separated values as well as axes, put together again.
  public static func joined(_ words: [String]) -> [String] {
    words.reduce(into: []) { result, word in
      if !word.contains("="), let last = result.popLast() {
        result.append(last + "," + word)
      } else {
        result.append(word)
      }
    }
  }

  /// One value, the same for the same stream.
  func draw(_ random: inout RandomStream) -> String {
    switch values {
    case .list(let list): return list[random.below(list.count)]
    case .range(let from, let to, let isLogarithmic, let isWhole):
      let part: Double = random.uniform()
      let value = isLogarithmic ? from * pow(to / from, part) : from + (to - from) * part
      if isWhole { return String(format: "%.0f", min(max(value.rounded(), from), to)) }
      // Four digits can be read, and nothing that is trained hangs on a fifth.
      return String(format: "%.4g", min(max(value, from), to))
    }
  }
}

/// The settings that a sweep tries, each a value for every axis, as texts.
public enum SweepSpace {
  public static let limit = 10_000

  /// Every combination; the last axis changes first.
  ///
  /// - Throws: `TrainingError` for a range, or more than `limit` combinations.
  public static func grid(_ axes: [SweepAxis]) throws -> [[String]] {
    var settings: [[String]] = [[]]
    for axis in axes {
      guard case .list(let values) = axis.values else {
        throw TrainingError("\(axis.key) is a range, expected values, or --random with how many to draw")
      }
      guard settings.count * values.count <= limit else {
        throw TrainingError("there are more than \(limit) settings, expected fewer")
      }
      settings = settings.flatMap { setting in values.map { setting + [$0] } }
    }
    return settings
  }

  /// So many different settings, drawn; fewer where there are not as many. More of them begin with the same ones.
  public static func draws(_ axes: [SweepAxis], count: Int, seed: UInt64) -> [[String]] {
    var seen: Set<[String]> = []
    var settings: [[String]] = []
    for attempt in 0..<min(count, limit) * 100 where settings.count < min(count, limit) {
      let setting = axes.enumerated().map { index, axis in
        var random = RandomStream(seed: seed, purpose: "sweep", index, attempt)
        return axis.draw(&random)
      }
      if seen.insert(setting).inserted { settings.append(setting) }
    }
    return settings
  }
}
