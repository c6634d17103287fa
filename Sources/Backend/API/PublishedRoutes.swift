import HTTPServer

/// The endpoints of the published system, with its methods, bodies and answers. Where that hangs, races or takes nonsense, this
/// refuses with a sentence.
enum PublishedRoutes {
  static func all(_ session: Session) -> [Route] {
    var routes = [
      Route("POST", "/start", "Let the agents act.", tag: "published", answer: said) { _ in
        change(session) { settings, _ throws(APIFailure) in
          if settings.isRunning { return message("Inference already running") }
          settings.isRunning = true
          return message("Inference started")
        }
      },
      Route(
        "POST", "/stop", "Stop the agents; the pods get their original limits back.", tag: "published", answer: said
      ) { _ in
        change(session) { settings, _ throws(APIFailure) in
          if !settings.isRunning { return message("Inference not running") }
          settings.isRunning = false
          return message("Inference stopped")
        }
      },
      Route(
        "POST", "/set_resources", "Set the pool's size.", tag: "published",
        fields: [
          .init(name: "resources", kind: .integer(1...1_000_000_000), isRequired: true, summary: "Millicores.")
        ], answer: said, failures: [422]
      ) { call in
        let capacity = call.body.int("resources") ?? 0
        return change(session) { settings, _ throws(APIFailure) in
          settings.capacity = capacity
          return message("Resources set to \(capacity)")
        }
      },
      Route(
        "POST", "/set_interval", "Set the seconds between decisions.", tag: "published",
        fields: [.init(name: "interval", kind: .integer(1...3600), isRequired: true, summary: "Seconds.")],
        answer: said, failures: [422]
      ) { call in
        let interval = call.body.int("interval") ?? 1
        return change(session) { settings, _ throws(APIFailure) in
          settings.interval = Double(interval)
          return message("Interval set to \(interval)")
        }
      },
      Route(
        "POST", "/set_default_limits", "Lower every pod to its smallest limit, once.", tag: "published", answer: said,
        failures: [409]
      ) {
        _ in
        .later(
          session.order { desk throws(APIFailure) in
            guard desk.settings.mode == .apply else {
              throw .conflict("the service only recommends; nothing is resized before the mode is apply")
            }
            desk.driver.lowerOnce(nil)
            return message("Default limits set")
          })
      },
      Route("GET", "/status", "Whether the agents act.", tag: "published", answer: .object(["status": .bool])) { _ in
        let isRunning = session.snapshot.settings.isRunning
        return .now(
          object { json in
            json.key("status")
            json.put(isRunning)
          })
      },
      Route(
        "GET", "/algorithm", "The family of algorithms in use.", tag: "published", answer: .object(["algorithm": .text])
      ) { _ in
        let family = session.service.family(session.snapshot.settings)
        return .now(
          object { json in
            json.key("algorithm")
            json.put(family)
          })
      },
      Route(
        "GET", "/resources", "The pool's size, millicores.", tag: "published", answer: .object(["resources": .integer])
      ) { _ in
        let capacity = session.snapshot.settings.capacity
        return .now(
          object { json in
            json.key("resources")
            json.put(capacity)
          })
      },
      Route("GET", "/interval", "Seconds between decisions.", tag: "published", answer: .object(["interval": .number]))
      { _ in
        let interval = session.snapshot.settings.interval
        return .now(
          object { json in
            json.key("interval")
            json.put(interval)
          })
      },
      Route(
        "POST", "/add_agent", "Drive one more of the pods that are there.", tag: "published", answer: said,
        failures: [409]
      ) {
        _ in
        change(session) { settings, desk throws(APIFailure) in
          guard let name = names(desk).first(where: { isAdvised(settings, $0) }) else {
            throw .conflict("there is no further pod: every pod that is there has an agent that acts")
          }
          settings.pods[name]?.mode = nil
          return message("Agent added")
        }
      },
      Route("POST", "/remove_agent", "Drive the last pod no more.", tag: "published", answer: said) { _ in
        change(session) { settings, desk throws(APIFailure) in
          let driven = names(desk).filter { !isAdvised(settings, $0) }
          guard let name = driven.last else { return message("Cannot remove the only agent") }
          settings.pods[name, default: PodOverride()].mode = .recommend
          return message("Last agent removed")
        }
      },
      Route(
        "POST", "/remove_first_agent", "Drive the first pod no more, and leave it its smallest limit.",
        tag: "published", answer: said
      ) { _ in
        change(session) { settings, desk throws(APIFailure) in
          let driven = names(desk).filter { !isAdvised(settings, $0) }
          guard driven.count > 1, let name = driven.first else { return message("Cannot remove the only agent") }
          settings.pods[name, default: PodOverride()].mode = .recommend
          // As published: what the first leaves behind is the smallest limit, what the last does, its limit.
          if settings.mode == .apply { desk.driver.lowerOnce(name) }
          return message("First agent removed")
        }
      },
    ]
    for family in session.service.families {
      routes.append(
        Route(
          "POST", "/set_\(family)_algorithm", "Have the shipped \(family) agents drive.", tag: "published",
          answer: said, failures: [422]
        ) { _ in
          change(session) { settings, _ throws(APIFailure) in
            if session.service.family(settings) == family { return message("\(family) algorithm already set") }
            settings.algorithm = session.service.algorithm(ofFamily: family)
            settings.checkpoint = nil
            return message("\(family) algorithm set")
          }
        })
    }
    return routes
  }

  private static let said = AnswerShape.named("Message")

  /// Pods that are there, in the order of their places.
  private static func names(_ desk: Session.Desk) -> [String] {
    let group = desk.driver.group
    return (0..<group.count).filter { group.samples[$0].isPresent && group.samples[$0].time.isFinite }
      .map { group.pods[$0].name }
  }

  private static func isAdvised(_ settings: SessionSettings, _ name: String) -> Bool {
    settings.pods[name]?.mode == .recommend
  }

  /// Changes settings between two rounds.
  static func change(
    _ session: Session,
    _ edit: @escaping @Sendable (inout SessionSettings, Session.Desk) throws(APIFailure) -> ServerResponse
  ) -> ServerAnswer {
    .later(
      session.order { desk throws(APIFailure) in
        var settings = desk.settings
        let response = try edit(&settings, desk)
        try desk.change(to: settings)
        return response
      })
  }

  static func message(_ text: String) -> ServerResponse {
    object { json in
      json.key("message")
      json.put(text)
    }
  }

  static func object(_ body: (inout JSONBytes) -> Void) -> ServerResponse {
    var json = JSONBytes()
    json.object(body)
    return ServerResponse(200, contentType: "application/json", body: .bytes(json.bytes + [10]))
  }
}
