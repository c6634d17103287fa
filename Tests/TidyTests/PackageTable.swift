/// The rooms as `Package.swift` lists them: floor, dependencies, order.
struct PackageTable {
  struct Room {
    let name: String
    let floor: Int
    let dependencies: [String]
  }

  let rooms: [Room]

  init(manifest: String) throws {
    var floor = -1
    var found: [(name: String, floor: Int, body: String)] = []
    // A room reaches to the next one; `// Floor N:` says where it stands.
    let heads =
      #"// Floor (\d)|// Tests mirror|(?:\broom\(|\.(?:executableTarget|target|systemLibrary)\(\s*name:)\s*"([^"]+)""#
    var rest = Substring(manifest)
    for match in try Checkout.groups(heads, in: manifest) {
      guard let range = rest.range(of: match[0]) else { continue }
      if let last = found.indices.last { found[last].body += rest[..<range.lowerBound] }
      rest = rest[range.upperBound...]
      if match[0].hasPrefix("// Tests") { break }
      if let number = Int(match[1]) {
        floor = number
        // What stands between two floors belongs to no room.
        found.append(("", floor, ""))
      } else {
        found.append((match[2], floor, ""))
      }
    }
    found.removeAll { $0.name.isEmpty }
    let names = Set(found.map(\.name))
    rooms = try found.map { entry in
      let quoted = try Checkout.groups(#""([^"]+)""#, in: entry.body).map { $0[1] }
      return Room(name: entry.name, floor: entry.floor, dependencies: quoted.filter(names.contains))
    }
  }

  func room(_ name: String) -> Room? { rooms.first { $0.name == name } }
}
