/// The visits inside one pod, in the order in which they came, and which request each belongs to.
///
/// A visit is known by when it came, which no two visits to a pod share. As pods serve first come, first served, the
/// ones in service are the first in the ring, at most as many as there are workers: finding one is a short walk.
struct OpenVisits {
  private struct Visit {
    var sent: Double
    var request: Int
  }

  private var slots: UnsafeMutablePointer<Visit>
  private var mask = 31
  private var head = 0
  private(set) var count = 0
  private var newest = -1.0

  init() { slots = .allocate(capacity: 32) }

  func deallocate() { slots.deallocate() }

  mutating func removeAll() {
    head = 0
    count = 0
    newest = -1
  }

  /// Notes a visit that comes at `time`, and returns the time that it is known by: the next representable one where another
  /// came at the same instant.
  mutating func append(_ request: Int, at time: Double) -> Double {
    if count > mask { grow() }
    newest = max(time, newest.nextUp)
    slots[(head &+ count) & mask] = Visit(sent: newest, request: request)
    count &+= 1
    return newest
  }

  /// Removes the visit that came at `sent`, and returns its request.
  mutating func remove(sentAt sent: Double) -> Int {
    var place = 0
    while place < count, slots[(head &+ place) & mask].sent != sent { place &+= 1 }
    precondition(place < count, "a visit ended that never began, sent at \(sent)")
    let request = slots[(head &+ place) & mask].request
    while place > 0 {
      slots[(head &+ place) & mask] = slots[(head &+ place &- 1) & mask]
      place &-= 1
    }
    head = (head &+ 1) & mask
    count &-= 1
    return request
  }

  /// Removes the oldest visit, and returns its request; nil when there is none.
  mutating func removeFirst() -> Int? {
    guard count > 0 else { return nil }
    let request = slots[head & mask].request
    head = (head &+ 1) & mask
    count &-= 1
    return request
  }

  @inline(never)
  private mutating func grow() {
    let larger = UnsafeMutablePointer<Visit>.allocate(capacity: 2 * (mask + 1))
    for place in 0..<count { larger[place] = slots[(head &+ place) & mask] }
    slots.deallocate()
    slots = larger
    mask = 2 * (mask + 1) - 1
    head = 0
  }
}
