import HTTPServer

/// `/api/v1`: everything there is to see and to set.
enum ObjectRoutes {
  static func all(_ session: Session) -> [Route] {
    [state(session), events(session)] + settings(session) + pods(session) + lists(session)
  }

  private static func json(_ bytes: [UInt8]) -> ServerAnswer {
    .now(
      ServerResponse(
        200, contentType: "application/json", headers: [.init(name: "Cache-Control", value: "no-store")],
        body: .bytes(bytes)))
  }

  private static func state(_ session: Session) -> Route {
    Route(
      "GET", "/api/v1/state", "All there is: settings, pool, pods, their last decisions.", tag: "state",
      answer: .named("State")
    ) { _ in
      json(session.stateBytes)
    }
  }

  private static func events(_ session: Session) -> Route {
    Route(
      "GET", "/api/v1/events", "Server-sent events: `state` at first and after changes, `round` after each round.",
      tag: "state", contentType: "text/event-stream", failures: [503]
    ) { _ throws(APIFailure) in
      guard let stream = session.events.open("state", session.stateBytes) else {
        throw APIFailure(503, "too_many_listeners", "too many listen already; try again later")
      }
      return .now(
        ServerResponse(
          200, contentType: "text/event-stream",
          headers: [.init(name: "Cache-Control", value: "no-store"), .init(name: "X-Accel-Buffering", value: "no")],
          body: .stream(stream)))
    }
  }

  // MARK: Settings

  private static func settings(_ session: Session) -> [Route] {
    let fields: [RequestBody.Field] = [
      .init(
        name: "running", kind: .bool, summary: "Whether the agents act; stopped, pods get their original limits back."),
      .init(
        name: "mode", kind: .text(SessionSettings.Mode.allCases.map(\.rawValue)),
        summary: "apply resizes, recommend only shows."),
      .init(
        name: "algorithm", kind: .text(session.service.algorithms.map(\.name)), isNullable: true,
        summary: "Whose shipped agents drive; null for the policy of choice."),
      .init(
        name: "checkpoint", kind: .text([]), isNullable: true, summary: "A file with agents on the service's machine."),
      .init(
        name: "hack", kind: .integer(0...1_000_000), isNullable: true,
        summary: "The agent whose weights every pod gets."),
      .init(name: "capacity", kind: .integer(1...1_000_000_000), summary: "The pool, millicores."),
      .init(name: "interval", kind: .number(0.1...3600), summary: "Seconds between decisions."),
      .init(name: "minimum", kind: .integer(1...1_000_000), summary: "Smallest limit of a pod, millicores."),
      .init(name: "maximum", kind: .integer(1...1_000_000_000), summary: "Largest limit of a pod, millicores."),
    ]
    return [
      Route("GET", "/api/v1/settings", "What an operator has set.", tag: "settings", answer: .named("Settings")) { _ in
        json(bytes(session.snapshot.settings, session.service))
      },
      Route(
        "PATCH", "/api/v1/settings", "Change settings: all that are given, or none.", tag: "settings", fields: fields,
        answer: .named("Settings"), failures: [422]
      ) { call in
        let body = call.body
        return PublishedRoutes.change(session) { settings, _ throws(APIFailure) in
          if let running = body.bool("running") { settings.isRunning = running }
          if let mode = body.text("mode").flatMap(SessionSettings.Mode.init) { settings.mode = mode }
          if body.has("algorithm") {
            settings.algorithm = body.text("algorithm")
            if !body.has("checkpoint") { settings.checkpoint = nil }
          }
          if body.has("checkpoint") { settings.checkpoint = body.text("checkpoint") }
          if body.has("hack") { settings.hack = body.int("hack") }
          if let capacity = body.int("capacity") { settings.capacity = capacity }
          if let interval = body.number("interval") { settings.interval = interval }
          if let minimum = body.int("minimum") { settings.minimum = minimum }
          if let maximum = body.int("maximum") { settings.maximum = maximum }
          return ServerResponse(
            200, contentType: "application/json", body: .bytes(bytes(settings, session.service)))
        }
      },
    ]
  }

