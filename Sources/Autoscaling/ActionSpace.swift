import Glibc

/// What a network's output means: which limit an action asks for.
///
/// An action asks; the pool grants; the shield has the last word. Asking is the same function for every agent of a family
/// and knows nothing of the others' wishes, except in `upstreamStep`, where the published system looks at what is
/// available at once.
public struct ActionSpace: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// 0 lowers by `increment`, 1 keeps, 2 raises by `increment`.
    case increments
    /// An index into evenly spaced factors −1…1 of the budget; 0 keeps, a factor below 0 asks for the minimum.
    case factors(count: Int)
    /// a ∈ [−1, 1]: change the limit by a · `scale`.
    case delta
    /// a ∈ [0, 1]: the limit is a · budget.
    case instant
  }

  /// What an action is measured against.
  public enum Basis: String, Sendable, Equatable, Codable, CaseIterable {
    /// The present limit and the budget, as published.
    case limit
    /// The pod's recent usage: an action says how much headroom it gets (see `headroom`).
    case usage
  }

  public var kind: Kind
  /// Millicores per discrete step.
  public var increment: Millicores
  /// Millicores per unit of a continuous action.
  public var scale: Millicores
  public var basis = Basis.limit
  /// Where actions mean headroom: a wish closer to the present allocation than this share of it keeps the allocation, so that
  /// load that only fluctuates does not move limits.
  public var headroomBand = 0.1

  public init(kind: Kind, increment: Millicores = 25, scale: Millicores = 50, basis: Basis = .limit) {
    self.kind = kind
    self.increment = increment
    self.scale = scale
    self.basis = basis
  }

  /// The space in which discrete actions count `count` choices: 3 increments, or 5 or 11 factors.
  public static func discrete(_ count: Int, increment: Millicores = 25) -> ActionSpace {
    ActionSpace(kind: count == 3 ? .increments : .factors(count: count), increment: increment)
  }

  /// The number of choices of a discrete space; nil for a continuous one.
  public var choices: Int? {
    switch kind {
    case .increments: 3
    case .factors(let count): count
    case .delta, .instant: nil
    }
  }

  /// The limit that `action` asks for, before pool and shield. An action that is not finite asks for what the pod has.
  ///
  /// - Parameters:
  ///   - allocated: the pod's present allocation, millicores.
  ///   - budget: what a factor or an instant action of 1 means, millicores.
  public func request(_ action: Float, allocated: Millicores, budget: Millicores) -> Millicores {
    guard action.isFinite else { return allocated }
    switch kind {
    case .increments:
      return allocated + (action < 0.5 ? -increment : action < 1.5 ? 0 : increment)
    case .factors(let count):
      let factor = Self.factor(action, count: count)
      return factor == 0 ? allocated : Int((factor * Double(budget)).rounded())
    case .delta:
      return allocated + Int((Double(min(max(action, -1), 1)) * Double(scale)).rounded())
    case .instant:
      return Int((Double(min(max(action, 0), 1)) * Double(budget)).rounded())
    }
  }

  // MARK: Headroom

  /// The limits that actions of −1 and of 1 ask for, as multiples of the pod's level.
  public static let headroomRange = 0.75...12.0

  /// The limit that `action` asks for where actions mean headroom, before pool and shield:
  ///
  ///     limit = level · low · (high ÷ low)^((a + 1) ÷ 2),   a ∈ [−1, 1], low…high = `headroomRange`
  ///
  /// and the present allocation where that is within `headroomBand` of it. A discrete action is one of evenly spaced a; an
  /// instant one in 0…1 stands for 2a − 1. A multiple of usage is right for a pod of any size, and it follows the load by
  /// itself: what is left to learn is how much headroom a load of this shape needs now.
  ///
  /// - Parameter level: millicores, above 0.
  public func headroom(_ action: Float, allocated: Millicores, level: Double) -> Millicores {
    guard action.isFinite, level.isFinite else { return allocated }
    let place: Double =
      switch kind {
      case .increments: Double(min(max(action.rounded(), 0), 2)) - 1
      case .factors(let count): Self.factor(action, count: count)
      case .delta: Double(min(max(action, -1), 1))
      case .instant: 2 * Double(min(max(action, 0), 1)) - 1
      }
    let (low, high) = (Self.headroomRange.lowerBound, Self.headroomRange.upperBound)
    let wish = level * low * pow(high / low, (place + 1) / 2)
    if abs(wish - Double(allocated)) <= headroomBand * Double(allocated) { return allocated }
    return Int(min(wish, 1e12).rounded())
  }

  /// Factor number `action` of `count` evenly spaced ones from −1 to 1.
  static func factor(_ action: Float, count: Int) -> Double {
    let index = Int(min(max(action, 0), Float(count - 1)).rounded())
    // Twice the index less (count − 1) is exact, so that −0.8, 0.6, … are the nearest doubles of their decimals.
    return Double(2 * index - (count - 1)) / Double(count - 1)
  }
}

/// The published system's clamping, quirks included, for `--compatibility upstream`.
extension ActionSpace {
  public struct UpstreamStep: Sendable, Equatable {
    public var limit: Millicores
    /// What the published change counter adds, millicores.
    public var countedChange: Double
    /// Whether a patch was sent.
    public var patched: Bool
  }

  /// One environment step exactly as published: there is no clamp at the maximum; with a negative `available` a raise
  /// lowers the limit; a factor above what is available may end below the minimum; a continuous raise that does not fit is
  /// dropped whole; the instant counter measures against the limit already changed.
  ///
  /// - Source: golden `tables.json` → `clamping`.
  public func upstreamStep(
    _ action: Float, allocated: Millicores, available: Millicores, minimum: Millicores, maximum: Millicores
  ) -> UpstreamStep {
    guard action.isFinite else { return UpstreamStep(limit: allocated, countedChange: 0, patched: false) }
    func moved(to limit: Millicores, counting change: Double) -> UpstreamStep {
      limit == allocated
        ? UpstreamStep(limit: allocated, countedChange: 0, patched: false)
        : UpstreamStep(limit: limit, countedChange: change, patched: true)
    }
    let room = max(available, 0)
    switch kind {
    case .increments:
      if action < 0.5 { return moved(to: max(allocated - increment, minimum), counting: Double(increment)) }
      if action < 1.5 { return moved(to: allocated, counting: 0) }
      return moved(
        to: max(min(allocated + increment, allocated + available), minimum), counting: Double(increment))
    case .factors(let count):
      let factor = Self.factor(action, count: count)
      if factor == 0 { return moved(to: allocated, counting: 0) }
      var target = Int(max(factor * Double(maximum), Double(minimum)))
      if target - allocated > room { target = allocated + available }
      return moved(to: target, counting: Double(abs(target - allocated)))
    case .delta:
      let change = min(max(action, -1), 1) * Float(scale)
      guard change <= Float(room) else { return moved(to: allocated, counting: 0) }
      return moved(to: Int(max(Float(allocated) + change, Float(minimum))), counting: Double(abs(change)))
    case .instant:
      let target = min(max(action, 0), 1) * Float(maximum)
      let limit =
        target - Float(allocated) <= Float(room)
        ? Int(max(target, Float(minimum))) : max(allocated + available, minimum)
      return moved(to: limit, counting: Double(abs(target - Float(limit))))
    }
  }
}
