extension ServiceGraph {
  /// Graphs with a name, for any number of pods from 2 on.
  public static let names = ["chain", "fan-out", "shared-backend"]

  /// Reads a graph from a name of `names`, or from routes written as `0>1>2+3`: a request enters at pod 0, then visits pod 1,
  /// then pods 2 and 3 in parallel. Several routes are separated by spaces, line breaks or semicolons.
  ///
  ///     chain             0>1>2…             one after the other
  ///     fan-out           0>1+2+…            the first asks all others at once
  ///     shared-backend    0>n 1>n …          all but the last ask the last
  ///
  /// - Throws: `SimulationError` for what is neither, and for pods that there are not.
  public init(_ text: String, pods: Int) throws {
    switch text {
    case "chain", "fan-out", "shared-backend":
      guard pods >= 2 else { throw SimulationError("service graph '\(text)' needs at least 2 pods, there is \(pods)") }
      switch text {
      case "chain": self.init([Route(entry: 0, stages: (1..<pods).map { [$0] })])
      case "fan-out": self.init([Route(entry: 0, stages: [Array(1..<pods)])])
      default: self.init((0..<pods - 1).map { Route(entry: $0, stages: [[pods - 1]]) })
      }
    default:
      self.init(
        try text.split(whereSeparator: { $0.isWhitespace || $0 == ";" }).map { try Self.route(String($0), in: text) })
      guard !routes.isEmpty else { throw Self.unreadable(text, "nothing") }
    }
    try validate(pods: pods)
  }

  private static func route(_ text: String, in whole: String) throws -> Route {
    let stages = try text.split(separator: ">", omittingEmptySubsequences: false).map { stage in
      try stage.split(separator: "+", omittingEmptySubsequences: false).map { pod in
        guard let number = Int(pod), number >= 0 else { throw unreadable(whole, String(text)) }
        return number
      }
    }
    guard let entry = stages.first, entry.count == 1 else { throw unreadable(whole, text) }
    return Route(entry: entry[0], stages: Array(stages.dropFirst()))
  }

  private static func unreadable(_ whole: String, _ part: String) -> SimulationError {
    SimulationError(
      "service graph '\(whole)' has '\(part)', expected routes such as 0>1>2+3, or one of: "
        + names.joined(separator: " "))
  }

  /// As `init(_:pods:)` reads it.
  public var text: String {
    routes.map { route in
      ([[route.entry]] + route.stages).map { $0.map(String.init).joined(separator: "+") }.joined(separator: ">")
    }.joined(separator: " ")
  }
}