  static func bytes(_ settings: SessionSettings, _ service: ServiceFacts) -> [UInt8] {
    var json = JSONBytes()
    json.object { json in
      json.key("running")
      json.put(settings.isRunning)
      json.key("mode")
      json.put(settings.mode.rawValue)
      json.key("algorithm")
      json.put(settings.algorithm)
      json.key("checkpoint")
      json.put(settings.checkpoint)
      json.key("hack")
      json.put(settings.hack)
      json.key("capacity")
      json.put(settings.capacity)
      json.key("interval")
      json.put(settings.interval)
      json.key("minimum")
      json.put(settings.minimum)
      json.key("maximum")
      json.put(settings.maximum)
    }
    return json.bytes + [10]
  }

  // MARK: Pods

  private static func pods(_ session: Session) -> [Route] {
    let fields: [RequestBody.Field] = [
      .init(
        name: "priority", kind: .number(0.000_001...1_000_000), isNullable: true, summary: "Weight where CPU is scarce."
      ),
      .init(name: "minimum", kind: .integer(1...1_000_000), isNullable: true, summary: "Smallest limit, millicores."),
      .init(
        name: "maximum", kind: .integer(1...1_000_000_000), isNullable: true, summary: "Largest limit, millicores."),
      .init(
        name: "mode", kind: .text(SessionSettings.Mode.allCases.map(\.rawValue)), isNullable: true,
        summary: "recommend: this pod is only advised."),
    ]
    @Sendable func find(_ call: Route.Call) throws(APIFailure) -> PodView {
      let name = call.names["name"] ?? ""
      guard let pod = session.snapshot.pod(call.names["namespace"], name) else {
        throw .notFound("there is no pod '\(name.prefix(80))' among those that are driven")
      }
      return pod
    }
    @Sendable func one(_ pod: PodView) -> ServerAnswer {
      var bytes = JSONBytes()
      pod.write(to: &bytes, decisionAt: session.snapshot.roundTime)
      return json(bytes.bytes + [10])
    }
    @Sendable func edit(_ call: Route.Call) throws(APIFailure) -> ServerAnswer {
      let pod = try find(call)
      let key = pod.namespace.map { $0 + "/" + pod.name } ?? pod.name
      let body = call.body
      return PublishedRoutes.change(session) { settings, desk throws(APIFailure) in
        var own = settings.pods[key] ?? PodOverride()
        if body.has("priority") { own.priority = body.number("priority") }
        if body.has("minimum") { own.minimum = body.int("minimum") }
        if body.has("maximum") { own.maximum = body.int("maximum") }
        if body.has("mode") { own.mode = body.text("mode").flatMap(SessionSettings.Mode.init) }
        let low = own.minimum ?? settings.minimum
        let high = own.maximum ?? settings.maximum
        guard low <= high else {
          throw .invalid("minimum", "the smallest limit \(low)m of \(pod.name) is above its largest \(high)m")
        }
        // The pool must carry the pods' minima, this one's too.
        let group = desk.driver.group
        var floors = 0
        for place in 0..<group.count where group.samples[place].isPresent && group.samples[place].time.isFinite {
          let bound = group.pods[place].name == key ? low : group.pods[place].bounds.lowerBound
          floors += min(max(bound, settings.minimum), 1 << 40)
        }
        guard floors <= settings.capacity else {
          throw .invalid("minimum", "the pods' minima would add up to \(floors)m, the pool has \(settings.capacity)m")
        }
        settings.pods[key] = own == PodOverride() ? nil : own
        return PublishedRoutes.object { json in
          json.key("name")
          json.put(pod.name)
          json.key("priority")
          json.put(own.priority ?? pod.priority)
          json.key("minimum")
          json.put(own.minimum ?? pod.minimum)
          json.key("maximum")
          json.put(own.maximum ?? pod.maximum)
          json.key("mode")
          json.put((own.mode ?? (pod.isApplied ? .apply : .recommend)).rawValue)
        }
      }
    }
    return [
      Route("GET", "/api/v1/pods", "The pods that are driven.", tag: "pods", answer: .list(.named("Pod"))) { _ in
        let snapshot = session.snapshot
        var bytes = JSONBytes(capacity: snapshot.pods.count * 640)
        bytes.array { json in for pod in snapshot.pods { pod.write(to: &json, decisionAt: snapshot.roundTime) } }
        return json(bytes.bytes)
      },
      Route("GET", "/api/v1/pods/{name}", "One pod.", tag: "pods", answer: .named("Pod"), failures: [404]) {
        call throws(APIFailure) in one(try find(call))
      },
      Route(
        "GET", "/api/v1/pods/{namespace}/{name}", "One pod of a namespace.", tag: "pods", answer: .named("Pod"),
        failures: [404]
      ) { call throws(APIFailure) in one(try find(call))
      },
      Route(
        "PATCH", "/api/v1/pods/{name}", "Priority, bounds and mode of a pod; null for what its annotations say.",
        tag: "pods", fields: fields, answer: .named("PodSettings"), failures: [404, 422]
      ) { call throws(APIFailure) in try edit(call) },
      Route(
        "PATCH", "/api/v1/pods/{namespace}/{name}", "The same of a pod in a namespace.", tag: "pods", fields: fields,
        answer: .named("PodSettings"), failures: [404, 422]
      ) { call throws(APIFailure) in try edit(call) },
    ]
  }

