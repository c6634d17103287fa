/// Response times that ended within the current second, and their upper percentiles.
///
/// Percentiles interpolate linearly between order statistics at rank q·(n − 1), as the ground truth does. Only the upper
/// tail is ever ordered, so a second of n requests costs n comparisons and little more.
struct ResponseWindow {
  /// Response times, seconds, in the order in which the requests ended.
  private(set) var responses: UnsafeMutablePointer<Double>
  /// When each was sent, seconds since the episode began.
  private(set) var sent: UnsafeMutablePointer<Double>
  /// The largest responses, descending; scratch of `upperTail`.
  private var tail: UnsafeMutablePointer<Double>
  private var capacity: Int
  private(set) var count = 0
  private(set) var sum = 0.0

  init(capacity: Int = 64) {
    self.capacity = capacity
    responses = .allocate(capacity: capacity)
    sent = .allocate(capacity: capacity)
    tail = .allocate(capacity: Self.tailCapacity(capacity))
  }

  func deallocate() {
    responses.deallocate()
    sent.deallocate()
    tail.deallocate()
  }

  @inline(__always)
  mutating func append(_ response: Double, sentAt time: Double) {
    if count == capacity { grow() }
    responses[count] = response
    sent[count] = time
    sum += response
    count &+= 1
  }

  @inline(__always)
  mutating func removeAll() {
    count = 0
    sum = 0
  }

  /// The 95th and 99th percentile; zeros for an empty window.
  func upperTail() -> (p95: Double, p99: Double) {
    if count == 0 { return (0, 0) }
    let rank95 = 0.95 * Double(count - 1)
    let wanted = count - Int(rank95)
    if wanted <= 4 { return fewLargest(rank95) }
    // The `wanted` largest by insertion: a newcomer below the smallest kept one costs one comparison.
    var kept = 0
    for index in 0..<count {
      let value = responses[index]
      if kept == wanted {
        if value <= tail[kept - 1] { continue }
      } else {
        kept += 1
      }
      var place = kept - 1
      while place > 0 && tail[place - 1] < value {
        tail[place] = tail[place - 1]
        place -= 1
      }
      tail[place] = value
    }
    return percentiles(rank95)
  }

  /// As above for a tail of up to four, which needs no branches.
  @inline(__always)
  private func fewLargest(_ rank95: Double) -> (p95: Double, p99: Double) {
    var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
    for index in 0..<count {
      let value = responses[index]
      let second = value < a ? value : a
      a = value < a ? a : value
      let third = second < b ? second : b
      b = second < b ? b : second
      let fourth = third < c ? third : c
      c = third < c ? c : third
      d = fourth < d ? d : fourth
    }
    (tail[0], tail[1], tail[2], tail[3]) = (a, b, c, d)
    return percentiles(rank95)
  }

  @inline(__always)
  private func percentiles(_ rank95: Double) -> (p95: Double, p99: Double) {
    func percentile(_ rank: Double) -> Double {
      let below = Int(rank)
      let lower = tail[count - 1 - below]
      let upper = tail[max(count - 2 - below, 0)]
      return lower + (rank - Double(below)) * (upper - lower)
    }
    return (percentile(rank95), percentile(0.99 * Double(count - 1)))
  }

  private static func tailCapacity(_ capacity: Int) -> Int { max(capacity / 20 + 3, 4) }

  @inline(never)
  private mutating func grow() {
    let larger = ResponseWindow(capacity: 2 * capacity)
    larger.responses.update(from: responses, count: count)
    larger.sent.update(from: sent, count: count)
    deallocate()
    responses = larger.responses
    sent = larger.sent
    tail = larger.tail
    capacity = larger.capacity
  }
}
