import Kubernetes

/// How a patch is written, by its content type.
enum PatchKind: Equatable {
  case strategicMerge, merge, json, apply

  init?(contentType: String) {
    switch contentType {
    case "application/strategic-merge-patch+json": self = .strategicMerge
    case "application/merge-patch+json": self = .merge
    case "application/json-patch+json": self = .json
    case "application/apply-patch+yaml", "application/apply-patch+json": self = .apply
    default: return nil
    }
  }
}

/// Patches of JSON documents.
enum Patch {
  /// RFC 7386: null removes, objects are merged, all else replaces.
  static func merge(_ patch: JSON, into document: JSON) -> JSON {
    guard case .object(let members) = patch else { return patch }
    var result = document
    if case .object = document {} else { result = .object([]) }
    for member in members {
      if member.value == .null {
        result[member.name] = nil
      } else {
        result[member.name] = merge(member.value, into: result[member.name] ?? .null)
      }
    }
    return result
  }

  /// As `merge`, but lists whose items have names or types are merged by them; a container that is new comes first.
  static func strategicMerge(_ patch: JSON, into document: JSON) -> JSON {
    guard case .object(let members) = patch else { return patch }
    var result = document
    if case .object = document {} else { result = .object([]) }
    if result["$patch"] != nil { result["$patch"] = nil }
    for member in members where !member.name.hasPrefix("$") {
      switch member.value {
      case .null: result[member.name] = nil
      case .array(let items):
        if let key = mergeKeys[member.name], case .array(let old)? = result[member.name],
          items.allSatisfy({ $0[key] != nil })
        {
          result[member.name] = .array(mergeLists(items, into: old, key: key))
        } else {
          result[member.name] = member.value
        }
      default: result[member.name] = strategicMerge(member.value, into: result[member.name] ?? .null)
      }
    }
    return result
  }

  /// Lists of a pod that are merged by an item's member.
  private static let mergeKeys = [
    "containers": "name", "initContainers": "name", "env": "name", "conditions": "type", "resizePolicy": "resourceName",
  ]

  private static func mergeLists(_ items: [JSON], into old: [JSON], key: String) -> [JSON] {
    var merged = old
    var added: [JSON] = []
    for item in items {
      let place = merged.firstIndex { $0[key] == item[key] }
      if item["$patch"]?.text == "delete" {
        if let place { merged.remove(at: place) }
      } else if let place {
        merged[place] = strategicMerge(item, into: merged[place])
      } else {
        added.append(item)
      }
    }
    return added + merged
  }

  /// RFC 6902.
  ///
  /// - Throws: `StatusError` for a patch that does not apply.
  static func json(_ patch: JSON, to document: JSON) throws(StatusError) -> JSON {
    guard case .array(let steps) = patch else {
      throw .badRequest("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    }
    var result = document
    for step in steps {
      guard let operation = step["op"]?.text, let path = step["path"]?.text, let parts = pointer(path) else {
        throw .rejectedPatch
      }
      switch operation {
      case "test":
        guard find(parts, in: result) == step["value"] else { throw .rejectedPatch }
      case "add", "replace":
        guard let value = step["value"] else { throw .rejectedPatch }
        result = try change(result, parts[...], operation, value)
      case "remove": result = try change(result, parts[...], operation, nil)
      case "copy", "move":
        guard let from = step["from"]?.text.flatMap(pointer), let value = find(from, in: result) else {
          throw .rejectedPatch
        }
        if operation == "move" { result = try change(result, from[...], "remove", nil) }
        result = try change(result, parts[...], "add", value)
      default: throw .rejectedPatch
      }
    }
    return result
  }

  private static func pointer(_ text: String) -> [String]? {
    if text.isEmpty { return [] }
    guard text.first == "/" else { return nil }
    return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { part in
      part.split(separator: "~", omittingEmptySubsequences: false).enumerated().map { place, piece in
        if place == 0 { return String(piece) }
        return piece.first == "1" ? "/" + piece.dropFirst() : "~" + (piece.first == "0" ? piece.dropFirst() : piece)
      }.joined()
    }
  }

  private static func find(_ path: [String], in document: JSON) -> JSON? {
    var value = document
    for part in path {
      if case .array(let items) = value {
        guard let place = Int(part), items.indices.contains(place) else { return nil }
        value = items[place]
      } else {
        guard let next = value[part] else { return nil }
        value = next
      }
    }
    return value
  }

  private static func change(
    _ document: JSON, _ path: ArraySlice<String>, _ operation: String, _ value: JSON?
  ) throws(StatusError) -> JSON {
    guard let part = path.first else {
      if let value { return value }
      throw .rejectedPatch
    }
    let rest = path.dropFirst()
    if case .array(var items) = document {
      if rest.isEmpty, operation == "add", let value {
        guard let place = part == "-" ? items.count : Int(part), (0...items.count).contains(place) else {
          throw .rejectedPatch
        }
        items.insert(value, at: place)
        return .array(items)
      }
      guard let place = Int(part), items.indices.contains(place) else { throw .rejectedPatch }
      if rest.isEmpty, operation == "remove" {
        items.remove(at: place)
      } else {
        items[place] = try change(items[place], rest, operation, value)
      }
      return .array(items)
    }
    guard case .object = document else { throw .rejectedPatch }
    var result = document
    if rest.isEmpty {
      guard operation == "add" || document[part] != nil else { throw .rejectedPatch }
      result[part] = value
      return result
    }
    guard let inner = document[part] else { throw .rejectedPatch }
    result[part] = try change(inner, rest, operation, value)
    return result
  }
}
