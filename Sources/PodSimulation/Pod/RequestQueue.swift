/// A request waiting for a worker.
struct WaitingRequest {
  /// When the client sent it, seconds since the episode began.
  var sent: Double
  /// Its CPU demand including the overhead, core-seconds.
  var work: Double
}

/// First in, first out, in a ring whose capacity is a power of two and grows only when the queue does.
struct RequestQueue {
  private var slots: UnsafeMutablePointer<WaitingRequest>
  private var mask: Int
  private var head = 0
  private(set) var count = 0

  init(capacity: Int = 32) {
    var size = 32
    while size < capacity { size *= 2 }
    slots = .allocate(capacity: size)
    mask = size - 1
  }

  func deallocate() { slots.deallocate() }

  @inline(__always)
  mutating func append(_ request: WaitingRequest) {
    if count > mask { grow() }
    slots[(head &+ count) & mask] = request
    count &+= 1
  }

  /// - Precondition: the queue is not empty (the caller has just looked).
  @inline(__always)
  mutating func removeFirst() -> WaitingRequest {
    let request = slots[head & mask]
    head = (head &+ 1) & mask
    count &-= 1
    return request
  }

  /// The request `place` places behind the head.
  @inline(__always)
  subscript(place: Int) -> WaitingRequest { slots[(head &+ place) & mask] }

  mutating func removeAll() {
    head = 0
    count = 0
  }

  @inline(never)
  private mutating func grow() {
    let larger = UnsafeMutablePointer<WaitingRequest>.allocate(capacity: 2 * (mask + 1))
    for place in 0..<count { larger[place] = self[place] }
    slots.deallocate()
    slots = larger
    mask = 2 * (mask + 1) - 1
    head = 0
  }
}
