import Testing

@testable import Backend

@Suite("Who may do what")
struct AccessTests {
  private func rules(_ change: (inout AccessRules) -> Void) -> AccessRules {
    var rules = AccessRules()
    change(&rules)
    return rules
  }

  @Test("changes demand the token once there is one, reads only if asked to, health never")
  func token() throws {
    let bench = try Bench(rules: rules { $0.token = "a-very-secret-token" })
    defer { bench.stop() }
    let refused = bench.send("POST", "/start")
    #expect(refused.status == 401 && refused.headers["www-authenticate"] == "Bearer realm=\"marlise\"")
    #expect(bench.send("POST", "/start", headers: ["authorization": "Bearer a-very-secret-tokeN"]).status == 401)
    #expect(bench.send("GET", "/status").status == 200)
    #expect(bench.send("POST", "/start", headers: ["authorization": "Bearer a-very-secret-token"]).status == 200)

    let guarded = try Bench(
      rules: rules {
        $0.token = "a-very-secret-token"
        $0.guardsReads = true
      })
    defer { guarded.stop() }
    #expect(guarded.send("GET", "/api/v1/state").status == 401)
    #expect(guarded.send("GET", "/healthz").status == 200)
    #expect(guarded.send("GET", "/metrics", headers: ["authorization": "bearer a-very-secret-token"]).status == 200)
  }

  @Test("tokens are compared whole", arguments: ["", "a", "abd", "abcd", "ABC", "abc "])
  func comparison(other: String) {
    #expect(AccessRules.isEqual("abc", "abc"))
    #expect(!AccessRules.isEqual(other, "abc"))
  }

  @Test("names that are not ours, and pages of other sites, get nothing done")
  func browsers() throws {
    let bench = try Bench(
      rules: rules {
        $0.hosts = ["localhost", "127.0.0.1"]
        $0.origins = ["https://ops.example.org"]
      })
    defer { bench.stop() }
    #expect(bench.send("GET", "/status", headers: ["host": "evil.example:8000"]).status == 403)
    #expect(bench.send("GET", "/status", headers: ["host": "LOCALHOST:8000"]).status == 200)
    let foreign = bench.send("POST", "/start", headers: ["origin": "https://evil.example"])
    #expect(foreign.status == 403 && foreign.headers["access-control-allow-origin"] == nil)
    #expect(bench.session.snapshot.settings.isRunning == false)
    #expect(bench.send("POST", "/start", headers: ["origin": "http://127.0.0.1:8000"]).status == 200)
    let friend = bench.send("GET", "/status", headers: ["origin": "https://ops.example.org"])
    #expect(friend.headers["access-control-allow-origin"] == "https://ops.example.org")
    let preflight = bench.send("OPTIONS", "/start", headers: ["origin": "https://ops.example.org"])
    #expect(preflight.status == 204 && preflight.headers["access-control-allow-methods"] == "GET, POST, PATCH")
  }

  @Test("one client's changes are bounded, another's are not touched by that")
  func rate() throws {
    let bench = try Bench(
      rules: rules {
        $0.mutationsAtOnce = 3
        $0.mutationsPerMinute = 0.06
      })
    defer { bench.stop() }
    let statuses = (0..<5).map { _ in bench.send("POST", "/start").status }
    #expect(statuses == [200, 200, 200, 429, 429])
    #expect((bench.send("POST", "/stop").headers["retry-after"].flatMap { Int($0) } ?? 0) >= 1)
    #expect(bench.send("POST", "/stop", peer: "10.0.0.9:77").status == 200)
  }

  @Test("who guesses tokens is soon asked to wait, and what he wanted is written down")
  func guesses() throws {
    let bench = try Bench(
      rules: rules {
        $0.token = "a-very-secret-token"
        $0.mutationsAtOnce = 3
        $0.mutationsPerMinute = 0.06
      })
    defer { bench.stop() }
    let statuses = (0..<5).map {
      bench.send("POST", "/start", headers: ["authorization": "Bearer guess-\($0)"], peer: "10.0.0.6:9").status
    }
    #expect(statuses == [401, 401, 401, 429, 429])
    #expect(bench.notes.audit.withLock { $0.map(\.status) } == [401, 401, 401])
    #expect(bench.send("POST", "/start", headers: ["authorization": "Bearer a-very-secret-token"]).status == 200)
  }

  @Test("every change that was asked for is written down, refused ones too, with what it changed")
  func audit() throws {
    let bench = try Bench()
    defer { bench.stop() }
    _ = bench.send("PATCH", "/api/v1/settings", "{\"capacity\": 900}")
    _ = bench.send("PATCH", "/api/v1/settings", "{\"capacity\": 1}")
    _ = bench.send("GET", "/status")
    let entries = bench.notes.audit.withLock { $0 }
    #expect(entries.map(\.status) == [200, 422])
    #expect(entries[0].before.contains("\"capacity\":1000") && entries[0].after.contains("\"capacity\":900"))
    #expect(entries[1].before == entries[1].after && entries[0].peer == "127.0.0.1:5")
  }

  @Test("what does not exist, or not so, is said with the right status")
  func statuses() throws {
    let bench = try Bench()
    defer { bench.stop() }
    #expect(bench.send("GET", "/nothing").status == 404)
    let wrong = bench.send("DELETE", "/api/v1/settings")
    #expect(wrong.status == 405 && wrong.headers["allow"] == "GET, HEAD, PATCH")
    #expect(bench.send("HEAD", "/status").status == 200)
    let page = bench.send("GET", "/")
    #expect(page.status == 200 && page.headers["content-type"] == "text/html; charset=utf-8")
    #expect(page.headers["content-security-policy"]?.contains("script-src 'self'") == true)
    #expect(bench.send("GET", "/", headers: ["if-none-match": page.headers["etag"] ?? ""]).status == 304)
    for asset in ["/assets/page.css", "/assets/page.js", "/assets/charts.js", "/assets/icon.svg"] {
      #expect(bench.send("GET", asset).status == 200, "\(asset)")
    }
    #expect(bench.send("GET", "/").headers["x-content-type-options"] == "nosniff")
  }
}
