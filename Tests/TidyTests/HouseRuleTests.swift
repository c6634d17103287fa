import Foundation
import Testing

/// The rules of CONTRIBUTING.md that a program can check. Each test lists the offences as `path:line: text`.
@Suite("House rules")
struct HouseRuleTests {
  static let sources = Checkout.files(under: "Sources/", ending: ".swift")
  /// This folder has to spell out what it forbids.
  static let others = Checkout.files.filter { !$0.path.hasPrefix("Tests/TidyTests/") && $0.path != "LICENSE" }

  private func code(_ file: Checkout.File) -> String { SwiftCode.only(file.text) }

  @Test(
    "nothing in Sources ends the process for a mistake of the world",
    arguments: [
      ("try!", #"\btry!"#), ("as!", #"\bas!"#), ("fatalError", #"\bfatalError\s*\("#),
      ("force unwrap", #"[\w)\]]!(?=[.,;:)\]\s\[(?]|$)(?<!\btry!)(?<!\bas!)"#),
    ])
  func crashes(_ what: String, _ pattern: String) throws {
    try expectNone(Checkout.lines(of: HouseRuleTests.sources, matching: pattern, in: code))
  }

  @Test("a file is one idea: none in Sources has more than 500 lines")
  func length() {
    let long = Checkout.files(under: "Sources/").filter { $0.lines.count > 501 && !$0.path.contains("/assets/") }
    #expect(long.map { "\($0.path): \($0.lines.count - 1) lines" } == [])
  }

  @Test("what is left to do stands in issues, not in files")
  func leftovers() throws {
    try expectNone(Checkout.lines(of: HouseRuleTests.others, matching: #"\b(TODO|FIXME|XXX)\b"#))
  }

  @Test("no file knows where on somebody's machine it was written")
  func absolutePaths() throws {
    let pattern = #"(?<![\w./$}-])/(work|root|home|tmp|Users)/[\w.]"#
    try expectNone(Checkout.lines(of: HouseRuleTests.others, matching: pattern))
  }

  @Test("tests do not sleep")
  func sleeping() throws {
    let tests = Checkout.files(under: "Tests/", ending: ".swift")
    let pattern = #"\b(u?sleep|nanosleep|asyncAfter)\s*\(|\b(Task|Thread|clock)\.sleep\b"#
    try expectNone(Checkout.lines(of: tests, matching: pattern, in: code))
  }

  @Test("every relative link in a document leads to a file")
  func links() throws {
    var broken: [String] = []
    for file in Checkout.files where file.path.hasSuffix(".md") {
      let folder = Checkout.root.appendingPathComponent(file.path).deletingLastPathComponent()
      for match in try Checkout.groups(#"\]\(([^)\s]+)(?:\s+"[^"]*")?\)"#, in: file.text) {
        let target = match[1].prefix { $0 != "#" }
        if target.isEmpty || target.contains(":") { continue }
        let path = folder.appendingPathComponent(String(target)).standardizedFileURL.path
        if !FileManager.default.fileExists(atPath: path) { broken.append("\(file.path): \(match[1])") }
      }
    }
    #expect(broken == [])
  }

  @Test("scripts can be run, and stop at the first error")
  func scripts() {
    let scripts = Checkout.files.filter {
      $0.path.hasPrefix("scripts/") && $0.path.hasSuffix(".sh") || $0.path == ".ci/run"
    }
    #expect(scripts.count >= 4)
    for script in scripts {
      #expect(FileManager.default.isExecutableFile(atPath: Checkout.root.appendingPathComponent(script.path).path))
      #expect(script.text.hasPrefix("#!/usr/bin/env bash\n"), "\(script.path)")
      #expect(script.text.contains("\nset -euo pipefail\n"), "\(script.path)")
    }
  }

  @Test("every Debian package that Package.swift wants is installed by scripts/setup.sh, the only list")
  func packages() throws {
    let manifest = try #require(Checkout.file("Package.swift")).text
    let setup = try #require(Checkout.file("scripts/setup.sh")).text
    let wanted = try Checkout.groups(#"\.apt\(\["([^"]+)"\]\)"#, in: manifest).map { $0[1] }
    #expect(!wanted.isEmpty)
    for package in wanted { #expect(setup.contains("\n  \(package) "), "\(package)") }
    let elsewhere = HouseRuleTests.others.filter { $0.path != "scripts/setup.sh" && $0.path != "Package.swift" }
    try expectNone(Checkout.lines(of: elsewhere, matching: #"\blib(openblas|hdf5|yaml)-dev\b"#))
  }
}

@Suite("What the house rules see")
struct SwiftCodeTests {
  @Test(
    "comments and texts are no code; what is interpolated is",
    arguments: [
      ("a // b!\nc", "a \nc"), ("a /* b /* c */ d */ e", "a  e"), ("\"try!\"", "\"\""), ("\"\\(x!)\"", "\"(x!)\""),
      ("#\"a\"b\\(c)\"#", "\"\""), ("#\"\\#(x)\"#", "\"(x)\""), ("\"\"\"\na \"b\" !\n\"\"\"", "\"\n\n\""),
      ("#if x", "#if x"),
      ("\"a\\\"b!\" + c", "\"\" + c"), ("\"\\(f(\"x!\", (1)))\" y", "\"(f(\"\", (1)))\" y"),
    ])
  func code(_ source: String, _ code: String) { #expect(SwiftCode.only(source) == code) }
}
