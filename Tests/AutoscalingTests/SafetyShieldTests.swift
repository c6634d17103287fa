import Testing

@testable import Autoscaling

@Suite("Safety shield")
struct SafetyShieldTests {
  private func status(
    allocation: Int = 300, bounds: ClosedRange<Int> = 0...10_000, age: Double = 0, unsettled: Bool = false,
    held: Int = 300
  ) -> SafetyShield.PodStatus {
    .init(
      allocation: allocation, original: 500, bounds: bounds, sampleAge: age, isUnsettled: unsettled, held: held)
  }

  @Test("a wish inside the bounds passes untouched")
  func passes() {
    let envelope = SafetyShield().envelope(wish: 420, pod: status())
    #expect(envelope == .init(floor: 50, request: 420, reasons: []))
  }

  @Test("wishes are clamped to the narrower of the shield's and the pod's bounds")
  func bounds() {
    let shield = SafetyShield(minimum: 50, maximum: 1000)
    #expect(shield.envelope(wish: 5, pod: status()) == .init(floor: 50, request: 50, reasons: .minimum))
    #expect(shield.envelope(wish: 5000, pod: status()) == .init(floor: 50, request: 1000, reasons: .maximum))
    #expect(
      shield.envelope(wish: 5000, pod: status(bounds: 95...405)) == .init(floor: 100, request: 400, reasons: .maximum))
  }

  @Test("a resize moves no further than the step allows")
  func step() {
    let shield = SafetyShield(stepMaximum: 30)
    #expect(shield.envelope(wish: 900, pod: status()) == .init(floor: 270, request: 330, reasons: .step))
    #expect(shield.envelope(wish: 0, pod: status()) == .init(floor: 270, request: 270, reasons: [.minimum, .step]))
  }

  @Test("a wish within the deadband changes nothing")
  func deadband() {
    let shield = SafetyShield(deadband: 20)
    #expect(shield.envelope(wish: 319, pod: status()) == .init(floor: 50, request: 300, reasons: .deadband))
    #expect(shield.envelope(wish: 320, pod: status()) == .init(floor: 50, request: 320, reasons: []))
  }

  @Test("no usable wish holds the pod")
  func notFinite() {
    #expect(SafetyShield().envelope(wish: nil, pod: status()) == .init(floor: 50, request: 300, reasons: .notFinite))
  }

  @Test("a stale sample holds the pod, and in the end leads it back to where it came from")
  func stale() {
    let shield = SafetyShield(sampleAgeMaximum: 5, restoreAfter: 60)
    #expect(shield.envelope(wish: 100, pod: status(age: 5)).request == 100)
    #expect(shield.envelope(wish: 100, pod: status(age: 6)) == .init(floor: 300, request: 300, reasons: .stale))
    #expect(shield.envelope(wish: 100, pod: status(age: .nan)).reasons == .stale)
    #expect(
      shield.envelope(wish: 100, pod: status(age: 61)) == .init(floor: 50, request: 500, reasons: [.stale, .restore]))
  }

  @Test("an unsettled resize holds the larger of both limits")
  func unsettled() {
    let envelope = SafetyShield().envelope(wish: 100, pod: status(unsettled: true, held: 450))
    #expect(envelope == .init(floor: 450, request: 450, reasons: .unsettled))
  }

  @Test("limits are whole granules, never above the allocation", arguments: [(50, 50), (59, 50), (125, 120), (3, 10)])
  func granularity(allocation: Int, limit: Int) {
    #expect(SafetyShield(granularity: 10).limit(for: allocation) == limit)
  }

  @Test("absurd wishes do not trap", arguments: [Int.min, Int.max, 0])
  func absurd(wish: Int) {
    let envelope = SafetyShield(stepMaximum: 50, deadband: 10).envelope(wish: wish, pod: status())
    #expect((250...350).contains(envelope.request))
  }

  @Test("reasons have names")
  func names() {
    #expect(ShieldReasons([.pool, .minimum]).names == ["minimum", "pool"])
  }
}
