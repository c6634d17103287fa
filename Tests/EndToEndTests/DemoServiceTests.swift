import Foundation
import Testing

@Suite struct DemoServiceTests {
  @Test func `version names the libraries that the program stands on`() throws {
    let result = try Program.run("version", "--json")
    #expect(result.code == 0)
    let versions = try #require(try result.json as? [String: Any])
    for key in ["version", "swift", "platform", "kernel", "hdf5", "curl", "microhttpd"] {
      #expect((versions[key] as? String)?.isEmpty == false, "\(key)")
    }
    #expect(versions["algorithms"] as? Int == 8)
  }

  @Test func `a demo service says where it listens and ends in its time`() throws {
    let result = try Program.run("demo-service", "--port", "0", "--duration", "1")
    #expect(result.code == 0)
    #expect(result.errors.contains("url=http://127.0.0.1:"))
  }

  @Test(arguments: [
    ("--cpu_ms", "0", "--cpu_ms is '0'; expected a number, at least 0.01 and at most 60000"),
    (
      "--distribution", "pareto",
      "unknown distribution 'pareto' for --distribution   (exponential deterministic)"
    ),
  ])
  func `a cost that cannot be is refused`(flag: String, value: String, sentence: String) throws {
    let result = try Program.run("demo-service", flag, value)
    #expect(result.code == 2)
    #expect(result.sentence == sentence)
  }
}
