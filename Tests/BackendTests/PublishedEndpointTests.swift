import Foundation
import Testing

@testable import Backend

/// The calls of the published clients: method, path, body and answer, in an order in which they depend on each other.
@Suite("Published endpoints")
struct PublishedEndpointTests {
  private struct Call: Sendable {
    var method: String
    var path: String
    var body = ""
    var status = 200
    var answer: String
  }

  private static let calls: [Call] = [
    Call(method: "GET", path: "/status", answer: "{\"status\":false}"),
    Call(method: "POST", path: "/stop", answer: "{\"message\":\"Inference not running\"}"),
    Call(method: "POST", path: "/start", answer: "{\"message\":\"Inference started\"}"),
    Call(method: "POST", path: "/start", answer: "{\"message\":\"Inference already running\"}"),
    Call(method: "GET", path: "/status", answer: "{\"status\":true}"),
    Call(method: "GET", path: "/resources", answer: "{\"resources\":1000}"),
    Call(
      method: "POST", path: "/set_resources", body: "{\"resources\": 1200}",
      answer: "{\"message\":\"Resources set to 1200\"}"),
    Call(method: "GET", path: "/resources", answer: "{\"resources\":1200}"),
    Call(
      method: "POST", path: "/set_resources", body: "{\"resources\": \"1100\"}",
      answer: "{\"message\":\"Resources set to 1100\"}"),
    Call(
      method: "POST", path: "/set_resources", body: "{\"resources\": 900.0}",
      answer: "{\"message\":\"Resources set to 900\"}"),
    Call(
      method: "POST", path: "/set_interval", body: "{\"interval\": 2}", answer: "{\"message\":\"Interval set to 2\"}"),
    Call(method: "GET", path: "/interval", answer: "{\"interval\":2}"),
    Call(method: "GET", path: "/algorithm", answer: "{\"algorithm\":\"dqn\"}"),
    Call(method: "POST", path: "/set_dqn_algorithm", answer: "{\"message\":\"dqn algorithm already set\"}"),
    Call(method: "POST", path: "/set_ppo_algorithm", answer: "{\"message\":\"ppo algorithm set\"}"),
    Call(method: "GET", path: "/algorithm", answer: "{\"algorithm\":\"ppo\"}"),
    Call(method: "POST", path: "/set_ddpg_algorithm", answer: "{\"message\":\"ddpg algorithm set\"}"),
    Call(method: "POST", path: "/set_dqn_algorithm", answer: "{\"message\":\"dqn algorithm set\"}"),
    Call(method: "POST", path: "/set_default_limits", answer: "{\"message\":\"Default limits set\"}"),
    Call(method: "POST", path: "/remove_agent", answer: "{\"message\":\"Last agent removed\"}"),
    Call(method: "POST", path: "/remove_first_agent", answer: "{\"message\":\"First agent removed\"}"),
    Call(method: "POST", path: "/remove_first_agent", answer: "{\"message\":\"Cannot remove the only agent\"}"),
    Call(method: "POST", path: "/remove_agent", answer: "{\"message\":\"Last agent removed\"}"),
    Call(method: "POST", path: "/remove_agent", answer: "{\"message\":\"Cannot remove the only agent\"}"),
    Call(method: "POST", path: "/add_agent", answer: "{\"message\":\"Agent added\"}"),
    Call(method: "POST", path: "/add_agent", answer: "{\"message\":\"Agent added\"}"),
    Call(method: "POST", path: "/add_agent", answer: "{\"message\":\"Agent added\"}"),
    Call(method: "POST", path: "/stop", answer: "{\"message\":\"Inference stopped\"}"),
    Call(method: "GET", path: "/status", answer: "{\"status\":false}"),
  ]

  @Test("every call of the published clients has the published answer")
  func answers() throws {
    let bench = try Bench()
    defer { bench.stop() }
    for call in Self.calls {
      let answer = bench.send(call.method, call.path, call.body)
      #expect(answer.status == call.status, "\(call.method) \(call.path)")
      #expect(answer.text == call.answer + "\n", "\(call.method) \(call.path)")
    }
  }

  @Test("what the published service takes and should not is refused in one sentence, and nothing changes")
  func refusals() throws {
    let bench = try Bench()
    defer { bench.stop() }
    let refused: [(String, String, Int, String)] = [
      ("/set_resources", "{\"resources\": 20}", 422, "a pool of 20m is too small"),
      ("/set_resources", "{\"resources\": -5}", 422, "expected 1 to"),
      ("/set_resources", "{\"resources\": 1.5}", 422, "expected a whole number"),
      ("/set_resources", "{\"resources\": 1e300}", 422, "expected a whole number"),
      ("/set_resources", "{}", 422, "'resources' is missing"),
      ("/set_resources", "", 422, "the body is empty"),
      ("/set_resources", "{\"resources\": 900, \"more\": 1}", 422, "'more' is not known here"),
      ("/set_resources", "[900]", 422, "expected an object"),
      ("/set_resources", "{\"resources\"", 400, "no JSON"),
      ("/set_interval", "{\"interval\": 0}", 422, "expected 1 to 3600"),
      ("/add_agent", "", 409, "there is no further pod"),
    ]
    for (path, body, status, words) in refused {
      let answer = bench.send("POST", path, body)
      #expect(answer.status == status, "\(path) \(body)")
      #expect(answer.message?.contains(words) == true, "\(answer.text)")
    }
    #expect(bench.send("POST", "/set_resources", "resources=9", headers: ["content-type": "text/plain"]).status == 415)
    #expect(bench.session.snapshot.settings.capacity == 1000)
  }

  @Test("default limits are the smallest, in force a round later, and the agents go on from there")
  func defaultLimits() throws {
    let bench = try Bench()
    defer { bench.stop() }
    #expect(bench.send("POST", "/set_default_limits").status == 200)
    #expect(bench.wait { bench.session.snapshot.pods.allSatisfy { $0.limit == 50 } })
    _ = bench.send("POST", "/start")
    #expect(bench.wait { bench.session.snapshot.pods.contains { $0.limit > 50 } })
    _ = bench.send("POST", "/stop")
    #expect(bench.notes.releases.withLock { $0 } == 1)
    #expect(bench.wait { bench.session.snapshot.pods.allSatisfy { $0.limit == 300 } })
  }

  @Test("the first agent leaves its pod the smallest limit, the last one leaves it as it is, and nobody else moves")
  func removal() throws {
    let bench = try Bench()
    defer { bench.stop() }
    _ = bench.send("POST", "/remove_agent")
    _ = bench.send("POST", "/remove_first_agent")
    #expect(bench.wait { bench.session.snapshot.pods.map(\.limit) == [50, 300, 300] })
    let agents = bench.send("GET", "/api/v1/pods").text
    #expect(agents.components(separatedBy: "\"mode\":\"recommend\"").count == 3)
    _ = bench.send("POST", "/start")
    #expect(bench.wait { bench.session.snapshot.pods[1].limit != 300 })
    #expect(bench.session.snapshot.pods[0].limit == 50 && bench.session.snapshot.pods[2].limit == 300)
  }

  @Test("a service that only recommends lowers nothing")
  func recommends() throws {
    let bench = try Bench(mode: .recommend)
    defer { bench.stop() }
    #expect(bench.send("POST", "/set_default_limits").status == 409)
    _ = bench.send("POST", "/start")
    #expect(bench.wait { bench.session.snapshot.round > 20 })
    #expect(bench.session.snapshot.pods.allSatisfy { $0.limit == 300 })
  }
}
