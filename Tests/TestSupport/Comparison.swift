/// The first place where two sequences differ by more than `tolerance · max(1, |expected|)`, as a sentence; nil when they
/// agree. Used as `#expect(firstDifference(a, b, tolerance: 1e-5) == nil)`, so that a failure prints the place.
public func firstDifference(_ actual: [Float], _ expected: [Double], tolerance: Double) -> String? {
  firstDifference(actual.map(Double.init), expected, tolerance: tolerance)
}

public func firstDifference(_ actual: [Double], _ expected: [Double], tolerance: Double) -> String? {
  if actual.count != expected.count { return "\(actual.count) values, expected \(expected.count)" }
  for (index, (a, b)) in zip(actual, expected).enumerated() where !(abs(a - b) <= tolerance * max(1, abs(b))) {
    return "at \(index): \(a), expected \(b)"
  }
  return nil
}

/// Central finite differences of a scalar function at `point`, in double precision.
public func finiteDifferences(
  at point: [Double], step: Double = 1e-4, of function: ([Double]) throws -> Double
) rethrows -> [Double] {
  try point.indices.map { index in
    var shifted = point
    shifted[index] = point[index] + step
    let above = try function(shifted)
    shifted[index] = point[index] - step
    return (above - (try function(shifted))) / (2 * step)
  }
}
