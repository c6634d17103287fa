/// What a policy's output means. The environment turns it into a limit.
public enum ActionKind: Sendable, Equatable, Hashable, Codable {
  /// One of so many actions; the action is its index.
  case discrete(Int)
  /// A change of the limit in units of the scale, meant to be in −1…1.
  case delta
  /// The limit itself as a share of the largest, meant to be in 0…1.
  case instant

  /// Numbers that a policy network puts out.
  public var outputs: Int {
    if case .discrete(let count) = self { count } else { 1 }
  }

  public var isDiscrete: Bool {
    if case .discrete = self { true } else { false }
  }
}
