/// What an answer looks like, as `/openapi.json` tells it. The tests hold real answers against it, so that it cannot drift.
indirect enum AnswerShape: Sendable {
  case text
  case number
  case integer
  case bool
  case orNull(AnswerShape)
  case list(AnswerShape)
  /// All of its members are always there.
  case object(KeyValuePairs<String, AnswerShape>)
  /// One of `all`, by its name.
  case named(String)

  /// The objects that answers are made of.
  static let all: KeyValuePairs<String, AnswerShape> = [
    "Message": .object(["message": .text]), "Settings": settings, "Pod": pod, "Decision": decision,
    "PastDecision": pastDecision, "State": state, "History": history,
    "Agent": .object(["agent": .integer, "pod": .orNull(.text), "acts": .bool]),
    "Algorithm": .object(["name": .text, "family": .text, "summary": .text]),
    "PodSettings": .object([
      "name": .text, "priority": .number, "minimum": .integer, "maximum": .integer, "mode": .text,
    ]),
  ]

  private static let settings = AnswerShape.object([
    "running": .bool, "mode": .text, "algorithm": .orNull(.text), "checkpoint": .orNull(.text),
    "hack": .orNull(.integer), "capacity": .integer, "interval": .number, "minimum": .integer, "maximum": .integer,
  ])

  private static let pod = AnswerShape.object([
    "name": .text, "namespace": .orNull(.text), "owner": .text, "place": .integer, "present": .bool, "mode": .text,
    "priority": .number, "minimum": .integer, "maximum": .integer, "limit": .integer, "request": .integer,
    "original": .integer, "usage": .orNull(.number), "throttled": .orNull(.number), "response_mean": .orNull(.number),
    "response_p95": .orNull(.number), "age": .orNull(.number), "unsettled": .bool,
    "decision": .orNull(.named("Decision")), "note": .text,
  ])

  private static let decision = AnswerShape.object([
    "time": .number, "wish": .orNull(.integer), "asked": .integer, "grant": .integer, "from": .integer,
    "limit": .integer, "reasons": .list(.text), "sent": .bool, "text": .text,
  ])

  private static let pastDecision = AnswerShape.object([
    "time": .number, "round": .integer, "pod": .text, "namespace": .orNull(.text), "limit_before": .integer,
    "limit": .integer, "wish": .orNull(.integer), "asked": .integer, "grant": .integer, "reasons": .list(.text),
    "sent": .bool, "text": .text,
  ])

  private static let state = AnswerShape.object([
    "version": .text, "running": .bool, "mode": .text, "authorization": .text, "algorithm": .text,
    "algorithms": .list(.text), "checkpoint": .text, "hack": .orNull(.integer),
    "cluster": .object([
      "kind": .text, "server": .orNull(.text), "version": .orNull(.text), "metrics": .orNull(.text),
    ]), "interval": .number, "bounds": .object(["minimum": .integer, "maximum": .integer]),
    "election": .orNull(.object(["identity": .text, "leader": .text, "is_leader": .bool, "lease": .text])),
    "notice": .orNull(.text), "time": .number, "round": .integer, "missed_rounds": .integer,
    "tick": .object(["last": .number, "p50": .number, "p99": .number]),
    "pool": .object(["capacity": .integer, "allocated": .integer, "reserved": .integer, "used": .number]),
    "resizes": .object(["sent": .integer, "refused": .integer, "unanswered": .integer]), "complete": .bool,
    "pods": .list(.named("Pod")),
  ])

  private static let history = AnswerShape.object([
    "times": .list(.number), "capacity": .list(.integer),
    "pods": .list(
      .object([
        "name": .text, "namespace": .orNull(.text), "limit": .list(.orNull(.integer)),
        "usage": .list(.orNull(.number)), "throttled": .list(.orNull(.number)),
        "response_p95": .list(.orNull(.number)),
      ])),
  ])

  /// As a JSON schema.
  func write(to json: inout JSONBytes) {
    json.object { json in
      func type(_ name: String) {
        json.key("type")
        json.put(name)
      }
      switch self {
      case .text: type("string")
      case .number: type("number")
      case .integer: type("integer")
      case .bool: type("boolean")
      case .orNull(let shape):
        json.key("anyOf")
        json.array { json in
          shape.write(to: &json)
          json.object { json in
            json.key("type")
            json.put("null")
          }
        }
      case .list(let shape):
        type("array")
        json.key("items")
        shape.write(to: &json)
      case .object(let members):
        type("object")
        json.key("required")
        json.array { json in for (name, _) in members { json.put(name) } }
        json.key("properties")
        json.object { json in
          for (name, shape) in members {
            json.key(name)
            shape.write(to: &json)
          }
        }
      case .named(let name):
        json.key("$ref")
        json.put("#/components/schemas/" + name)
      }
    }
  }
}
