import RandomStreams
import Testing

@testable import Autoscaling

@Suite("Resource pool")
struct ResourcePoolTests {
  private func grant(_ capacity: Int, _ requests: [ResourcePool.Request]) -> [Int] {
    var grants = Array(repeating: -1, count: requests.count)
    requests.withUnsafeBufferPointer { requests in
      grants.withUnsafeMutableBufferPointer { ResourcePool(capacity: capacity).grant(requests, into: $0) }
    }
    return grants
  }

  private func request(_ limit: Int, floor: Int = 50, priority: Double = 1) -> ResourcePool.Request {
    ResourcePool.Request(limit: limit, floor: floor, priority: priority)
  }

  @Test("requests that fit are granted as they are")
  func fits() {
    #expect(grant(1000, [request(200), request(300), request(500)]) == [200, 300, 500])
  }

  @Test("modest requests are granted and the rest is shared by those who want more")
  func maxMin() {
    #expect(grant(1000, [request(100), request(800), request(700)]) == [100, 450, 450])
  }

  @Test("scarce CPU is shared by priority")
  func priorities() {
    #expect(grant(1100, [request(2000, priority: 1), request(2000, priority: 0.1)]) == [1000, 100])
  }

  @Test("a pod keeps its floor even when its share is smaller")
  func floors() {
    #expect(grant(600, [request(900, floor: 50, priority: 1), request(900, floor: 300, priority: 0.1)]) == [300, 300])
  }

  @Test("priorities that are no weights do not break the arithmetic", arguments: [0, -1, Double.nan, .infinity])
  func oddPriority(priority: Double) {
    let grants = grant(500, [request(400, priority: priority), request(400, priority: 1)])
    #expect(grants.reduce(0, +) <= 500)
    #expect(grants.allSatisfy { $0 >= 50 })
  }

  @Test("the pool is never exceeded and nobody gets more than asked or less than its floor", arguments: 0..<200)
  func invariants(seed: UInt64) {
    var random = RandomStream(seed: seed, purpose: "pool")
    let count = 1 + random.below(12)
    let requests = (0..<count).map { _ in
      request(random.below(1500), floor: random.below(120), priority: Double(1 + random.below(10)) / 10)
    }
    let floors = requests.reduce(0) { $0 + $1.floor }
    let capacity = floors + random.below(2000)
    let grants = grant(capacity, requests)
    #expect(grants.reduce(0, +) <= capacity)
    for (granted, request) in zip(grants, requests) {
      #expect(granted <= max(request.limit, request.floor))
      #expect(granted >= request.floor)
    }
    // Work-conserving: either everybody is satisfied, or nothing is left.
    let asked = requests.reduce(0) { $0 + max($1.limit, $1.floor) }
    #expect(grants.reduce(0, +) == min(asked, capacity))
    // Weighted max–min: no pod has less per priority than one that sits above its floor, unless it has all it asked.
    for (i, a) in requests.enumerated() where grants[i] < a.limit {
      for (j, b) in requests.enumerated() where grants[j] > b.floor {
        #expect(Double(grants[i]) / a.priority >= Double(grants[j]) / b.priority - 1 / a.priority - 1 / b.priority)
      }
    }
  }
}
