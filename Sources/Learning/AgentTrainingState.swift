import NeuralNetwork
import RandomStreams

/// Everything beside its networks that an agent needs to go on as if it had never stopped, as named arrays for a checkpoint.
/// Parameters and moments are in the agent's own memory order.
public struct AgentTrainingState: Sendable, Equatable {
  public var floats: [String: [Float]]
  public var integers: [String: [Int64]]
  public var words: [String: [UInt64]]

  public init(
    floats: [String: [Float]] = [:], integers: [String: [Int64]] = [:], words: [String: [UInt64]] = [:]
  ) {
    self.floats = floats
    self.integers = integers
    self.words = words
  }

  // MARK: Reading, with sentences for what does not fit

  func floats(_ name: String, count: Int) throws -> [Float] {
    guard let values = floats[name] else {
      throw LearningError.state(name, found: "nothing", expected: "\(count) numbers")
    }
    guard values.count == count else {
      throw LearningError.state(name, found: "\(values.count) numbers", expected: "\(count)")
    }
    try requireAll(name, values, "finite numbers") { $0.isFinite }
    return values
  }

  func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int {
    try integers(name, count: 1, in: range)[0]
  }

  func integers(_ name: String, count: Int, in range: ClosedRange<Int>) throws -> [Int] {
    guard let values = integers[name], values.count == count else {
      throw LearningError.state(name, found: "\(integers[name]?.count ?? 0) integers", expected: "\(count)")
    }
    return try values.map {
      guard let value = Int(exactly: $0), range.contains(value) else {
        throw LearningError.state(name, found: "\($0)", expected: "\(range.lowerBound)…\(range.upperBound)")
      }
      return value
    }
  }

  /// - Parameter model: a stream that is as far as it may be; the saved one is the same, at another place.
  func stream(_ name: String, like model: RandomStream) throws -> RandomStream {
    let state = try streamState(name)
    guard state.seed == model.state.seed, state.stream == model.state.stream else {
      throw LearningError.state(name, found: "another stream", expected: "that of the run's seed")
    }
    return RandomStream(state)
  }

  func streamState(_ name: String) throws -> RandomStream.State {
    guard let values = words[name], values.count == 3 else {
      throw LearningError.state(
        name, found: "\(words[name]?.count ?? 0) words", expected: "three (seed, stream, drawn)")
    }
    return RandomStream.State(seed: values[0], stream: values[1], drawn: values[2])
  }

  func requireAll(_ name: String, _ values: [Float], _ expected: String, _ holds: (Float) -> Bool) throws {
    guard let place = values.firstIndex(where: { !holds($0) }) else { return }
    throw LearningError.state(name, found: "\(values[place]) at \(place)", expected: expected)
  }

  /// Doubles, kept as their bit patterns.
  func doubles(_ name: String, count: Int) throws -> [Double] {
    guard let values = words[name], values.count == count else {
      throw LearningError.state(name, found: "\(words[name]?.count ?? 0) words", expected: "\(count)")
    }
    let doubles = values.map { Double(bitPattern: $0) }
    guard doubles.allSatisfy({ $0.isFinite }) else {
      throw LearningError.state(name, found: "a number that is not finite", expected: "finite numbers")
    }
    return doubles
  }

  // MARK: Writing

  mutating func set(_ name: String, _ buffer: FloatBuffer) { floats[name] = buffer.values }
  mutating func set(_ name: String, _ value: Int) { integers[name] = [Int64(value)] }
  mutating func set(_ name: String, _ stream: RandomStream) {
    words[name] = [stream.state.seed, stream.state.stream, stream.state.drawn]
  }

  /// An optimiser's moments and step count under one name.
  mutating func set(_ name: String, _ optimiser: Optimiser) {
    set(name + "/first", optimiser.first)
    set(name + "/second", optimiser.second)
    set(name + "/largest", optimiser.largest)
    set(name + "/steps", optimiser.steps)
  }

  func optimiser(_ name: String, like model: Optimiser) throws -> OptimiserContents {
    let contents = OptimiserContents(
      first: try floats(name + "/first", count: model.first.count),
      second: try floats(name + "/second", count: model.second.count),
      largest: try floats(name + "/largest", count: model.largest.count),
      steps: try integer(name + "/steps", in: counts))
    for (part, values) in [("/second", contents.second), ("/largest", contents.largest)] {
      // A step divides by their roots.
      try requireAll(name + part, values, "numbers of at least 0") { $0 >= 0 }
    }
    return contents
  }
}

/// Counters that a state may hold: far below where arithmetic on them would overflow.
let counts = 0...(1 << 48)

/// An optimiser's contents, read and checked but not yet taken over.
struct OptimiserContents {
  var first: [Float]
  var second: [Float]
  var largest: [Float]
  var steps: Int

  func apply(to optimiser: Optimiser) {
    optimiser.first.values = first
    optimiser.second.values = second
    optimiser.largest.values = largest
    optimiser.restore(steps: steps)
  }
}
