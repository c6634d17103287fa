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
  /// The one number in which it differs from its family's other settings; nil where there is none such.
  public var knob: Knob?
  /// What it sees and what its actions mean; only agents look at these.
  public let observation: ObservationSpec
  public let action: ActionSpace
  public let compatibility: DecisionSettings.Compatibility
  /// A fresh copy, with nothing remembered. What it is given is for the oracle alone.
  public let make: @Sendable (EpisodeKnowledge) throws -> any ScalingPolicy

  /// One number that can be tuned.
  public struct Knob: Sendable {
    public let value: Double
    /// The same policy with another value.
    public let turned: @Sendable (Double) throws -> Contestant

    public init(_ value: Double, turned: @escaping @Sendable (Double) throws -> Contestant) {
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
