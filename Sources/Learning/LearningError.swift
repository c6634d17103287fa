/// Why an agent could not be made, restored or trained.
public enum LearningError: Error, CustomStringConvertible, Sendable, Equatable {
  case unknownAlgorithm(String, known: [String])
  /// A setting outside its range.
  case setting(String, found: String, expected: String)
  /// A loss or a parameter stopped being a finite number.
  case nonFinite(agent: Int, step: Int, quantity: String)
  /// A network that the algorithm needs is not among those given.
  case missingNetwork(String, found: [String])
  case network(String, reason: String)
  /// A saved training state that does not belong to this agent.
  case state(String, found: String, expected: String)
  case threads

  public var description: String {
    switch self {
    case .unknownAlgorithm(let name, let known):
      "unknown algorithm '\(name)'; the algorithms are \(known.joined(separator: " "))"
    case .setting(let name, let found, let expected): "setting \(name) is \(found), expected \(expected)"
    case .nonFinite(let agent, let step, let quantity):
      "agent \(agent): \(quantity) is not a finite number after \(step) updates; lower the learning rate or check the rewards"
    case .missingNetwork(let name, let found):
      "network '\(name)' is missing; found \(found.isEmpty ? "none" : found.joined(separator: ", "))"
    case .network(let name, let reason): "network '\(name)': \(reason)"
    case .state(let name, let found, let expected): "training state '\(name)' has \(found), expected \(expected)"
    case .threads: "the system refused a second thread; use one"
    }
  }
}
