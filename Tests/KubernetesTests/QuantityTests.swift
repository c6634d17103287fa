import Foundation
import Testing

@testable import Kubernetes

@Suite("Quantity")
struct QuantityTests {
  @Test(
    "reads CPU in every spelling of the API",
    arguments: [
      ("250m", 250), ("0.25", 250), (".25", 250), ("1", 1000), ("1.", 1000), ("2.5e-1", 250), ("2.5E-1", 250),
      ("250e-3", 250), ("1500000u", 1500), ("250500u", 251), ("250.5m", 251), ("0.2505", 251), ("1n", 1), ("0", 0),
      ("1k", 1_000_000), ("+3", 3000), ("0.0001", 1), ("-250m", -250), ("-1u", 0),
    ])
  func readsCPU(_ text: String, _ millicores: Int) throws {
    #expect(try Quantity(text).millicores == millicores)
  }

  @Test(
    "reads memory in every spelling of the API",
    arguments: [
      ("128Mi", 134_217_728), ("1Ki", 1024), ("1.5Gi", 1_610_612_736), ("129e6", 129_000_000), ("129M", 129_000_000),
      ("1E", 1_000_000_000_000_000_000), ("1E3", 1000), ("24684096Ki", 25_276_514_304), ("0.5", 1), ("100m", 1),
      ("264212084Ki", 270_553_174_016), ("7Ei", 8_070_450_532_247_928_832),
    ])
  func readsMemory(_ text: String, _ bytes: Int) throws {
    #expect(try Quantity(text).units == bytes)
  }

  @Test(
    "refuses what is no quantity",
    arguments: [
      "", " 250m", "250m ", "250 m", "abc", "m", "--1", "1..2", "1.2.3", "1KiB", "1mm", "1e", "1e+", "1e1.5", "0x10",
      "1_000", "∞", "NaN", "१", String(repeating: "1", count: 300),
    ])
  func refuses(_ text: String) {
    #expect(throws: QuantityError(text: text)) { try Quantity(text) }
  }

  @Test(
    "caps what does not fit instead of trapping",
    arguments: ["8Ei", "9223372036854775808", "1e300", "1e99999999999999999999", "99999999999999999999999999Ei"])
  func caps(_ text: String) throws {
    #expect(try Quantity(text).units == Int.max)
    #expect(try Quantity(text).millicores == Int.max)
    #expect(try Quantity("-" + text).units == -Int.max)
  }

  @Test("very small values round up to a billionth", arguments: ["1e-300", "0.0000000000000000001", "1e-10"])
  func roundsUp(_ text: String) throws {
    #expect(try Quantity(text) == Quantity("1n"))
  }

  @Test(
    "prints the canonical form",
    arguments: [
      ("0.25", "250m"), ("1000m", "1"), ("1500m", "1500m"), ("250500u", "250500u"), ("134217728Ki", "128Gi"),
      ("1536Mi", "1536Mi"), ("1023Ki", "1023Ki"), ("0.5Ki", "512"), ("2.5e-1", "250e-3"), ("1000000", "1M"),
      ("1e3", "1e3"), ("0m", "0"), ("-0.5", "-500m"), ("129e6", "129e6"),
    ])
  func prints(_ text: String, _ canonical: String) throws {
    #expect(try Quantity(text).description == canonical)
  }

  @Test("a printed quantity reads back as the same value", arguments: 0..<200)
  func roundTrip(seed: UInt64) throws {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
    func next() -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33)
    }
    let suffix = ["n", "u", "m", "", "k", "M", "Ki", "Mi", "Gi", "e-3", "e6"][next() % 11]
    let quantity = try Quantity("\(next() % 100_000).\(next() % 1000)\(suffix)")
    #expect(try Quantity(quantity.description) == quantity)
    let millicores = next()
    #expect(try Quantity(Quantity(millicores: millicores).description).millicores == millicores)
    #expect(try Quantity(Quantity(bytes: millicores).description).units == millicores)
  }

  @Test("the server's own rounding agrees", arguments: ["0-2505", "250-5m", "250500u", "2-5e-1", "1m", "0-25-number"])
  func serverAgrees(_ name: String) throws {
    struct Sent: Decodable {
      struct Spec: Decodable { var containers: [Container] }
      var spec: Spec
    }
    let fixture = try Fixture.load("resize/quantity-" + name)
    let sent = try JSONDecoder().decode(Sent.self, from: fixture.requestBody).spec.containers[0].resources
    let stored = try fixture.decode(Pod.self).spec.containers[0].resources
    let sentLimit = try #require(sent?.limits["cpu"])
    let storedLimit = try #require(stored?.limits["cpu"])
    #expect(sentLimit.millicores == storedLimit.millicores)
  }
}
