/// Why a simulation cannot be set up or a file cannot be used: one sentence that says what failed, where, and what was
/// expected.
public struct SimulationError: Error, CustomStringConvertible, Sendable, Equatable {
  public let description: String

  public init(_ description: String) { self.description = description }

  /// "PodParameters.period is -1, expected 0.001…1 seconds".
  static func outOfRange<T>(_ name: String, _ value: T, expected: String) -> SimulationError {
    SimulationError("\(name) is \(value), expected \(expected)")
  }
}

/// Throws unless `value` is a number inside `range`; NaN and the infinities are outside every range.
func validate(_ name: String, _ value: Double, in range: ClosedRange<Double>, _ unit: String = "") throws {
  guard range.contains(value) else {
    let bounds = "\(range.lowerBound)…\(range.upperBound)"
    throw SimulationError.outOfRange(name, value, expected: unit.isEmpty ? bounds : "\(bounds) \(unit)")
  }
}

func validate(_ name: String, _ value: Int, in range: ClosedRange<Int>, _ unit: String = "") throws {
  guard range.contains(value) else {
    let bounds = "\(range.lowerBound)…\(range.upperBound)"
    throw SimulationError.outOfRange(name, value, expected: unit.isEmpty ? bounds : "\(bounds) \(unit)")
  }
}