  // MARK: Lists

  private static func lists(_ session: Session) -> [Route] {
    [
      Route(
        "GET", "/api/v1/algorithms", "The algorithms whose agents are shipped.", tag: "agents",
        answer: .list(.named("Algorithm"))
      ) { _ in
        var bytes = JSONBytes()
        bytes.array { json in
          for algorithm in session.service.algorithms {
            json.object { json in
              json.key("name")
              json.put(algorithm.name)
              json.key("family")
              json.put(algorithm.family)
              json.key("summary")
              json.put(algorithm.summary)
            }
          }
        }
        return json(bytes.bytes + [10])
      },
      Route(
        "GET", "/api/v1/agents", "The agents: which pod each drives, and whether it acts.", tag: "agents",
        answer: .list(.named("Agent"))
      ) { _ in
        let snapshot = session.snapshot
        var bytes = JSONBytes()
        bytes.array { json in
          for pod in snapshot.pods {
            json.object { json in
              json.key("agent")
              json.put(pod.place)
              json.key("pod")
              json.put(pod.isPresent ? pod.name : nil)
              json.key("acts")
              json.put(pod.isPresent && pod.isApplied && snapshot.settings.acts)
            }
          }
        }
        return json(bytes.bytes + [10])
      },
      Route(
        "GET", "/api/v1/decisions", "The last decisions that changed a limit, newest first.", tag: "decisions",
        query: [
          .init(name: "pod", kind: .text([]), summary: "Only this pod's: its name, or namespace/name."),
          .init(name: "limit", kind: .integer(1...2000), summary: "At most so many; default 100."),
        ], answer: .list(.named("PastDecision")), failures: [422]
      ) { call throws(APIFailure) in
        let limit = try number(call, "limit", 1...2000, default: 100)
        return json(session.decisions(of: call.request.parameter("pod"), limit: Int(limit)))
      },
      Route(
        "GET", "/api/v1/history", "Limits, usage, throttling and response times of the last minutes.", tag: "decisions",
        query: [.init(name: "seconds", kind: .number(1...3600), summary: "So far back; default 300.")],
        answer: .named("History"), failures: [422]
      ) { call throws(APIFailure) in
        json(session.history(seconds: try number(call, "seconds", 1...3600, default: 300)))
      },
    ]
  }

  private static func number(
    _ call: Route.Call, _ name: String, _ range: ClosedRange<Double>, default: Double
  ) throws(APIFailure) -> Double {
    guard let text = call.request.parameter(name) else { return `default` }
    guard let value = Double(text), range.contains(value) else {
      throw .invalid(
        name, "'\(name)' is '\(text.prefix(40))', expected \(Int(range.lowerBound)) to \(Int(range.upperBound))")
    }
    return value
  }
}
