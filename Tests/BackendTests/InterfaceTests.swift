import Foundation
import HTTPServer
import Testing

@testable import Backend

@Suite("The versioned interface")
struct InterfaceTests {
  @Test("settings change together or not at all")
  func settings() throws {
    let bench = try Bench(isRunning: true)
    defer { bench.stop() }
    let answer = bench.send("PATCH", "/api/v1/settings", "{\"capacity\": 800, \"interval\": 0.5, \"minimum\": 60}")
    #expect(answer.status == 200)
    #expect(answer.json?["capacity"] as? Int == 800 && answer.json?["minimum"] as? Int == 60)
    let refused = bench.send("PATCH", "/api/v1/settings", "{\"capacity\": 900, \"minimum\": 400}")
    #expect(refused.status == 422)
    let missing = bench.send("PATCH", "/api/v1/settings", "{\"capacity\": 900, \"checkpoint\": \"missing.h5\"}")
    #expect(missing.message == "missing.h5 cannot be read")
    let settings = bench.session.snapshot.settings
    #expect(settings.capacity == 800 && settings.interval == 0.5 && settings.minimum == 60)
    #expect(bench.wait { bench.session.snapshot.pods.reduce(0) { $0 + $1.limit } <= 800 })
  }

  @Test("a pod's priority, bounds and mode count from the next round, and null takes them back")
  func pods() throws {
    let bench = try Bench(isRunning: true)
    defer { bench.stop() }
    #expect(
      bench.send("PATCH", "/api/v1/pods/web-1", "{\"maximum\": 120, \"priority\": 0.5, \"mode\": \"apply\"}").status
        == 200)
    #expect(
      bench.wait { bench.session.snapshot.pods[1].limit <= 120 && bench.session.snapshot.pods[1].priority == 0.5 })
    #expect(bench.send("PATCH", "/api/v1/pods/web-1", "{\"minimum\": 200}").status == 422)
    #expect(bench.send("PATCH", "/api/v1/pods/web-1", "{\"maximum\": null, \"priority\": null}").status == 200)
    #expect(bench.wait { bench.session.snapshot.pods[1].priority == 1 })
    #expect(bench.send("PATCH", "/api/v1/pods/web-9", "{\"priority\": 1}").status == 404)
    #expect(bench.send("GET", "/api/v1/pods/web-1").json?["name"] as? String == "web-1")
    #expect(bench.send("GET", "/api/v1/pods/none").status == 404)
  }

  @Test("the document describes every route, and every route that it describes answers")
  func document() throws {
    let bench = try Bench()
    defer { bench.stop() }
    let document = try #require(bench.send("GET", "/openapi.json").json)
    #expect(document["openapi"] as? String == "3.1.0")
    let paths = try #require(document["paths"] as? [String: [String: Any]])
    var operations = 0
    for (path, methods) in paths {
      for method in methods.keys {
        operations += 1
        let target = path.replacing("{name}", with: "web-0").replacing("{namespace}", with: "default")
        let body = method == "patch" ? "{}" : ""
        let answer = bench.send(method.uppercased(), target, body)
        #expect(![404, 405, 500, 501].contains(answer.status) || path.contains("{namespace}"), "\(method) \(path)")
      }
    }
    #expect(operations >= 27)
    for path in ["/start", "/api/v1/state", "/api/v1/events", "/metrics", "/readyz", "/api/v1/pods/{name}"] {
      #expect(paths[path] != nil, "\(path)")
    }
  }

  @Test("real answers are what the document says of them")
  func shapes() throws {
    let bench = try Bench(isRunning: true)
    defer { bench.stop() }
    #expect(bench.wait { bench.session.snapshot.round > 20 })
    let routes = PublishedRoutes.all(bench.session) + ObjectRoutes.all(bench.session)
    for route in routes where route.contentType == "application/json" && !route.template.contains("{namespace}") {
      let shape = try #require(route.answer, "\(route.template) says nothing of its answer")
      let bodies = ["/set_resources": "{\"resources\": 1000}", "/set_interval": "{\"interval\": 1}"]
      let body = bodies[route.template] ?? (route.fields.isEmpty ? "" : "{}")
      let answer = bench.send(route.method, route.template.replacing("{name}", with: "web-0"), body)
      guard answer.status == 200 else {
        #expect(route.failures.contains(answer.status), "\(route.method) \(route.template): \(answer.status)")
        continue
      }
      let value = try JSONDecoder().decode(JSONValue.self, from: Data(answer.text.utf8))
      #expect(shape.fault(value) == nil, "\(route.method) \(route.template): \(shape.fault(value) ?? "")")
    }
    #expect(!bench.session.snapshot.pods.isEmpty)
  }

  @Test("state, history and decisions tell what has happened")
  func reads() throws {
    let bench = try Bench(isRunning: true)
    defer { bench.stop() }
    #expect(bench.wait { bench.session.snapshot.round > 30 })
    let state = try #require(bench.send("GET", "/api/v1/state").json)
    #expect((state["pods"] as? [Any])?.count == 3 && state["running"] as? Bool == true)
    let history = try #require(bench.send("GET", "/api/v1/history?seconds=100").json)
    let times = try #require(history["times"] as? [Double])
    let pods = try #require(history["pods"] as? [[String: Any]])
    #expect(times.count > 10 && times == times.sorted())
    #expect(pods.count == 3 && pods.allSatisfy { ($0["limit"] as? [Any])?.count == times.count })
    let decisions = bench.send("GET", "/api/v1/decisions?limit=5&pod=web-0").text
    #expect(decisions.contains("\"pod\":\"web-0\"") && !decisions.contains("web-1"))
    #expect(bench.send("GET", "/api/v1/decisions?limit=0").status == 422)
    #expect(bench.send("GET", "/healthz").text == "ok\n" && bench.send("GET", "/readyz").status == 200)
  }

  @Test("metrics are OpenMetrics: families whole, counters called _total, buckets that grow, and an end")
  func metrics() throws {
    let bench = try Bench(isRunning: true)
    defer { bench.stop() }
    #expect(bench.wait { bench.session.snapshot.round > 5 })
    let answer = bench.send("GET", "/metrics", headers: ["accept": "application/openmetrics-text"])
    #expect(answer.headers["content-type"]?.hasPrefix("application/openmetrics-text") == true)
    let lines = answer.text.split(separator: "\n")
    #expect(lines.last == "# EOF" && answer.text.hasSuffix("# EOF\n"))
    var types: [String: String] = [:]
    var family = ""
    var last = -1.0
    for line in lines.dropLast() {
      let words = line.split(separator: " ")
      if line.hasPrefix("# TYPE") {
        family = String(words[2])
        #expect(types.updateValue(String(words[3]), forKey: family) == nil, "\(family) comes twice")
        continue
      }
      if line.hasPrefix("#") { continue }
      let name = String(line.prefix { $0 != "{" && $0 != " " })
      #expect(name.hasPrefix(family), "\(line) stands under \(family)")
      #expect(Double(words.last ?? "") != nil, "\(line)")
      if types[family] == "counter" { #expect(name == family + "_total") }
      if name.hasSuffix("_bucket") {
        let count = Double(words.last ?? "") ?? 0
        #expect(count >= last)
        last = count
      }
    }
    #expect(types["marlise_resizes"] == "counter" && types["marlise_tick_duration_seconds"] == "histogram")
    // Readers of the older format end at a type that they do not know, and look for a counter by its whole name.
    let plain = bench.send("GET", "/metrics")
    #expect(plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
    #expect(plain.text.contains("# TYPE marlise_resizes_total counter\n"))
    #expect(plain.text.contains("# TYPE marlise_build_info gauge\n"))
    for word in [" info\n", "# UNIT", "# EOF"] { #expect(!plain.text.contains(word)) }
  }

  @Test("events begin with the state, tell every round, and again the state after a change")
  func events() throws {
    let bench = try Bench(isRunning: true)
    defer { bench.stop() }
    guard case .now(let response) = bench.service.answer(ServerRequest("GET", "/api/v1/events")),
      case .stream(let stream) = response.body
    else { return #expect(Bool(false), "no stream") }
    var text = ""
    #expect(
      bench.wait {
        text += String(decoding: stream.waiting(), as: UTF8.self)
        return text.components(separatedBy: "event: round").count > 3
      })
    #expect(text.hasPrefix("retry: 1000\n\nevent: state\ndata: {\"version\""))
    _ = bench.send("POST", "/stop")
    #expect(
      bench.wait {
        text += String(decoding: stream.waiting(), as: UTF8.self)
        return text.components(separatedBy: "event: state").count == 3
      })
    stream.abort()
    #expect(bench.wait { bench.session.events.count == 0 })
  }

  @Test("a listener that does not read is cut off, and the loop goes on")
  func slowListener() throws {
    let bench = try Bench(pods: 200, isRunning: true)
    defer { bench.stop() }
    guard case .now(let response) = bench.service.answer(ServerRequest("GET", "/api/v1/events")),
      case .stream(let stream) = response.body
    else { return #expect(Bool(false), "no stream") }
    let round = bench.session.snapshot.round
    #expect(bench.wait { !stream.isOpen })
    #expect(bench.session.snapshot.round > round + 20)
    #expect(bench.session.events.count == 0)
  }
}

extension AnswerShape {
  /// Where a value is not of this shape; nil if it is.
  fileprivate func fault(_ value: JSONValue) -> String? {
    switch (self, value) {
    case (.text, .string), (.number, .number), (.bool, .bool), (.orNull, .null): return nil
    case (.integer, .number(let number)): return number == number.rounded() ? nil : "\(number) is not whole"
    case (.orNull(let shape), _): return shape.fault(value)
    case (.list(let shape), .array(let items)): return items.lazy.compactMap { shape.fault($0) }.first
    case (.object(let members), .object(let values)):
      let names = Set(members.map(\.key))
      guard names == Set(values.keys) else { return "members \(names.symmetricDifference(values.keys).sorted())" }
      for (name, shape) in members {
        if let fault = values[name].flatMap({ shape.fault($0) }) { return name + ": " + fault }
      }
      return nil
    case (.named(let name), _):
      guard let shape = Self.all.first(where: { $0.key == name })?.value else { return "no shape \(name)" }
      return shape.fault(value)
    default: return "\(value.kind) in place of \(self)"
    }
  }
}
