/// `/openapi.json`: the routes, as OpenAPI 3.1 describes an interface.
///
/// - Source: https://spec.openapis.org/oas/v3.1.0
enum OpenAPI {
  /// - Parameter guardsReads: whether reading demands the token, too.
  static func document(_ routes: [Route], _ service: ServiceFacts, guardsReads: Bool) -> [UInt8] {
    var json = JSONBytes(capacity: 32 << 10)
    json.object { json in
      json.key("openapi")
      json.put("3.1.0")
      json.key("info")
      json.object { json in
        json.key("title")
        json.put("MARLISE")
        json.key("version")
        json.put(service.version)
        json.key("description")
        json.put("Agents that scale Kubernetes pods in place. CPU in millicores, times in seconds, ratios 0 to 1.")
      }
      json.key("paths")
      json.object { json in
        var templates: [String] = []
        for route in routes where !templates.contains(route.template) { templates.append(route.template) }
        for template in templates {
          json.key(template)
          json.object { json in
            for route in routes where route.template == template {
              let isGuarded = service.demandsToken && (route.mutates || (guardsReads && !route.isOpen))
              write(route, isGuarded: isGuarded, to: &json)
            }
          }
        }
      }
      json.key("components")
      json.object { json in
        json.key("securitySchemes")
        json.object { json in
          json.key("token")
          json.object { json in
            json.key("type")
            json.put("http")
            json.key("scheme")
            json.put("bearer")
          }
        }
        json.key("schemas")
        json.object { json in
          json.key("Error")
          writeErrorSchema(to: &json)
          for (name, shape) in AnswerShape.all {
            json.key(name)
            shape.write(to: &json)
          }
        }
      }
    }
    return json.bytes + [10]
  }

  private static func write(_ route: Route, isGuarded: Bool, to json: inout JSONBytes) {
    json.key(route.method.lowercased())
    json.object { json in
      json.key("summary")
      json.put(route.summary)
      json.key("operationId")
      json.put(
        route.method.lowercased()
          + route.template.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined())
      json.key("tags")
      json.array { $0.put(route.tag) }
      if isGuarded {
        json.key("security")
        json.array { json in
          json.object { json in
            json.key("token")
            json.array { _ in }
          }
        }
      }
      writeParameters(route, to: &json)
      if !route.fields.isEmpty { writeBody(route.fields, to: &json) }
      json.key("responses")
      json.object { json in
        json.key("200")
        json.object { json in
          json.key("description")
          json.put("Done.")
          json.key("content")
          json.object { json in
            json.key(route.contentType)
            json.object { json in
              json.key("schema")
              (route.answer ?? .text).write(to: &json)
            }
          }
        }
        for status in Set(
          route.failures + [403] + (isGuarded ? [401] : []) + (route.mutates || isGuarded ? [429] : [])
            + (route.mutates ? [503] : []) + (route.fields.isEmpty ? [] : [400, 415, 422])
        )
        .sorted() {
          json.key(String(status))
          json.object { json in
            json.key("description")
            json.put("Refused; the body says why.")
            json.key("content")
            json.object { json in
              json.key("application/json")
              json.object { json in
                json.key("schema")
                json.object { json in
                  json.key("$ref")
                  json.put("#/components/schemas/Error")
                }
              }
            }
          }
        }
      }
    }
  }

  private static func writeParameters(_ route: Route, to json: inout JSONBytes) {
    let names = route.path.compactMap { part -> String? in
      if case .name(let name) = part { return name }
      return nil
    }
    guard !names.isEmpty || !route.query.isEmpty else { return }
    json.key("parameters")
    json.array { json in
      let inPath = names.map { RequestBody.Field(name: $0, kind: .text([]), summary: "The pod's \($0).") }
      for (field, place) in inPath.map({ ($0, "path") }) + route.query.map({ ($0, "query") }) {
        json.object { json in
          json.key("name")
          json.put(field.name)
          json.key("in")
          json.put(place)
          json.key("required")
          json.put(place == "path")
          json.key("schema")
          json.object { write(field, to: &$0) }
        }
      }
    }
  }

  private static func writeBody(_ fields: [RequestBody.Field], to json: inout JSONBytes) {
    json.key("requestBody")
    json.object { json in
      json.key("required")
      json.put(true)
      json.key("content")
      json.object { json in
        json.key("application/json")
        json.object { json in
          json.key("schema")
          json.object { json in
            json.key("type")
            json.put("object")
            json.key("additionalProperties")
            json.put(false)
            let required = fields.filter(\.isRequired).map(\.name)
            if !required.isEmpty {
              json.key("required")
              json.array { json in for name in required { json.put(name) } }
            }
            json.key("properties")
            json.object { json in
              for field in fields {
                json.key(field.name)
                json.object { write(field, to: &$0) }
              }
            }
          }
        }
      }
    }
  }

  private static func write(_ field: RequestBody.Field, to json: inout JSONBytes) {
    func type(_ name: String, _ json: inout JSONBytes) {
      json.key("type")
      if field.isNullable {
        json.array { json in
          json.put(name)
          json.put("null")
        }
      } else {
        json.put(name)
      }
    }
    switch field.kind {
    case .bool: type("boolean", &json)
    case .integer(let range):
      type("integer", &json)
      json.key("minimum")
      json.put(range.lowerBound)
      json.key("maximum")
      json.put(range.upperBound)
    case .number(let range):
      type("number", &json)
      json.key("minimum")
      json.put(range.lowerBound, digits: 6)
      json.key("maximum")
      json.put(range.upperBound, digits: 6)
    case .text(let words):
      type("string", &json)
      if !words.isEmpty {
        json.key("enum")
        json.array { json in
          for word in words { json.put(word) }
          if field.isNullable { json.null() }
        }
      }
    }
    json.key("description")
    json.put(field.summary)
  }

  private static func writeErrorSchema(to json: inout JSONBytes) {
    json.object { json in
      json.key("type")
      json.put("object")
      json.key("properties")
      json.object { json in
        json.key("error")
        json.object { json in
          json.key("type")
          json.put("object")
          json.key("properties")
          json.object { json in
            for name in ["code", "message", "field"] {
              json.key(name)
              json.object { json in
                json.key("type")
                json.put("string")
              }
            }
          }
        }
      }
    }
  }
}
