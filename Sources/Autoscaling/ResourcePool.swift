/// Shares a CPU budget among pods. Whatever is asked, the grants never add up to more than the pool, unless the floors
/// alone already do. Pure: no clock, no I/O. Units: millicores.
///
/// Where the requests fit, each is granted. Where they do not, CPU is shared out by weighted max–min fairness: grant
/// *i* = clamp(λ · pᵢ, floorᵢ, requestᵢ) with the largest λ that fits. No pod can gain except from one that has more per
/// unit of priority.
///
/// - Source: Bertsekas, Gallager: "Data Networks", §6.5.2 (max–min fair flow control), weighted by priority.
public struct ResourcePool: Sendable, Equatable {
  /// The pool's size.
  public var capacity: Millicores

  public init(capacity: Millicores) {
    self.capacity = capacity
  }

  /// One pod's wish.
  public struct Request: Sendable, Equatable {
    /// What is asked.
    public var limit: Millicores
    /// What the pod keeps in any case: its minimum, or what it holds while it may not be changed.
    public var floor: Millicores
    /// Weight, above 0.
    public var priority: Double

    public init(limit: Millicores, floor: Millicores, priority: Double) {
      self.limit = limit
      self.floor = floor
      self.priority = priority
    }
  }

  /// Grants in place: afterwards `grants[i]` ≤ `requests[i].limit`, ≥ its floor (where the request is), and their sum is at
  /// most `max(capacity, Σ floors)`. Deterministic; allocates nothing; O(n · 64) when the pool is short.
  public func grant(_ requests: UnsafeBufferPointer<Request>, into grants: UnsafeMutableBufferPointer<Millicores>) {
    precondition(requests.count == grants.count, "\(grants.count) grants for \(requests.count) requests")
    var asked = 0
    for pod in 0..<requests.count {
      grants[pod] = max(requests[pod].limit, requests[pod].floor)
      asked += grants[pod]
    }
    guard asked > capacity else { return }

    // The level λ by bisection: the granted sum is monotone in λ. The upper end grants every request.
    var low = 0.0
    var high = 0.0
    for request in requests {
      high = max(high, Double(max(request.limit, request.floor)) / Self.weight(request.priority))
    }
    for _ in 0..<64 {
      let level = low + (high - low) / 2
      if level == low || level == high { break }
      if fill(requests, level: level, into: nil) <= capacity { low = level } else { high = level }
    }
    var granted = fill(requests, level: low, into: grants)

    // Whole millicores round down; hand the few that are left to those who still want them, in order.
    while granted < capacity {
      var given = false
      for pod in 0..<requests.count where granted < capacity && grants[pod] < requests[pod].limit {
        // Only pods at the level may grow: one above it sits on its floor and already has more than its share.
        let share = low * Self.weight(requests[pod].priority)
        if Double(grants[pod]) <= share {
          grants[pod] += 1
          granted += 1
          given = true
        }
      }
      if !given { break }
    }
  }

  /// The grants at level λ; returns their sum.
  @discardableResult
  private func fill(
    _ requests: UnsafeBufferPointer<Request>, level: Double, into grants: UnsafeMutableBufferPointer<Millicores>?
  ) -> Millicores {
    var sum = 0
    for pod in 0..<requests.count {
      let request = requests[pod]
      let top = max(request.limit, request.floor)
      let share = level * Self.weight(request.priority)
      let grant = share >= Double(top) ? top : max(Int(share), request.floor)
      grants?[pod] = grant
      sum += grant
    }
    return sum
  }

  /// A priority that is not a positive number weighs almost nothing instead of breaking the arithmetic.
  private static func weight(_ priority: Double) -> Double {
    priority.isFinite && priority > 1e-6 ? priority : 1e-6
  }
}
