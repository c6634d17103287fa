import RandomStreams

/// A recorded request rate, one value per second.
public struct Trace: Sendable, Equatable {
  /// Where it came from; for messages and reports.
  public let name: String
  /// Requests per second, ≥ 0 and finite, at least one.
  public let rates: [Double]

  /// Of a recording, requests/s: far above any service's, and far below where sums of them would overflow.
  private static let largestRate = 1e12

  /// - Throws: for an empty list, a rate that is negative or not finite, or rates whose mean is not.
  public init(name: String, rates: [Double]) throws {
    guard !rates.isEmpty else { throw SimulationError("trace \(name) is empty, expected at least one second") }
    for (second, rate) in rates.enumerated() where !(rate >= 0 && rate.isFinite) {
      throw SimulationError("trace \(name) second \(second): the rate is \(rate), expected a finite number ≥ 0")
    }
    self.name = name
    self.rates = rates
    guard mean.isFinite else { throw SimulationError("trace \(name): its rates are too large for a mean") }
  }

  /// Reads a CSV file with the columns `second` and `rps`; seconds follow one another without gaps.
  /// - Throws: one sentence that names file, row and expectation.
  public static func load(_ path: String) throws -> Trace {
    let file = try CSVFile(path: path)
    let (second, rate) = (try file.column("second"), try file.column("rps"))
    var rates: [Double] = []
    var last: Int?
    try file.forEachRow { row in
      let time = try row.integer(second, in: 0...1_000_000_000)
      if let last, time != last + 1 {
        throw row.refusal(second, expected: "\(last + 1): seconds ascend one by one, without gaps")
      }
      let value = try row.number(rate, atLeast: 0)
      guard value <= largestRate else { throw row.refusal(rate, expected: "at most \(largestRate) requests/s") }
      rates.append(value)
      last = time
    }
    guard !rates.isEmpty else { throw SimulationError("\(path) has no rows below its header, expected one per second") }
    return try Trace(name: path, rates: rates)
  }

  public var seconds: Int { rates.count }
  public var mean: Double { rates.reduce(0, +) / Double(rates.count) }

  /// The same shape around another mean, so that burstiness (max ÷ mean) stays.
  /// - Throws: for a trace without requests, or a mean that no workload may have.
  public func rescaled(mean wanted: Double) throws -> Trace {
    try validate("a trace's mean", wanted, in: 0...Workload.largestMean, "requests/s")
    let mean = mean
    guard mean > 0 else { throw SimulationError("trace \(name) has no requests, so it cannot be scaled to a mean") }
    return try Trace(name: name, rates: rates.map { $0 * (wanted / mean) })
  }

  /// `factor` seconds averaged to one: the same day, faster. A rest shorter than `factor` is left out.
  public func compressed(by factor: Int) throws -> Trace {
    try validate("a trace's compression", factor, in: 1...seconds)
    let rates = (0..<seconds / factor).map { index in
      self.rates[index * factor..<(index + 1) * factor].reduce(0, +) / Double(factor)
    }
    return try Trace(name: name, rates: rates)
  }

  /// A centred moving average over `window` seconds: a rate from counts that hold sampling noise themselves.
  public func smoothed(window: Int) throws -> Trace {
    try validate("a trace's smoothing window", window, in: 1...seconds)
    let half = window / 2
    let rates = self.rates.indices.map { index in
      let part = self.rates[max(index - half, 0)..<min(index - half + window, seconds)]
      return part.reduce(0, +) / Double(part.count)
    }
    return try Trace(name: name, rates: rates)
  }

  /// Seconds `range` of this trace, followed by `other`.
  public func spliced(_ range: Range<Int>, with other: Trace? = nil) throws -> Trace {
    guard range.lowerBound >= 0, range.upperBound <= seconds, !range.isEmpty else {
      throw SimulationError(
        "seconds \(range.lowerBound)..<\(range.upperBound) of trace \(name), expected some of 0..<\(seconds)")
    }
    return try Trace(name: name, rates: Array(rates[range]) + (other?.rates ?? []))
  }

  /// Every rate multiplied by an independent log-normal factor of mean 1.
  ///
  /// - `variation`: its standard deviation, 0…10.
  public func noisy(variation: Double, using random: inout RandomStream) throws -> Trace {
    try validate("a trace's noise", variation, in: 0...10)
    return try Trace(name: name, rates: rates.map { $0 * random.logNormal(mean: 1, variation: variation) })
  }

  /// The rate at any second, the trace repeated for ever.
  @inlinable
  public subscript(cyclic second: Int) -> Double {
    let place = second % rates.count
    return rates[place < 0 ? place + rates.count : place]
  }
}
