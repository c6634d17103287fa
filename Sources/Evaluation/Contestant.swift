import Autoscaling

/// A policy that takes part in a comparison, with all its parameters set.
public struct Contestant: Sendable {
  /// As shown: `captain:target=0.1`.
  public let name: String
  /// What the settings of one policy have in common: `captain`. Settings of one family make up one front.
  public var family: String
  /// What it is, for recognising a finished episode: name and parameters of a baseline, digest of a file.
  public var identity: String
  /// Whether it is something learnt, to be judged against the others.
  public var isTrained = false
  /// Whether its samples must tell the CPU of each CFS period.
  public var needsPeriods = false
  /// The numbers in which it differs from its family's other settings; none where nothing is tuned.
  public var knobs: [Knob] = []
  /// What it sees and what its actions mean; only agents look at these.
  public let observation: ObservationSpec
  public let action: ActionSpace
  public let compatibility: DecisionSettings.Compatibility
  /// A fresh copy, with nothing remembered. What it is given is for the oracle alone.
  public let make: @Sendable (EpisodeKnowledge) throws -> any ScalingPolicy

  /// One number that can be tuned.
  public struct Knob: Sendable {
    /// What is turned, and everything that stays as it is: settings with the same line lie on it by their values.
    public let line: String
    public let value: Double
    /// The same policy with another value.
    public let turned: @Sendable (Double) throws -> Contestant

    public init(line: String, _ value: Double, turned: @escaping @Sendable (Double) throws -> Contestant) {
      self.line = line
      self.value = value
      self.turned = turned
    }
  }

  public init(
    name: String, family: String? = nil, identity: String? = nil, observation: ObservationSpec, action: ActionSpace,
    compatibility: DecisionSettings.Compatibility = .none,
    make: @escaping @Sendable (EpisodeKnowledge) throws -> any ScalingPolicy
  ) {
    self.name = name
    self.family = family ?? name
    self.identity = identity ?? name
    self.observation = observation
    self.action = action
    self.compatibility = compatibility
    self.make = make
  }

  /// A setting of a baseline that can be tuned along `axes`, places of its parameters.
  public init(_ baseline: Baseline, values: [Double], axes: [Int]) {
    self.init(baseline, values: values, name: baseline.text(values))
    knobs = axes.map { axis in
      var line = values.map { "\($0)" }
      line[axis] = "*"
      return Knob(line: line.joined(separator: " "), values[axis]) { value in
        var turned = values
        turned[axis] = value
        return Contestant(baseline, values: turned, axes: axes)
      }
    }
  }

  /// A baseline, with its default parameters or others.
  public init(_ baseline: Baseline, values: [Double]? = nil, name: String? = nil) {
    let values = values ?? baseline.defaults
    self.init(
      name: name ?? baseline.name, family: baseline.name, identity: baseline.text(values, omitsDefaults: false),
      observation: .independent, action: ActionSpace(kind: .increments)
    ) { try baseline.make(values, $0) }
    needsPeriods = baseline.needsPeriods
  }
}
