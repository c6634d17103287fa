/// Anything that can ask for limits: trained agents, heuristics, an oracle.
///
/// A policy asks; it never decides. Pool and shield stand between every policy and a pod, in `PodGroup.decide`.
public protocol ScalingPolicy {
  /// Forgets what it remembers of the pods: a new episode begins.
  mutating func reset()

  /// Writes the limit it wants for every pod of `group`, millicores; nil where it has no usable answer, which leaves the pod
  /// as it is. `wishes` has `group.count` elements, all nil on entry.
  mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>)
}

/// A batch of networks: observations in, actions out.
public protocol ActionSource {
  /// - Parameters:
  ///   - observations: `[rows, size]`.
  ///   - actions: `[rows]`, overwritten: an index for a discrete space, the raw output for a continuous one.
  mutating func act(_ observations: UnsafePointer<Float>, rows: Int, actions: UnsafeMutablePointer<Float>)
}

/// Trained agents as a policy: the group's observations through the networks, their actions through the action space.
public struct AgentPolicy<Source: ActionSource>: ScalingPolicy {
  public private(set) var source: Source
  /// What the networks answered last, one per pod.
  public private(set) var actions: [Float] = []

  public init(_ source: Source) {
    self.source = source
  }

  public mutating func reset() {}

  public mutating func ask(_ group: PodGroup, wishes: UnsafeMutableBufferPointer<Millicores?>) {
    if actions.count != group.count { actions = Array(repeating: 0, count: group.count) }
    actions.withUnsafeMutableBufferPointer { actions in
      guard let start = actions.baseAddress else { return }
      source.act(group.observations.row(group.firstRow), rows: group.count, actions: start)
      group.wishes(for: start, stride: 1, into: wishes)
    }
  }
}
