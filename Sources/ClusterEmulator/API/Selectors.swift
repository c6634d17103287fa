/// A label selector: `app=web,tier in (a,b),!old`.
struct LabelSelector: Sendable, Equatable {
  enum Requirement: Sendable, Equatable {
    case exists(String)
    case absent(String)
    case among(String, [String])
    case notAmong(String, [String])
  }

  var requirements: [Requirement] = []

  func matches(_ labels: [String: String]) -> Bool {
    requirements.allSatisfy { requirement in
      switch requirement {
      case .exists(let key): labels[key] != nil
      case .absent(let key): labels[key] == nil
      case .among(let key, let values): labels[key].map(values.contains) ?? false
      case .notAmong(let key, let values): labels[key].map { !values.contains($0) } ?? true
      }
    }
  }

  init() {}

  /// - Throws: `StatusError` 400 in the API server's words.
  init(_ text: String) throws(StatusError) {
    var tokens = Self.tokens(text)[...]
    func failure(_ found: String, _ expected: String) -> StatusError {
      .badRequest("unable to parse requirement: found '\(found)' expected: \(expected)")
    }
    while let token = tokens.popFirst() {
      if token == "!" {
        guard let key = tokens.popFirst(), Self.isWord(key) else { throw failure(tokens.first ?? "", "identifier") }
        requirements.append(.absent(key))
      } else {
        guard Self.isWord(token) else { throw failure(token, "!, identifier, or ','") }
        let sign = tokens.first ?? ","
        switch sign {
        case ",": requirements.append(.exists(token))
        case "=", "==", "!=":
          tokens.removeFirst()
          var value = ""
          if let next = tokens.first, Self.isWord(next) {
            value = next
            tokens.removeFirst()
          }
          requirements.append(sign == "!=" ? .notAmong(token, [value]) : .among(token, [value]))
        case "in", "notin":
          tokens.removeFirst()
          let values = try Self.values(&tokens)
          requirements.append(sign == "in" ? .among(token, values) : .notAmong(token, values))
        default: throw failure(sign, "in, notin, =, ==, !=, gt, lt")
        }
      }
      if let next = tokens.popFirst(), next != "," { throw failure(next, "',' or 'end of string'") }
    }
  }

  private static func values(_ tokens: inout ArraySlice<String>) throws(StatusError) -> [String] {
    guard tokens.first == "(" else {
      throw .badRequest("unable to parse requirement: found '\(tokens.first ?? "")' expected: '('")
    }
    tokens.removeFirst()
    var values: [String] = []
    while let token = tokens.popFirst() {
      if token == ")" { return values }
      if token != "," { values.append(token) }
    }
    throw .badRequest("unable to parse requirement: found '', expected: ',', or ')'")
  }

  private static func isWord(_ token: String) -> Bool {
    token.utf8.allSatisfy { byte in
      (byte >= 48 && byte <= 57) || (byte | 32 >= 97 && byte | 32 <= 122) || [45, 46, 47, 95].contains(byte)
    } && !token.isEmpty
  }

  private static func tokens(_ text: String) -> [String] {
    var tokens: [String] = []
    var word = ""
    for character in text {
      if "=!,() \t".contains(character) {
        if !word.isEmpty { tokens.append(word) }
        word = ""
        if character == "=", tokens.last == "=" || tokens.last == "!" {
          tokens[tokens.count - 1] += "="
        } else if character != " " && character != "\t" {
          tokens.append(String(character))
        }
      } else {
        word.append(character)
      }
    }
    if !word.isEmpty { tokens.append(word) }
    return tokens
  }
}

/// A field selector: `spec.nodeName=node-1,status.phase!=Failed`.
struct FieldSelector: Sendable, Equatable {
  struct Requirement: Sendable, Equatable {
    var field: String
    var value: String
    var isEqual: Bool
  }

  var requirements: [Requirement] = []

  init() {}

  /// - Throws: `StatusError` 400 for a term without a sign or a field that `allowed` lacks.
  init(_ text: String, allowed: [String]) throws(StatusError) {
    for term in text.split(separator: ",") {
      guard let sign = term.firstIndex(of: "=") else {
        throw .badRequest("invalid selector: '\(text)'; can't understand '\(term)'")
      }
      var field = String(term[..<sign])
      var value = term[term.index(after: sign)...]
      if value.first == "=" { value = value.dropFirst() }
      let isEqual = field.last != "!"
      if !isEqual { field.removeLast() }
      guard allowed.contains(field) else { throw .badRequest("field label not supported: \(field)") }
      requirements.append(Requirement(field: field, value: String(value), isEqual: isEqual))
    }
  }

  func matches(_ field: (String) -> String) -> Bool {
    requirements.allSatisfy { (field($0.field) == $0.value) == $0.isEqual }
  }
}
