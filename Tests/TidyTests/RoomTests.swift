import Foundation
import Testing

/// The direction of the imports: a room knows only the rooms below it.
@Suite("Rooms")
struct RoomTests {
  /// Rooms that may look at a neighbour on their own floor.
  static let beside = ["Backend": ["Control"]]

  /// What comes with the toolchain.
  static let toolchain = ["Foundation", "FoundationEssentials", "Glibc", "Dispatch", "Synchronization"]

  let table: PackageTable

  init() throws {
    table = try PackageTable(manifest: try #require(Checkout.file("Package.swift")).text)
  }

  @Test("the table is read as it is meant")
  func reading() throws {
    #expect(table.room("RandomStreams")?.floor == 0)
    #expect(table.room("Terminal")?.floor == 1)
    #expect(table.room("Terminal")?.dependencies == ["CLibYAML"])
    #expect(table.room("marlise")?.floor == 4)
    #expect(table.room("marlise")?.dependencies.contains("Training") == true)
    #expect(table.room("TestSupport") == nil)
  }

  @Test("every dependency points down")
  func down() {
    let offences = table.rooms.flatMap { room in
      room.dependencies.filter { name in
        guard let other = table.room(name) else { return true }
        return other.floor >= room.floor && !(RoomTests.beside[room.name] ?? []).contains(name)
      }.map { "\(room.name) (floor \(room.floor)) depends on \($0)" }
    }
    #expect(offences == [])
  }

  @Test("every import is a declared dependency: SwiftPM itself lets transitive ones pass")
  func declared() throws {
    let kinds = "struct|class|enum|protocol|func|let|var|typealias"
    let pattern =
      #"^[ \t]*(?:@\w+(?:\([^)]*\))?[ \t]+|(?:public|internal|private)[ \t]+)*import[ \t]+(?:(?:\#(kinds))[ \t]+)?(\w+)"#
    var offences: [String] = []
    for file in Checkout.files(under: "Sources/", ending: ".swift") {
      guard let room = table.room(file.room) else {
        offences.append("\(file.path): the room \(file.room) is not in Package.swift")
        continue
      }
      let allowed = room.dependencies + RoomTests.toolchain
      for match in try Checkout.groups(pattern, in: SwiftCode.only(file.text)) where !allowed.contains(match[1]) {
        offences.append("\(file.path): imports \(match[1]), which Package.swift does not list for \(room.name)")
      }
    }
    #expect(offences == [])
  }

  @Test("the decision path has no way to do input or output")
  func pure() throws {
    let files = Checkout.files(under: "Sources/Autoscaling/", ending: ".swift")
    try expectNone(Checkout.lines(of: files, matching: #"\bimport (Foundation|Dispatch)\b"#))
    let calls = #"\b(print|fputs|fopen|open|write|readLine|getenv|clock_gettime)\s*\("#
    try expectNone(Checkout.lines(of: files, matching: calls, in: { SwiftCode.only($0.text) }))
  }

  @Test("no algorithm is told apart by name outside the catalogue")
  func catalogue() throws {
    let names = "mdqn|dmdqn|ddmdqn|ppo|ippo|dppo|ddpg|iddpg"
    let files = Checkout.files(under: "Sources/", ending: ".swift").filter { $0.room != "Learning" }
    try expectNone(Checkout.lines(of: files, matching: #"\bcase\s+[."]?(\#(names))"?\s*[:,]"#))
    try expectNone(Checkout.lines(of: files, matching: #"[!=]=\s*[."](\#(names))\b"#))
  }
}
