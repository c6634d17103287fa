import Testing

@testable import Kubernetes

@Suite("Timestamp")
struct TimestampTests {
  @Test(
    "reads RFC 3339 exactly",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("2025-01-01T00:00:00.100000000Z", 1_735_689_600_100_000_000),
      ("2025-01-01T01:00:00.1+01:00", 1_735_689_600_100_000_000),
      ("2024-12-31T19:00:00.1-05:00", 1_735_689_600_100_000_000),
      ("2024-02-29T23:59:59.999999999Z", 1_709_251_199_999_999_999), ("1969-12-31T23:59:59Z", -1_000_000_000),
      ("2026-11-23T22:13:31.1234567891Z", 1_795_472_011_123_456_789),
    ])
  func reads(_ text: String, _ nanoseconds: Int64) throws {
    #expect(Timestamp(text)?.nanoseconds == nanoseconds)
  }

  @Test(
    "refuses other texts",
    arguments: [
      "", "2026-11-23", "2026-11-23T22:13:31", "2026-13-23T22:13:31Z", "2026-11-23T25:13:31Z", "2026-11-23T22:13:31.Z",
      "2026-11-23T22:13:31Zx", "9999-11-23T22:13:31Z", "2026-11-23 22:13:31Z", "2026-11-23T22:13:31+0100",
    ])
  func refuses(_ text: String) {
    #expect(Timestamp(text) == nil)
  }

  @Test("writes what the API takes")
  func writes() throws {
    let time = try #require(Timestamp("2026-11-23T22:11:11.93009Z"))
    #expect(time.text == "2026-11-23T22:11:11Z")
    #expect(time.microText == "2026-11-23T22:11:11.930090Z")
    #expect(time.nanoText == "2026-11-23T22:11:11.930090000Z")
    #expect(Timestamp(time.nanoText) == time)
    #expect(Timestamp(nanoseconds: -1).nanoText == "1969-12-31T23:59:59.999999999Z")
  }

  @Test("differences are exact and never trap")
  func differences() throws {
    let a = try #require(Timestamp("2025-01-01T00:00:02.010000001Z"))
    let b = try #require(Timestamp("2025-01-01T00:00:02.960000002Z"))
    #expect(b.seconds(since: a) == 0.950000001)
    #expect(Timestamp(nanoseconds: .max).seconds(since: Timestamp(nanoseconds: .min)) > 1e10)
    #expect(Timestamp(seconds: .infinity).nanoseconds == .max)
    #expect(Timestamp(seconds: .nan).nanoseconds == 0)
  }
}
